"""Lists that grow, each of another kind of objects; and how much each of them alone retains, as the
interpreter and its C library count it when the list is emptied."""
import array
import collections
import ctypes
import functools
import gc
import os
import re
import sys
import tempfile
import time

from truth import fact, serve


class Plain:
    def __init__(self, number):
        self.name = "name of %d" % number
        self.number = 100000 + number
        self.parts = [1.5 * number]


class Slots:
    __slots__ = ("one", "two")

    def __init__(self, number):
        self.one, self.two = (number, 70000 + number), {"a key": number}


class Node:
    """Half of a cycle."""

    def __init__(self, number):
        self.peer = Peer(self)
        self.text = "x" * (number % 300)


class Peer:
    def __init__(self, node):
        self.node = node

    def method(self):
        return self


def closure(number):
    held = bytes(100 + number % 50)
    return lambda: held


def generator(number):
    held = [number] * 20
    yield held
    yield held


def running(number):
    made = generator(number)
    next(made)
    return made


def raised(number):
    try:
        raise ValueError("number %d" % number)
    except ValueError as error:
        error.__traceback__ = None
        return error


def shared(number):
    """What is in a second list, too, is not retained by the first alone."""
    item = ["of both", float(number)]
    Registry.others.append(item)
    return (item, bytes(200))


MAKE = {
    "plain": Plain,
    "slots": Slots,
    "cycles": Node,
    "methods": lambda number: Peer(number).method,
    "partials": lambda number: functools.partial(print, "%d" % number, end=str(number)),
    "closures": closure,
    "generators": running,
    "raised": raised,
    "dicts": lambda number: {"%d" % each: each + 1000 for each in range(number % 12)},
    "sets": lambda number: {number * 1000 + each for each in range(10)},
    "deques": lambda number: collections.deque(range(1000, 1000 + number % 60)),
    "buffers": lambda number: bytearray(1100 + number),
    "arrays": lambda number: array.array("d", [0.5] * (number % 60)),
    "texts": lambda number: "\u20ac%d" % number * 30,
    "shared": shared,
}


class Registry:
    """Retains them; class level, so that the paths are short."""

    others = []


for name in MAKE:
    setattr(Registry, name, [])


def go(count, steps=1):
    """So many more in each list, in steps that snapshots can tell apart."""
    for step in range(int(steps)):
        for name, make in MAKE.items():
            items = getattr(Registry, name)
            for number in range(step, int(count), int(steps)):
                items.append(make(number))
        gc.collect()
        time.sleep(1 if int(steps) > 1 else 0)


class MallInfo(ctypes.Structure):
    """`struct mallinfo` of the GNU C library: ten ints."""

    _fields_ = [(name, ctypes.c_int) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]


def of_malloc():
    """Bytes in blocks of malloc."""
    mallinfo = ctypes.CDLL(None).mallinfo
    mallinfo.restype = MallInfo
    info = mallinfo()
    return info.uordblks + info.hblkhd


def of_pools():
    """Bytes in blocks of the interpreter's own allocator: a row for each size class."""
    with tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            sys._debugmallocstats()
        finally:
            os.dup2(before, 2)
            os.close(before)
        file.seek(0)
        text = file.read().decode("ascii")
    rows = re.findall(r"^ *\d+ +(\d+) +\d+ +(\d+) +\d+$", text, re.MULTILINE)
    assert rows, text
    return sum(int(size) * int(blocks) for size, blocks in rows)


def allocated():
    gc.collect()
    return of_pools() + of_malloc()


def measure():
    """Empties one list after the other."""
    allocated()
    for name in MAKE:
        before = allocated()
        setattr(Registry, name, [])
        fact(name, before - allocated())


serve(go, measure=measure)
