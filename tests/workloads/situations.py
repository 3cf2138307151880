"""Servers that leak in ways that leaks of real packages have, caches that only fill, and servers that leak nothing: one at
a time.

`go NAME` starts the one of that name in a thread of its own.
"""
import collections
import concurrent.futures
import ctypes
import functools
import gc
import threading
import time
from http.cookies import SimpleCookie

from truth import serve


class Event:
    def __init__(self, number):
        self.number = number
        self.tags = ["click", number]


KEPT = []


def small_objects(number):
    KEPT.append(Event(number))


class CookieJar:
    """As aiohttp has it: an empty cookie for each path that was asked for."""

    def __init__(self):
        self._cookies = collections.defaultdict(SimpleCookie)

    def filter_cookies(self, path):
        return self._cookies["shop.example", path]


JAR = CookieJar()


def cookie_jar(number):
    JAR.filter_cookies("/article/%d" % number)


class Source:
    def __init__(self):
        self._param_watchers = {"value": {"value": []}}

    def watch(self, callback):
        self._param_watchers["value"]["value"].append((self, callback))


class Board:
    """What a session of a dashboard shows."""

    def __init__(self):
        self.data = bytearray(4000)
        self.seen = {"x", "y", "z"}
        self.panes = {"left": ["a"], "right": ["b"]}

    def refresh(self, event):
        self.panes["left"].append(event)


SOURCE = Source()


def watchers(number):
    SOURCE.watch(Board().refresh)


class Feed:
    """A handler of requests that remembers all of its kind."""

    live = set()

    def __init__(self, number):
        self.arguments = {"page": [str(number)]}
        Feed.live.add(self)


def class_level_set(number):
    Feed(number)


class Document:
    """Its C code takes a buffer, as a document of PyMuPDF does."""

    def __init__(self, number):
        self.buffer = bytearray(20000)
        self.pages = [number]


OPEN = {}


def documents(number):
    OPEN["document %d" % number] = Document(number)


class Session:
    """A document of a server that is closed; the application remembers its last plot."""


class Plot:
    def __init__(self):
        self.points = [float(point) for point in range(200)]


LAST = {}


def last_plots(number):
    LAST[Session()] = Plot()


class Page:
    def __init__(self, number):
        self.text = "page %d " % number * 20


@functools.lru_cache(maxsize=60000)
def page(number):
    return Page(number)


def cache_fills(number):
    page(number)


@functools.lru_cache(maxsize=None)
def any_page(number):
    return Page(number)


def cache_without_limit(number):
    any_page(number)


class Buffer:
    def __init__(self, capacity):
        self.capacity = capacity
        self.items = []

    def add(self, item):
        if len(self.items) == self.capacity:
            self.items.pop(0)
        self.items.append(item)


BUFFER = Buffer(60000)


def buffer_fills(number):
    BUFFER.add(Page(number))


HITS = {}


def common_types(number):
    session = "session %d" % number
    HITS[session] = HITS.get(session, 0) + 1


class Node:
    def __init__(self, number):
        self.number = number
        self.itself = self


def uncollected(number):
    if number == 0:
        gc.disable()
    Node(number)


def frozen(number):
    Node(number)
    if number % 10 == 0:
        gc.freeze()


class Sink:
    def __init__(self, number):
        self.number = number
        self.lines = ["%d" % number]


class Core:
    def __init__(self):
        self.sinks = ()
        self.levels = ("debug", "info")


CORE = Core()


def replaced(number):
    CORE.sinks = CORE.sinks + (Sink(number),)


class Connection:
    def __init__(self, number):
        self.number = number
        self.buffer = bytearray(4000)


class Pool:
    def __init__(self, max_connections):
        self.max_connections = max_connections
        self.idle = []


POOL = Pool(220)


def pool_fills(number):
    if number % 20 == 0 and len(POOL.idle) < POOL.max_connections:
        POOL.idle.append(Connection(number))


class Entry:
    def __init__(self, number):
        self.number = number
        self.title = "item %d" % number
        self.tags = {"kind": "text", "places": [number]}


RECENT = {}
ITEMS = 9000


def remember(number):
    """The dict holds the last of them only."""
    RECENT[number] = Entry(number)
    RECENT.pop(number - ITEMS, None)


class Form:
    def __init__(self, number):
        self.number = number
        self.title = "report %d" % number
        self.rows = [{"cell": number}, "%d rows" % number]

    def on_event(self, event):
        self.rows.append(event)


class Topic:
    def __init__(self):
        self.receivers = []

    def connect(self, receiver):
        self.receivers.append(receiver)


TOPIC = Topic()


def ring_beside_partials(number):
    if number == 0:
        for item in range(-ITEMS, 0):
            remember(item)
    for item in range(4 * number, 4 * number + 4):
        remember(item)
        TOPIC.connect(functools.partial(Form(item).on_event))


