"""Objects that structs of C hold: those that leakspy knows, and some that nobody does."""
import asyncio
import ctypes
import functools
import io
import itertools
import pickle
import re
import sys
import xml.etree.ElementTree as tree

from truth import serve


class InCause:
    pass


class InCache:
    pass


class InWrapper:
    pass


class InIterator:
    pass


class InMap:
    pass


class InTee:
    pass


class InFuture:
    pass


class InCallback:
    def __call__(self, future):
        return self


class InTask:
    pass


class InMatch(str):
    pass


class InView(bytes):
    pass


class InCode:
    pass


class InElement:
    pass


class InMemo:
    pass


class InExitCode:
    pass


class InCounted:
    pass


class Failing:
    error = ValueError("raised again and again")


TIMES = 20_000


def fail():
    """One exception object keeps a traceback for each time that it was raised."""
    for _ in range(TIMES):
        try:
            raise Failing.error
        except ValueError:
            pass
    try:
        try:
            raise KeyError(InCause())
        except KeyError as cause:
            raise ValueError from cause
    except ValueError as error:
        return error.with_traceback(None)


@functools.lru_cache(maxsize=8)
def cached(_):
    return InCache()


async def waits(future, _):
    await future


async def tasks():
    loop = asyncio.get_running_loop()
    done, pending = loop.create_future(), loop.create_future()
    done.set_result(InFuture())
    pending.add_done_callback(InCallback())
    task = loop.create_task(waits(pending, InTask()))
    await asyncio.sleep(0)
    KEPT.extend([done, pending, task])


def element():
    """In the children of the element, which lie in a block of their own."""
    parent = tree.Element("parent")
    for _ in range(20):
        tree.SubElement(parent, "child").set("key", InElement())
    return parent


def memo():
    """What a pickler has written is in its table, so that it is not written twice."""
    pickler = pickle.Pickler(io.BytesIO())
    pickler.dump([InMemo()])
    return pickler


def block(*words):
    """A block of malloc with these words; all that malloc gives is cleared, for what was there before may lead
    anywhere."""
    malloc = ctypes.CDLL(None).malloc
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    at = malloc(136)
    ctypes.memset(at, 0, 136)
    (ctypes.c_size_t * len(words)).from_address(at)[:] = words
    return at


def stale():
    """A block of C that leads to what looks like match objects: one that says it is tracked, which nobody tracks, and
    one with a length that no memory has room for."""
    match, absurd = id(type(re.match("", ""))), 140263752244096
    fakes = [block(0, 0, 1, match, absurd), block(id(KEPT), id(KEPT), 1, match, absurd)]
    return capsule(block(*[fake + 16 for fake in fakes]))


def counted():
    """A block that begins with two counts of references, as those of Rust do; pointers mean what lies behind them."""
    inside = InCounted()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(inside))
    return capsule(block(block(1, 1, id(inside)) + 16))


def capsule(at):
    make = ctypes.pythonapi.PyCapsule_New
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p] * 3
    return make(at, None, None)


KEPT = []


def go():
    KEPT.append(fail())
    cached("argument")
    KEPT.extend([InWrapper().__hash__, iter([InIterator()]), map(len, [InMap()])])
    KEPT.append(itertools.chain([InTee()], []))
    asyncio.new_event_loop().run_until_complete(tasks())
    KEPT.extend([re.match("a", InMatch("abc")), memoryview(InView(b"abc")), SystemExit(InExitCode())])
    KEPT.extend([element(), memo(), stale(), counted()])


serve(go)
