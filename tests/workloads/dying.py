"""Keeps blocks, then allocates without end in a thread until it dies in the way that it is told."""
import ctypes
import os
import sys
import threading

from truth import at_line, expect, here, marked, serve

# What begins with a line is torn down first.
_SMALL = [None] * 1000
KEPT = [None] * 200
FILE = __file__  # from 3.14 on gone once the main thread has nothing more to do


def go():
    told = here()
    for index in range(200):
        KEPT[index] = bytes(10000)  # kept here
    expect(at_line(told, marked("kept here", __file__)), 200)


def small():
    for index in range(1000):
        _SMALL[index] = bytes(967)


def churn():
    def forever():
        while True:
            [bytes(900 + number) for number in range(100)]

    for _ in range(2):
        threading.Thread(target=forever, daemon=True).start()


def segfault():
    ctypes.string_at(1)


def exit_in_thread():
    threading.Thread(target=os._exit, args=(0,)).start()
    threading.Event().wait()


def exec_main():
    os.execv(sys.executable, [sys.executable, sys.argv[0]])


def exec_in_thread():
    threading.Thread(target=exec_main).start()
    threading.Event().wait()


def leave_main():
    """The main thread has nothing more to do, and waits in the interpreter for the other one."""
    threading.Thread(target=serve, args=(keep_more,), kwargs={"finish": sys.exit}).start()
    sys.exit()


def leave_leader():
    """The main thread ends alone (the raw system call); another goes on listening."""
    threading.Thread(target=serve, args=(keep_more,)).start()
    ctypes.CDLL(None).syscall(60, 0)


def keep_more():
    told = here()
    KEPT[:] = [None] * 200
    for index in range(200):
        KEPT[index] = bytes(10000)  # kept after the leader
    expect(at_line(told, marked("kept after the leader", FILE)), 200)


serve(
    go, small=small, churn=churn, segfault=segfault, abort=os.abort, exit_in_thread=exit_in_thread, exec_main=exec_main,
    exec_in_thread=exec_in_thread, leave_leader=leave_leader, leave_main=leave_main, finish=sys.exit,
)
