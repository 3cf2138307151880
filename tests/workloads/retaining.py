"""Blocks that are lost, in a process that makes malloc retain more and more of what it frees, as a server does with ever
more requests at a time."""
import ctypes
import threading
import time

from truth import fact, marked, serve

THREADS = 8
LAST = []

take = ctypes.pythonapi.Py_IncRef
take.argtypes = [ctypes.py_object]
take.restype = None


def lose():
    take(bytes(2000))  # lost here


def losing():
    while True:
        lose()
        time.sleep(1 / 200)


def rush(barrier):
    """Every second 100 KiB more than the time before, all of it freed but for a block at the end."""
    number = 0
    while True:
        number += 1
        barrier.wait()
        made = [bytearray(700) for _ in range(150 * number)]
        LAST.append(bytearray(700))
        barrier.wait()
        del made
        time.sleep(1)


def go():
    fact("line", marked("lost here", __file__))
    barrier = threading.Barrier(THREADS)
    threading.Thread(target=losing, daemon=True).start()
    for _ in range(THREADS):
        threading.Thread(target=rush, args=(barrier,), daemon=True).start()


serve(go)
