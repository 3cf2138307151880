"""Blocks that nothing leads to any more, beside blocks that are kept in every way that is hard to see."""
import array
import gc
import os
import sys

from truth import fact, serve

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import leakspy_keep  # noqa: E402  (lies beside this file)

try:
    import numpy
except ImportError:
    numpy = None

COUNT = 500
KEPT = []


class Node:
    pass


def holder(data):
    node = Node()
    node.parts = [{"data": data}]
    return node


def fill_holes():
    """The first blocks go where the start of the interpreter left holes, and stale pointers into them."""
    for size in (10000, 3000, 1033):
        leakspy_keep.lose(300, size)
    leakspy_keep.lose(5000, 24)
    for _ in range(3000):
        leakspy_keep.leak(bytearray(2000))  # holes of the arenas, too
    for _ in range(8000):
        leakspy_keep.leak(holder(None))


def lost_singly():
    leakspy_keep.lose(COUNT, 10000)


def lost_of_odd_size():
    leakspy_keep.lose(COUNT, 1033)


def lost_small():
    leakspy_keep.lose(COUNT, 24)


def lost_lists():
    leakspy_keep.lose_lists(COUNT, 3000)


def lost_references():
    """The objects themselves are small, and no blocks; what they own is lost with them."""
    for _ in range(COUNT):
        leakspy_keep.leak(bytearray(14000))


def lost_behind_objects():
    """What leads to them are small objects that only lost ones lead to."""
    for _ in range(COUNT):
        leakspy_keep.leak(holder(bytearray(8000)))


def kept_in_list():
    KEPT.append([bytes(7000) for _ in range(COUNT)])


def kept_in_dict():
    KEPT.append({str(index): bytes(6000) for index in range(COUNT)})


def kept_by_middle():
    leakspy_keep.keep_by_middle(COUNT, 5000)


def kept_by_head():
    leakspy_keep.keep_list(COUNT, 4000)


def kept_bytearrays():
    KEPT.append([bytearray(9000) for _ in range(COUNT)])


def kept_arrays():
    KEPT.append([array.array("d", bytes(8 * 1000)) for _ in range(COUNT)])


def kept_numpy():
    if numpy is not None:
        KEPT.append([numpy.zeros(11000, dtype=numpy.uint8) for _ in range(COUNT)])


def kept_views():
    """The object that owns the memory is reached through what looks at it only."""
    KEPT.append([memoryview(bytearray(12000))[6000:] for _ in range(COUNT)])


def kept_by_cycles():
    """Garbage, but not collected: its own references count."""
    gc.disable()
    for _ in range(COUNT):
        node = Node()
        node.self, node.data = node, bytes(13000)


def kept_behind_lost_objects():
    """Lost objects lead to them, and a list that is alive does."""
    for _ in range(COUNT):
        KEPT.append(bytearray(15000))
        leakspy_keep.leak(holder(KEPT[-1]))


LOST = [lost_singly, lost_of_odd_size, lost_small, lost_lists, lost_references, lost_behind_objects]
HELD = [
    kept_in_list, kept_in_dict, kept_by_middle, kept_by_head, kept_bytearrays, kept_arrays, kept_views,
    kept_by_cycles, kept_behind_lost_objects,
] + ([kept_numpy] if numpy is not None else [])


def go():
    fill_holes()
    for make in LOST + HELD:
        make()
    fact("lost", [make.__name__ for make in LOST])
    fact("kept", [make.__name__ for make in HELD])
    fact("count", COUNT)


serve(go)
