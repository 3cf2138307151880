"""Blocks from an allocator that a library has for itself: kept ones are told.

`grow` maps memory by system calls until somebody must notice; nothing is told of it. `leak` does so for ever, at 2.5 MiB
a second.
"""
import ctypes
import os
import threading
import time

from truth import expect, fact, here, marked, serve

OWN = ctypes.CDLL(os.environ["OWN_ALLOCATOR"])
OWN.own_take.restype = OWN.own_part.restype = OWN.own_map.restype = ctypes.c_void_p
OWN.own_take.argtypes = OWN.own_part.argtypes = OWN.own_map.argtypes = [ctypes.c_size_t]
OWN.own_give.argtypes = [ctypes.c_void_p]
OWN.own_unmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
KEPT = []


def map_and_touch(size):
    address = OWN.own_map(size)  # leaked here
    ctypes.memset(address, 1, size)


def grow():
    map_and_touch(24 << 20)


def leak_for_ever():
    while True:
        map_and_touch(1 << 18)
        time.sleep(1 / 10)


def leak():
    fact("line", marked("leaked here", __file__))
    threading.Thread(target=leak_for_ever, daemon=True).start()


def kept():
    for _ in range(100):
        KEPT.append(OWN.own_take(30000)); told = here()  # noqa: E702  (one line on purpose)
    expect(told, 100, 30000)


def given_back():
    for _ in range(100):
        OWN.own_give(OWN.own_take(30000))


def in_parts():
    """The chunks are what is seen of these; nothing is told of them."""
    for _ in range(100):
        KEPT.append(OWN.own_part(100000))


def mapped():
    """No function of the C library is called for these."""
    for size in (40960, 3 << 20, 4 << 20):
        for _ in range(20):
            KEPT.append(OWN.own_map(size)); told = here()  # noqa: E702
        expect(told, 20, size)


def unmapped():
    for size in (40960, 4 << 20):
        for _ in range(20):
            OWN.own_unmap(OWN.own_map(size), size)


def cut():
    address = OWN.own_map(40960); told = here()  # noqa: E702
    OWN.own_unmap(address, 4096)
    expect(told, 1, 40960, 36864)


def go():
    mapped()
    unmapped()
    cut()
    kept()
    given_back()
    in_parts()


serve(go, grow=grow, leak=leak)
