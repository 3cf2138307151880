"""Python called from C called from Python."""
import _thread
import ctypes
import functools
import itertools
import json
import os
import re
import signal
import threading
import weakref

from truth import SIZE, here, take

COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))


def key(_):
    take(bytes(SIZE), here())
    return 0


def sorted_key():
    sorted([3], key=key)
    sorted([3], key=lambda number: take(bytes(SIZE), here()) and 0)
    max([3, 4], key=key)


def mapped():
    list(map(key, [1]))
    list(filter(key, [1]))
    list(itertools.starmap(lambda left, right: take(bytes(SIZE), here()), [(1, 2)]))
    functools.reduce(lambda left, right: take(bytes(SIZE), here()), [1, 2])
    functools.partial(key, 1)()


def substituted():
    re.sub("a", lambda match: take(bytes(SIZE), here()) and "b", "a")


def compared():
    class Odd:
        def __lt__(self, other):
            take(bytes(SIZE), here())
            return True

        def __hash__(self):
            take(bytes(SIZE), here())
            return 1

    sorted([Odd(), Odd()])
    {Odd(): 1}


def deep_nesting():
    """C and Python in turn, six times."""

    def nest(depth):
        if depth == 0:
            take(bytes(SIZE), here())
        else:
            sorted([depth], key=lambda _: list(map(nest, [depth - 1])) and 0)

    nest(6)


def through_ctypes():
    def compare(left, right):
        take(bytes(SIZE), here())
        return left[0] - right[0]

    numbers = (ctypes.c_int * 2)(2, 1)
    ctypes.CDLL(None).qsort(numbers, 2, ctypes.sizeof(ctypes.c_int), COMPARE(compare))


def through_json():
    json.loads('{"a": 1}', object_hook=lambda value: take(bytes(SIZE), here()))


def weak():
    class Thing:
        pass

    thing = Thing()
    reference = weakref.ref(thing, lambda _: take(bytes(SIZE), here()))
    del thing
    del reference


def signalled():
    signal.signal(signal.SIGUSR1, lambda number, frame: take(bytes(SIZE), here()))
    os.kill(os.getpid(), signal.SIGUSR1)
    for _ in range(100):  # a handler runs at the next check of the evaluation loop
        pass
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


def in_thread():
    def run():
        take(bytes(SIZE), here())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def in_bare_thread():
    """Without the threading module's frames below it."""
    done = threading.Event()

    def run():
        take(bytes(SIZE), here())
        done.set()

    _thread.start_new_thread(run, ())
    done.wait()


ALL = [
    sorted_key, mapped, substituted, compared, deep_nesting, through_ctypes, through_json, weak, signalled, in_thread,
    in_bare_thread,
]
