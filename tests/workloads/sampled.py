"""Allocates more often than may be recorded, and knows how much of it is alive.

`go SECONDS` does so for a while: threads churn, and now and then a block is kept, one way or another, or a kept one is
dropped.
"""
import ctypes
import threading
import time

from truth import fact, serve

THREADS = 3
AT_ONCE = 40
KEPT = 5000

libc = ctypes.CDLL(None)
libc.malloc.argtypes = [ctypes.c_size_t]
libc.calloc.argtypes = [ctypes.c_size_t] * 2
libc.realloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
for function in libc.malloc, libc.calloc, libc.realloc:
    function.restype = ctypes.c_void_p

kept = {}
churned = [0] * THREADS


def keep(number):
    # Large ones are all recorded, whatever the period.
    size = (400, 1600, 12000)[number // 3 % 3] if number % 500 else 2 << 20
    if number % 3 == 0:
        block = libc.malloc(size)
    elif number % 3 == 1:
        block = libc.calloc(size // 8, 8)
    else:
        block = libc.realloc(libc.malloc(16), size)
    return block, size


def drop():
    block = next(iter(kept))
    libc.free(block)
    del kept[block]


def churn(number, until):
    while time.monotonic() < until:
        for _ in range(AT_ONCE):
            bytearray(900)
        churned[number] += AT_ONCE
        time.sleep(0.002)


def go(seconds):
    until = time.monotonic() + float(seconds)
    threads = [threading.Thread(target=churn, args=(number, until)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    number = 0
    while time.monotonic() < until:
        block, size = keep(number)
        kept[block] = size
        number += 1
        if number % 5 == 0 or len(kept) > KEPT:
            drop()
        time.sleep(0.001)
    for thread in threads:
        thread.join()
    fact("bytes", sum(kept.values()))
    fact("large_bytes", sum(size for size in kept.values() if size > 1 << 20))
    fact("blocks", len(kept))
    fact("churned", sum(churned))


serve(go)
