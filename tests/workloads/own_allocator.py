"""Blocks from an allocator that a library has for itself: kept ones are told."""
import ctypes
import os

from truth import expect, here, serve

OWN = ctypes.CDLL(os.environ["OWN_ALLOCATOR"])
OWN.own_take.restype = OWN.own_part.restype = ctypes.c_void_p
OWN.own_take.argtypes = OWN.own_part.argtypes = [ctypes.c_size_t]
OWN.own_give.argtypes = [ctypes.c_void_p]
KEPT = []


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


def go():
    kept()
    given_back()
    in_parts()


serve(go)
