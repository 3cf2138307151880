"""Shapes of plain code: nested functions, classes, comprehensions, decorators, imports."""
import contextlib
import functools
import importlib
import os
import sys

from truth import SIZE, here, take


def lambda_():
    (lambda: take(bytes(SIZE), here()))()


def class_body():
    class Inner:
        block = take(bytes(SIZE), here())

        class Deeper:
            block = take(bytes(SIZE), here())


class Base:
    def __init_subclass__(cls):
        take(bytes(SIZE), here())

    def __init__(self):
        take(bytes(SIZE), here())

    @property
    def attribute(self):
        return take(bytes(SIZE), here())

    @staticmethod
    def static():
        take(bytes(SIZE), here())

    @classmethod
    def of_class(cls):
        take(bytes(SIZE), here())

    def __getattr__(self, name):
        return take(bytes(SIZE), here())

    def __add__(self, other):
        return take(bytes(SIZE), here())

    def __call__(self):
        take(bytes(SIZE), here())

    def __del__(self):
        take(bytes(SIZE), here())


def classes():
    class Derived(Base):
        def __init__(self):
            super().__init__()

    thing = Derived()
    thing.attribute
    thing.missing
    thing.static()
    thing.of_class()
    thing + 1
    thing()
    del thing


def decorated():
    def decorator(function):
        @functools.wraps(function)
        def wrapper(*arguments, **keywords):
            return function(*arguments, **keywords)

        return wrapper

    @decorator
    @functools.lru_cache(maxsize=None)
    @decorator
    def inner(number):
        take(bytes(SIZE), here())

    inner(1)


def comprehensions():
    [take(bytes(SIZE), here()) for _ in range(1)]
    {take(bytes(SIZE), here()) for _ in range(1)}
    {0: take(bytes(SIZE), here()) for _ in range(1)}
    list(take(bytes(SIZE), here()) for _ in range(1))
    [[take(bytes(SIZE), here()) for _ in range(1)] for _ in range(1)]


def context_managers():
    @contextlib.contextmanager
    def manager():
        take(bytes(SIZE), here())
        yield
        take(bytes(SIZE), here())

    with manager():
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: take(bytes(SIZE), here()))


def exceptions():
    try:
        raise ValueError("on purpose")
    except ValueError:
        take(bytes(SIZE), here())
    finally:
        take(bytes(SIZE), here())


def long_call():
    def receive(
        first,
        second,
    ):
        take(bytes(SIZE), here())

    receive(
        1,
        len(
            "some"
        ),
    )


def evaluated():
    eval("take(bytes(SIZE), here())")
    exec("def inner():\n    take(bytes(SIZE), here())\n\n\ninner()", dict(globals()))


def far_down():
    """Line numbers and instruction offsets that need more than one byte."""
    source = "def far():\n" + "    x = 1\n" * 700 + "    take(bytes(SIZE), here())\n" + "    x = 2\n" * 300
    scope = dict(globals())
    exec(compile(source, "<far>", "exec"), scope)
    scope["far"]()


def imported():
    name = "imported_by_shapes"
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    if not os.path.exists(path):
        with open(path, "w") as file:
            file.write("from truth import SIZE, here, take\n\n\ntake(bytes(SIZE), here())\n")
        importlib.invalidate_caches()
    sys.modules.pop(name, None)
    importlib.import_module(name)


ALL = [
    lambda_, class_body, classes, decorated, comprehensions, context_managers, exceptions, long_call, evaluated,
    far_down, imported,
]
