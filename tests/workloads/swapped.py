"""Blocks of 1 MiB that nothing leads to, or that are kept; and everything is swapped out.

`go lost N` and `go kept N` make N of them, `swap` has the kernel swap out what can be.
"""
import ctypes

from truth import fact, serve

SIZE = 1 << 20
MADV_PAGEOUT = 21  # since Linux 5.4

KEPT = []

libc = ctypes.CDLL(None, use_errno=True)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def lost(count):
    for _ in range(count):
        libc.memset(libc.malloc(SIZE), 1, SIZE)


def kept(count):
    for _ in range(count):
        KEPT.append(bytearray(b"x") * SIZE)


def go(what, count):
    {"lost": lost, "kept": kept}[what](int(count))


def swap():
    with open("/proc/self/maps") as maps:
        mappings = [line.split() for line in maps]
    for mapping in mappings:
        # All but the stack, and what is of a file.
        if mapping[1] == "rw-p" and (len(mapping) == 5 or mapping[5] == "[heap]"):
            start, end = (int(address, 16) for address in mapping[0].split("-"))
            libc.madvise(start, end - start, MADV_PAGEOUT)
    fact("swapped", True)


serve(go, swap=swap)
