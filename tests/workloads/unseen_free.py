"""A library's own allocator, of which the begins of blocks are seen, and no end: nothing of it is kept but what
`hoard` takes, which is mapped."""
import collections
import ctypes
import os
import threading
import time

from truth import serve

OWN = ctypes.CDLL(os.environ["OWN_ALLOCATOR"])
OWN.own_take.restype = ctypes.c_void_p
OWN.own_take.argtypes = [ctypes.c_size_t]
OWN.own_give.argtypes = [ctypes.c_size_t]
RECENT = collections.deque()


def turn_over(number):
    size = 20000 + 1000 * (number % 13)
    OWN.own_take(size)
    RECENT.append(size)
    if len(RECENT) > 50:
        OWN.own_give(RECENT.popleft())


def hoard():
    OWN.own_take(700_000)


def work():
    for number in range(1 << 30):
        turn_over(number)
        if number % 50 == 0:
            hoard()
        time.sleep(1 / 200)


def go():
    threading.Thread(target=work, daemon=True).start()


serve(go)
