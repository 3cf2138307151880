"""Containers that grow, each at a line of its own; and one that turns over."""
import collections
import functools
import time

from truth import fact, marked, serve


class Registry:
    """Retains them; class level, so that the path is short."""

    a_list = [None] * 1000
    a_dict = dict.fromkeys(range(1000))
    a_set = set(range(1000))
    a_deque = collections.deque([None] * 1000)
    an_ordered = collections.OrderedDict.fromkeys(range(1000))
    a_bytearray = bytearray(100000)
    a_queue = [None] * 1000


@functools.lru_cache(maxsize=500000)
def page(number):
    return None


@functools.lru_cache(maxsize=None)
def forever(number):
    return None


class Pool:
    def __init__(self, maxsize):
        self.maxsize = maxsize
        self.entries = dict.fromkeys(range(1000))


POOL = Pool(400000)
RECENT = collections.deque([None] * 1000, maxlen=300000)
MOST = 250000
PAGES = collections.OrderedDict.fromkeys(range(1000))


def remember(number):
    PAGES[number] = None  # pages
    if len(PAGES) > MOST:
        PAGES.popitem(last=False)


for number in range(1000):
    page(number)
    forever(number)

KINDS = ("page", "forever", "pool", "recent", "pages", "list", "dict", "set", "deque", "ordered", "bytearray")


def grow(number):
    Registry.a_list.append(None)  # list
    Registry.a_dict[number] = None  # dict
    Registry.a_set.add(number)  # set
    Registry.a_deque.append(None)  # deque
    Registry.an_ordered[number] = None  # ordered
    Registry.a_bytearray.extend(b"0123456789")  # bytearray
    page(number)  # page
    forever(number)  # forever
    POOL.entries[number] = None  # pool
    RECENT.append(None)  # recent
    remember(number)


def go(seconds):
    begin, number = time.monotonic(), 1000
    while time.monotonic() - begin < float(seconds):
        for _ in range(20):
            grow(number)
            number += 1
        Registry.a_queue[:] = [None] * (1000 + number % 3)
        time.sleep(0.01)
    for kind in KINDS:
        fact(kind, marked(kind, __file__))
    fact("items", number)


serve(go)
