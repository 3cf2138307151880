"""Anonymous mappings: kept, closed, grown, cut; and a file's, which is no heap."""
import ctypes
import mmap
import tempfile

from truth import expect, fact, here, serve

KEPT = []
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
LIBC.mremap.restype = ctypes.c_void_p
LIBC.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
MIB = 1 << 20
READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


def kept():
    for _ in range(5):
        KEPT.append((mmap.mmap(-1, 3 * MIB), here()))
    expect(KEPT[-1][1], 5, 3 * MIB)


def closed():
    for _ in range(5):
        mmap.mmap(-1, 5 * MIB).close()


def grown():
    """A bigger mapping replaces the smaller: only the second line has something alive."""
    address = LIBC.mmap(None, 7 * MIB, READ_WRITE, PRIVATE, -1, 0)
    address, told = LIBC.mremap(address, 7 * MIB, 11 * MIB, 1), here()
    KEPT.append(address)
    expect(told, 1, 11 * MIB)


def cut_at_its_start():
    """One of three pages goes: the other two stay, at the line that mapped them."""
    address, told = LIBC.mmap(None, 3 * mmap.PAGESIZE, READ_WRITE, PRIVATE, -1, 0), here()
    assert LIBC.munmap(address, mmap.PAGESIZE) == 0
    expect(told, 1, 3 * mmap.PAGESIZE, 2 * mmap.PAGESIZE)


def cut_at_its_end():
    address, told = LIBC.mmap(None, 3 * mmap.PAGESIZE, READ_WRITE, PRIVATE, -1, 0), here()
    assert LIBC.munmap(address + 2 * mmap.PAGESIZE, mmap.PAGESIZE) == 0
    expect(told, 1, 3 * mmap.PAGESIZE, 2 * mmap.PAGESIZE)


def cut_at_both_ends():
    """As allocators do to get an aligned mapping; the last piece goes later."""
    address = LIBC.mmap(None, 3 * mmap.PAGESIZE, READ_WRITE, PRIVATE, -1, 0)
    assert LIBC.munmap(address, mmap.PAGESIZE) == 0
    assert LIBC.munmap(address + 2 * mmap.PAGESIZE, mmap.PAGESIZE) == 0
    assert LIBC.munmap(address + mmap.PAGESIZE, mmap.PAGESIZE) == 0


def of_a_file():
    with tempfile.TemporaryFile() as file:
        file.truncate(13 * MIB)
        KEPT.append(mmap.mmap(file.fileno(), 13 * MIB))
    fact("file_mapping_bytes", 13 * MIB)


def go():
    kept()
    closed()
    grown()
    cut_at_its_start()
    cut_at_its_end()
    cut_at_both_ends()
    of_a_file()


serve(go)
