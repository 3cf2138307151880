"""Frees that are easy to get wrong: of older blocks, by other threads, of addresses used again."""
import threading

from truth import BLOCK, at_line, expect, fact, here, marked, serve

BEFORE = [bytes(10000) for _ in range(500)]
KEPT = [None] * 1000
LAST = [None] * 7


def allocate():
    told = here()
    for index in range(1000):
        KEPT[index] = bytes(10000)  # kept here
    return at_line(told, marked("kept here", __file__))


def free_in_another_thread(count):
    def free():
        for index in range(count):
            KEPT[index] = None

    thread = threading.Thread(target=free)
    thread.start()
    thread.join()


def reuse():
    """The same address again and again, then kept by another line."""
    addresses = set()
    for _ in range(20000):
        block = bytes(10000)  # never kept
        addresses.add(id(block))
        del block
    told = here()
    for index in range(7):
        LAST[index] = bytes(10000)  # kept at last
    fact("addresses_reused", 20000 - len(addresses))
    expect(at_line(told, marked("kept at last", __file__)), 7)


def go():
    fact("freed_before", len(BEFORE))
    del BEFORE[:]
    told = allocate()
    free_in_another_thread(400)
    expect(told, 600)
    reuse()
    fact("block", BLOCK)


serve(go)
