"""Objects that are held in every way that has a name, and the interpreter's own count of all of them."""
import collections
import ctypes
import functools
import gc
import sys
import threading
import types
import weakref

from truth import fact, serve

gc.disable()
gc.unfreeze()  # 3.12 freezes what it makes at its start, and `gc.get_objects` leaves that out


class Document:
    pass


class Model:
    pass


class View:
    def on_select(self):
        return self


class Subscribers:
    def __init__(self):
        self.subscribers = []


class Slots:
    __slots__ = ("below", "held")


class InSlot:
    pass


class InFrame:
    pass


class InGenerator:
    pass


class InDefault:
    pass


class InClass:
    pass


class InPartial:
    pass


class InDeque:
    pass


class InKey:
    pass


class ByMethod:
    pass


class OnlyWeak:
    pass


class OnlyCycle:
    pass


class OnlyNative:
    pass


class Growing:
    pass


class Stable:
    pass


REGISTRY = {}
SUBSCRIBERS = []
GROWN = []
STABLE = []
SECRET = "the password is swordfish"


def session(number):
    document = Document()
    document.models = [Model() for _ in range(3)]
    for model in document.models:
        model.document = document

    def update_plot():
        return document

    REGISTRY["plot %d" % number] = [update_plot]


def generate():
    local = InGenerator()
    yield local


def default(value=InDefault()):
    return value


class WithAttribute:
    attribute = InClass()


def cycle():
    first, second = OnlyCycle(), OnlyCycle()
    first.other, second.other = second, first


def stand(ready, barrier):
    inside = InFrame()
    ready.set()
    barrier.wait()
    return inside


def build():
    for number in range(10):
        session(number)
    holder = Subscribers()
    view = View()
    view.held = ByMethod()
    holder.subscribers.append((1, view.on_select))
    SUBSCRIBERS.append(holder)
    chain = Slots()
    chain.below, chain.held = None, InSlot()
    for _ in range(5000):
        above = Slots()
        above.below, above.held = chain, None
        chain = above
    generator = generate()
    next(generator)
    for _ in range(4):
        cycle()
    weak = OnlyWeak()
    native = OnlyNative()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(native))
    module = types.ModuleType("bokeh_app_0123456789abcdef0123456789abcdef")
    exec("def run(): pass\nclass Inner: pass\nKEPT = Inner()", module.__dict__)  # noqa: S102
    # Bokeh clears the modules of sessions that have ended.
    cleared = types.ModuleType("bokeh_app_fedcba9876543210fedcba9876543210")
    cleared.__dict__.clear()
    kept = [
        chain, generator, functools.partial(print, InPartial()), collections.deque([InDeque()] * 3), {InKey(): 1},
        weakref.ref(weak), module, SECRET, lambda: cleared,
    ]
    ready, barrier = threading.Event(), threading.Event()
    thread = threading.Thread(target=stand, args=(ready, barrier), daemon=True, name="standing")
    thread.start()
    ready.wait()
    return kept, barrier


KEPT, BARRIER = [], None


def go():
    global KEPT, BARRIER
    KEPT, BARRIER = build()


def name(kind):
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else "%s.%s" % (module, kind.__qualname__)


# All that counting needs is there before, so that it counts itself as it will be afterwards.
COUNTS, SIZES = {}, {}


def count():
    """Tracked objects and their sizes by type; what is made on the way is gone when this returns."""
    item = kind = None
    for kind in COUNTS:
        # Without giving up their place: these dicts are counted as well, at the size that they end with.
        COUNTS[kind] = SIZES[kind] = 0
    for item in gc.get_objects():
        kind = name(type(item))
        COUNTS[kind] = COUNTS.get(kind, 0) + 1
        SIZES[kind] = SIZES.get(kind, 0) + sys.getsizeof(item)
    fact("counts", COUNTS)
    fact("sizes", SIZES)


def confirm(*addresses):
    """Whether each object refers to the next, perhaps over a dict, tuple or cell between them."""
    known = {}
    open_ = list(gc.get_objects())
    while open_:
        item = open_.pop()
        if id(item) not in known:
            known[id(item)] = item
            if len(known) < 500000:
                open_.extend(gc.get_referents(item))
    wrong = [
        "%s -> %s" % pair for pair in zip(addresses, addresses[1:]) if not leads(known.get(int(pair[0], 16)), int(pair[1], 16))
    ]
    fact("wrong", wrong)
    # They hold each other, and nothing is collected here.
    known.clear()
    del open_[:]


def leads(item, to):
    at = [item]
    for _ in range(3):
        at = [referent for one in at for referent in gc.get_referents(one)][:100000]
        if any(id(referent) == to for referent in at):
            return True
        at = [one for one in at if type(one) in (dict, tuple, types.CellType if hasattr(types, "CellType") else tuple)]
    return False


def grow(number):
    for _ in range(int(number)):
        GROWN.append(Growing())


def churn(stop):
    while not stop:
        kept = [[Document() for _ in range(100)] for _ in range(20)]
        for document in kept[3]:
            document.again = document
        del kept[5:]
        gc.collect()


class Sparse:
    __slots__ = ("one", "two")


SPARSE = []


def fragment(number):
    """Makes many small objects and keeps every hundredth; tells the pools that those are in."""
    made = [Sparse() for _ in range(int(number))]
    SPARSE.extend(made[::100])
    del made
    size = 4096 if sys.version_info < (3, 10) else 16384
    fact("sparse_pools", len({id(item) // size for item in SPARSE}))


STOP = []


def busy(number):
    STABLE.extend(Stable() for _ in range(int(number)))
    for _ in range(2):
        threading.Thread(target=churn, args=(STOP,), daemon=True).start()


serve(go, count=count, confirm=confirm, grow=grow, busy=busy, fragment=fragment)
