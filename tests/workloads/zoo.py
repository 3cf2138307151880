"""One object of every kind, with what the interpreter itself says of each: size, type, and what it refers to."""
import collections
import dataclasses
import enum
import functools
import gc
import sys
import types
import weakref

from truth import fact, serve


class Plain:
    def __init__(self):
        self.name = "plain"
        self.items = [1, 2.5, "three"]

    def method(self, other=("default", 7), *, keyword=frozenset([3])):
        return self.name, other, keyword

    @property
    def doubled(self):
        """Twice."""
        return self.items * 2

    @classmethod
    def of_class(cls):
        return cls

    @staticmethod
    def of_none():
        return None


class Slotted:
    __slots__ = ("first", "second", "empty")

    def __init__(self):
        self.first, self.second = ["one"], {"two": 2}


class SlottedBelow(Slotted):
    """With a dict beside the slots of its base."""

    def __init__(self):
        super().__init__()
        self.third = {3}


class SlottedWeak(Slotted):
    __slots__ = ("below", "__weakref__")

    def __init__(self):
        super().__init__()
        self.below = [Plain()]


class Listing(list):
    pass


class Mapping(dict):
    pass


class Text(str):
    pass


class Number(int):
    pass


class Pair(tuple):
    pass


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    attribute = Plain()


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Record:
    left: int
    right: list


Point = collections.namedtuple("Point", "x y")


def attributed(value):
    value.extra = ["an attribute of a subclass"]
    return value


def closure(outer):
    inner = [outer]

    def nested():
        return outer, inner, nested

    return nested


def generate(argument):
    local = {"local": argument}
    for item in [argument, local]:
        yield item


async def coroutine(argument):
    local = [argument]
    await waiting()
    return local


@types.coroutine
def waiting():
    yield


async def generate_asynchronously(argument):
    yield argument


def suspended():
    generator = generate(("argument",))
    next(generator)
    return generator


def awaiting():
    started = coroutine(["argument"])
    started.send(None)
    return started


def finished():
    generator = generate(1)
    list(generator)
    return generator


def holed(size):
    """A dict with entries that were deleted."""
    table = {index: [index] for index in range(size)}
    for index in range(0, size, 3):
        del table[index]
    return table


def frame():
    """Of a function that has returned: it keeps its variables."""
    kept = ["in a frame"]
    found = sys._getframe()
    del kept[1:]
    return found


def materialised():
    """An instance whose attributes were asked for as a dict."""
    instance = Plain()
    instance.__dict__["from outside"] = 1
    return instance


ZOO = [
    [], [1, "two", [3]], list(range(1000)), {}, {"a": [1], "b": (2,)}, {1: 2, None: [3], (1,): "x"}, holed(10),
    holed(2000), {str(index): index for index in range(300)}, set(), {1, "two", (3,)},
    set(str(index) for index in range(500)), frozenset(["a", 2]), (), (1, [2], "three"), "ascii", "żółw", "日本", "🐢",
    "x" * 1000, b"", b"bytes" * 100, bytearray(b"abc"), bytearray(5000), 0, 1, -5, 1 << 29, 1 << 30, 1 << 100, -(1 << 5000),
    True, 1.5, 2j, None, slice([1], 2), range(10), Plain(), materialised(), Slotted(), SlottedBelow(), SlottedWeak(),
    attributed(Listing([1, 2])), attributed(Mapping(a=[1])), attributed(Text("text")), attributed(Text("żó")), Number(5),
    attributed(Number(1 << 70)), attributed(Number(0)), Pair((1, [2])), attributed(Pair(([1],))), WithMeta(), WithMeta, Meta,
    Plain, Slotted, SlottedBelow, Colour.RED, Colour, Record(1, [2]), Point(1, [2]), closure(["outer"]),
    closure(1).__closure__[0], Plain.method, Plain().method, Plain.__dict__["doubled"], Plain.__dict__["of_class"],
    Plain.__dict__["of_none"], Plain.__dict__, len, [].append, "".join, suspended(), generate(5), finished(), awaiting(),
    coroutine(1), generate_asynchronously([1]), collections.OrderedDict(), attributed(collections.OrderedDict(a=[1], b=2)),
    collections.OrderedDict((str(index), [index]) for index in range(100)), collections.deque(),
    collections.deque([index] for index in range(200)), collections.deque([1, [2]], maxlen=2),
    collections.defaultdict(list, a=[1]), collections.Counter("hello"), functools.partial(Plain.method, [1], keyword=[2]),
    attributed(functools.partial(len)), types.SimpleNamespace(a=[1]), sys, types.ModuleType("made"), Plain.method.__code__,
    suspended.__code__, frame(), memoryview(bytearray(10)), iter([1, [2]]), enumerate([[1]]), zip([1], [2]), map(len, [[1]]),
    int, object, type, Exception, ValueError("text", [1]), object(), Ellipsis, NotImplemented,
]
REFERRED = SlottedWeak()
ZOO += [weakref.ref(REFERRED), weakref.ref(REFERRED, lambda _: [1]), weakref.proxy(REFERRED), weakref.WeakKeyDictionary(),
        weakref.WeakSet([REFERRED])]


def name(kind):
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else module + "." + kind.__qualname__


def go():
    gc.disable()
    rows = []
    for item in ZOO:
        referents = sorted(id(referent) for referent in gc.get_referents(item))
        rows.append([id(item), id(type(item)), name(type(item)), sys.getsizeof(item), referents])
    fact("zoo", rows)


serve(go)
