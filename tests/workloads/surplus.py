"""References that C code takes to objects that are alive and never gives back, beside programs in which ever more
references to a few objects are kept in every way that is hard to see."""
import asyncio
import collections
import contextvars
import ctypes
import functools
import itertools
import operator
import threading
import time
import weakref

from truth import fact, serve

try:
    import numpy
except ImportError:
    numpy = None

AT_ONCE = 40

take = ctypes.pythonapi.Py_IncRef
take.argtypes = [ctypes.py_object]
take.restype = None


class Config:
    """C code takes references to these."""


class InFrames:
    pass


class InGenerators:
    pass


class InCoroutines:
    pass


class InHandles:
    pass


class InIterators:
    pass


class InViews(bytearray):
    pass


class InContexts:
    pass


class InWeak:
    pass


class InContainers:
    pass


class InSlots:
    pass


class InCells:
    pass


class Each:
    """There are more and more of these, and C code has each of them."""


class Slotted:
    __slots__ = ("held",)

    def __init__(self, held):
        self.held = held


class Attribute:
    def __init__(self, held):
        self.held = held


CONFIGS = {name: Config() for name in "abc"}
KEPT = []
END = threading.Event()
LOOP = asyncio.new_event_loop()
VARIABLE = contextvars.ContextVar("variable")
FRAMES, GENERATORS, COROUTINES, HANDLES = InFrames(), InGenerators(), InCoroutines(), InHandles()
ITERATORS, VIEWS, CONTEXTS, WEAK = InIterators(), InViews(1000), InContexts(), InWeak()
CONTAINERS, SLOTS, CELLS = InContainers(), InSlots(), InCells()


def lose():
    for _ in range(AT_ONCE):
        for config in CONFIGS.values():
            take(config)
        take(Each())


def deep(held, depth):
    if depth == 0:
        END.wait()
    else:
        deep(held, depth - 1)


def frames():
    thread = threading.Thread(target=deep, args=(FRAMES, AT_ONCE), daemon=True)
    thread.start()


def generator(held):
    yield held
    yield [held, (yield)]


def generators():
    for _ in range(AT_ONCE):
        KEPT.append(generator(GENERATORS))
        next(KEPT[-1])


async def waits(held, future):
    await future
    return held


def coroutines():
    for _ in range(AT_ONCE):
        KEPT.append(LOOP.create_task(waits(COROUTINES, LOOP.create_future())))
        KEPT.append(LOOP.call_later(3600, print, HANDLES))
    LOOP.call_soon(LOOP.stop)
    LOOP.run_forever()


def iterators():
    for _ in range(AT_ONCE):
        KEPT.append(itertools.repeat(ITERATORS))
        KEPT.append(itertools.chain([ITERATORS], map(print, [ITERATORS])))
        KEPT.append(functools.partial(print, ITERATORS, sep=ITERATORS))
        KEPT.append(operator.methodcaller("method", ITERATORS))
        KEPT.append(ITERATORS.__str__)


def views():
    for _ in range(AT_ONCE):
        KEPT.append(memoryview(VIEWS)[10:])
        if numpy is not None:
            KEPT.append(numpy.frombuffer(VIEWS, dtype=numpy.uint8)[5:][1:])
            KEPT.append(numpy.array([VIEWS, None], dtype=object))


def contexts():
    for _ in range(AT_ONCE):
        KEPT.append(contextvars.copy_context())
        KEPT[-1].run(VARIABLE.set, CONTEXTS)


def weak():
    for _ in range(AT_ONCE):
        KEPT.append(weakref.ref(WEAK, lambda _: None))
        KEPT.append(weakref.WeakKeyDictionary({WEAK: 1}))


def containers():
    for _ in range(AT_ONCE):
        held = CONTAINERS
        KEPT.extend([[held], (held, held), {held: held}, {held}, collections.deque([held, held])])
        KEPT.append(collections.OrderedDict([(held, held)]))
        KEPT.append(collections.defaultdict(list, {1: held}))


def slots():
    for _ in range(AT_ONCE):
        KEPT.extend([Slotted(SLOTS), Attribute(SLOTS)])


def cells():
    def make(held):
        return lambda: held

    for _ in range(AT_ONCE):
        KEPT.append(make(CELLS))


def work(seconds="20"):
    until = time.monotonic() + float(seconds)
    kinds = (lose, generators, coroutines, iterators, views, contexts, weak, containers, slots, cells)
    rounds = 0
    while time.monotonic() < until:
        for each in kinds:
            each()
        if rounds % 4 == 0:
            frames()
        rounds += 1
        time.sleep(0.25)
    fact("taken", 3 * AT_ONCE * rounds)


serve(work)
