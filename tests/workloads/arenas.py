"""Threads that allocate at the same time, then free most of it: arenas that retain memory. glibc's own counts are the truth."""
import ctypes
import re
import threading

from truth import fact, serve

LIBC = ctypes.CDLL(None)
KEPT = []
WAIT = threading.Event()


class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]


LIBC.mallinfo2.restype = Info
LIBC.open_memstream.restype = ctypes.c_void_p


def arenas():
    """How many `malloc_info` lists."""
    text, size = ctypes.c_char_p(), ctypes.c_size_t()
    stream = ctypes.c_void_p(LIBC.open_memstream(ctypes.byref(text), ctypes.byref(size)))
    LIBC.malloc_info(0, stream)
    LIBC.fclose(stream)
    return len(re.findall(rb"<heap nr=", ctypes.string_at(text, size.value)))


def work(blocks, allocated, free):
    """Blocks of 600 to 4,600 bytes, of which one in fifty stays, and nothing at the end."""
    made = [bytearray(600 + index * 37 % 4000) for index in range(blocks)]
    allocated.wait()
    free.wait()
    KEPT.append(made[:blocks * 2 // 3:50])
    del made
    # It stays, so that nobody else gets its arena.
    allocated.wait()
    WAIT.wait()


def go(threads, blocks):
    threads, blocks = int(threads), int(blocks)
    allocated, free = threading.Barrier(threads + 1), threading.Event()
    for _ in range(threads):
        threading.Thread(target=work, args=(blocks, allocated, free), daemon=True).start()
    allocated.wait()
    free.set()
    allocated.wait()


def count():
    info = LIBC.mallinfo2()
    for name, _ in Info._fields_:
        fact(name, getattr(info, name))
    fact("arenas", arenas())


def trim():
    LIBC.malloc_trim(0)


serve(go=go, count=count, trim=trim)
