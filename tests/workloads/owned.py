"""Blocks whose owners are known: each line makes blocks of one kind of object, all held in one place; and sessions that
stay."""
import array
import collections
import ctypes
import time

from truth import fact, marked, serve

MANY = 50
HELD = {}


class Holder:
    def __init__(self, room):
        self.room = room


class Session:
    """What a server forgets to drop."""

    def __init__(self, number):
        self.number = number
        self.parts = [number] * 4


def make():
    empty = [None] * MANY
    for name in ("list", "bytes", "bytearray", "dict", "set", "deque", "array"):
        HELD[name] = list(empty)
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    for index in range(MANY):
        HELD["list"][index] = [None] * 1000  # list
        HELD["bytes"][index] = bytes(8000)  # bytes
        HELD["bytearray"][index] = Holder(bytearray(8000))  # bytearray
        HELD["dict"][index] = dict.fromkeys(range(500))  # dict
        HELD["set"][index] = set(range(500))  # set
        HELD["deque"][index] = collections.deque(range(64 * 9))  # deque
        HELD["array"][index] = array.array("d", bytes(8000))  # array.array
        libc.malloc(8000)  # nobody
    for name in ("list", "bytes", "bytearray", "dict", "set", "deque", "array.array", "nobody"):
        fact(name, marked(name, __file__))


def sessions(seconds):
    """Twenty a second."""
    HELD["sessions"] = kept = []
    begin = time.monotonic()
    while time.monotonic() - begin < float(seconds):
        kept.append(Session(len(kept)))
        time.sleep(0.05)
    fact("sessions", len(kept))


def go(seconds="0"):
    make()
    sessions(seconds)


serve(go)
