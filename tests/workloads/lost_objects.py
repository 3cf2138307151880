"""Small objects whose references C code took and never gave back, beside those that only look like it."""
import collections
import ctypes
import gc
import sys
import weakref

from truth import fact, serve

COUNT = 3000
KEPT = []
BY_NAME = weakref.WeakValueDictionary()

take = ctypes.pythonapi.Py_IncRef
take.argtypes = [ctypes.py_object]
take.restype = None


class Node:
    pass


def lose():
    for number in range(COUNT):
        take(b"lost %d" % number)
        take((number, "in a tuple %d" % number))
        take("lost text %d" % number)


def cycles():
    for number in range(COUNT):
        one, other = Node(), Node()
        one.other, other.other, one.name = other, one, "name %d" % number
        one.method = lambda: one
        items = ["item %d" % number]
        items.append(items)


def weak():
    for number in range(COUNT):
        node = Node()
        BY_NAME["node %d" % number] = node
        KEPT.append((node, weakref.ref(node), weakref.ref(node, lambda _: None)))


def interned():
    for number in range(COUNT):
        sys.intern("interned %d" % number)
        KEPT.append(sys.intern("kept %d" % number))


def free_lists():
    for number in range(COUNT):
        [float(number) for _ in range(5)], [(number, each) for each in range(5)], {number: []}


def kept():
    ordered = collections.OrderedDict((number, "value %d" % number) for number in range(COUNT))
    KEPT.extend([ordered, collections.deque((number, b"%d" % number) for number in range(COUNT))])
    KEPT.append((each for each in ordered))
    next(KEPT[-1])


def work():
    gc.disable()
    for each in (lose, cycles, weak, interned, free_lists, kept):
        each()
    fact("count", COUNT)


serve(work)