class View:
    def __init__(self, number):
        self.number = number
        self.head = {"title": "view %d" % number, "links": [str(number)]}
        self.body = bytes(700)


@functools.lru_cache(maxsize=6000)
def view(number):
    return View(number)


class Client:
    def __init__(self, number):
        self.number = number
        self.head = {"peer": "peer %d" % number, "sent": [str(number)]}
        self.buffer = bytes(700)
        ALL_CLIENTS.append(self)


ALL_CLIENTS = []


def full_cache_beside_leak(number):
    if number == 0:
        for one in range(5500):
            view(-one)
    for one in range(2 * number, 2 * number + 2):
        view(one)
    Client(number)


class Order:
    def __init__(self, number):
        self.number = number
        self.lines = bytes(1500)


class Booking:
    def __init__(self, number):
        self.number = number
        self.by = {"page": "/page/%d" % number}
        self.tags = [str(number)]


ORDERS = []
BOOKINGS = {}


def two_leaks(number):
    ORDERS.append(Order(number))
    for one in range(2 * number, 2 * number + 2):
        BOOKINGS[one] = Booking(one)


class Upload:
    def __init__(self, number):
        self.parts = [bytes(900) for _ in range(3)]


def wait(upload, until):
    until.wait()


def threads(number):
    if number % 10 == 0:
        threading.Thread(target=wait, args=(Upload(number), threading.Event()), daemon=True).start()


take = ctypes.pythonapi.Py_IncRef
take.argtypes = [ctypes.py_object]
take.restype = None


def lost_values(number):
    """What an extension takes a reference to and never gives back."""
    take(b"row %d of a batch" % number)


POOL_OF_THREADS = concurrent.futures.ThreadPoolExecutor(12)
LATEST = collections.deque(maxlen=100)


def request(together):
    rows = ["row %d " % row + "x" * 700 for row in range(2000)]
    together.wait()
    LATEST.append(rows[::500])


def rushes(number):
    """Ever more requests at once for a minute, each in an arena of malloc of its own, which keeps what they free."""
    if number % 50 == 0:
        count = min(12, 1 + number // 250)
        together = threading.Barrier(count)
        for _ in range(count):
            POOL_OF_THREADS.submit(request, together)


class Signal:
    """Tells what is connected to it, in the order of the connections."""

    def connect(self, receiver):
        RECEIVERS.append(receiver)


RECEIVERS = []
CHANGED = Signal()


class Report:
    def __init__(self, number):
        self.number = number
        self.title = "report %d" % number

    def on_change(self, kind, value=None):
        self.number += 1


LATEST_REPORTS = collections.OrderedDict((-number, Report(number)) for number in range(3000))


def callbacks_partial(number):
    """Most reports come and go; some are connected, too."""
    for place in range(4):
        report = LATEST_REPORTS[4 * number + place] = Report(number)
        LATEST_REPORTS.popitem(last=False)
    if number % 2 == 0:
        CHANGED.connect(functools.partial(report.on_change, "saved"))


class Conn:
    def __init__(self, number):
        self.number = number
        self.peer = "10.0.0.%d" % (number % 250)

    def on_close(self):
        self.number = 0


ON_CLOSE = []


def callbacks_method(number):
    ON_CLOSE.append(Conn(number).on_close)


class Visit:
    """Has a reference to itself, so that it waits for the collector when it is over."""

    def __init__(self, number):
        self.number = number
        self.data = bytearray(4000)
        self.current = self


OPEN_VISITS = collections.deque(maxlen=300)


def young_collections():
    """Enough that lives at a time for the young generations to be collected."""
    return len([[row] for row in range(2200)])


def cyclic_garbage(number):
    if number == 0:
        # Many a server has it so that collections of the oldest generation are rare.
        gc.set_threshold(2000, 10, 1000)
    # Those that are open are moved to the oldest generation, and come to their ends there.
    OPEN_VISITS.append(Visit(number))
    if number % 25 == 0:
        young_collections()


class Item:
    def __init__(self, number):
        self.number = number
        self.name = "item %d" % number


LAST_ITEMS = collections.OrderedDict()


def healthy(number):
    answer = {"rows": [{"id": row, "text": "row %d" % row} for row in range(200)]}
    LAST_ITEMS[number] = Item(len(answer["rows"]))
    if len(LAST_ITEMS) > 200:
        LAST_ITEMS.popitem(last=False)
    if number % 50 == 0:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(len, [bytearray(20000) for _ in range(8)]))


def work(name):
    number, handle = 0, globals()[name]
    temporary = collections.deque(maxlen=50)
    while True:
        for _ in range(5):
            handle(number)
            number += 1
        # What comes and goes beside it.
        temporary.append([str(value) for value in range(100)])
        time.sleep(0.1)


def go(name):
    threading.Thread(target=work, args=(name,), name="requests", daemon=True).start()


serve(go)
