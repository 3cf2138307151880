"""Allocates one block of a size that nobody else asks for, from as deep as C and Python go through
one another: sorted with a key, a generator, a class, map, functools.reduce, a thread."""
import functools
import os
import signal
import sys
import threading

SIZE = 1_000_003


def allocate():
    return bytearray(SIZE)


def key(value):
    allocate()
    return value


class Widget:
    def __init__(self):
        self.order = sorted([1], key=key)


def produce():
    yield Widget()


def consume():
    return [widget for widget in produce()]


def reduced(left, right):
    return consume()


def outer(value):
    return functools.reduce(reduced, [value, value])


def work():
    list(map(outer, [1]))


def deep(depth):
    if depth:
        return deep(depth - 1)
    return allocate()


# The debugger waits for this before it looks at allocations.
os.kill(os.getpid(), signal.SIGUSR1)
scenario = sys.argv[1]
if scenario == "main":
    work()
elif scenario == "deep":
    deep(60)
else:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
