"""Objects that say that they have ended, and stay; and others that stay and say nothing of the kind."""
import asyncio
import collections
import enum
import socket
import threading
import time

from truth import serve

EVERY = 5  # seconds; all but the newest objects have ended
EACH = 40


class State(enum.Enum):
    OPEN = 1
    CLOSED = 2


class Session:
    def __init__(self, number):
        self._closed = False
        self.state = State.OPEN
        self.connection = object()
        self.phase = "open"
        self.pending = [number]
        self.number = number

    def close(self):
        self._closed = True
        self.state = State.CLOSED
        self.connection = None
        self.phase = "closed"
        self.pending = []


class Slotted:
    __slots__ = ("fd", "number")

    def __init__(self, number):
        self.fd, self.number = number % 50 + 3, number

    def close(self):
        self.fd = -1


class Visitor:
    """Is never closed, gets older, and has a flag by chance."""

    def __init__(self, number):
        self.closed = False
        self.visits = 0
        self.number = number
        self.mobile = number % 3 == 0

    def close(self):
        pass


class Pair:
    """Comes and goes: there are no more of them, all old ones are closed."""

    closed = False

    def close(self):
        self.closed = True


KEPT = []
LIVE = []
FEW = collections.deque(maxlen=EACH)


def descriptor(number):
    return socket.socket(socket.AF_UNIX)


class Worker:
    """A thread that ends when it is told to."""

    def __init__(self, number):
        self.end = threading.Event()
        thread = threading.Thread(target=self.end.wait, daemon=True)
        thread.start()
        KEPT.append(thread)

    def close(self):
        self.end.set()


class Waiter:
    """A task, likewise."""

    def __init__(self, number):
        self.end = asyncio.Event()
        KEPT.append(asyncio.ensure_future(self.end.wait()))

    def close(self):
        self.end.set()


async def work(seconds):
    begin, number = time.monotonic(), 0
    while time.monotonic() - begin < seconds:
        while LIVE:
            LIVE.pop().close()
        await asyncio.sleep(0)
        for _ in range(EACH):
            for make in (Session, Slotted, Visitor, descriptor, Worker, Waiter):
                made = make(number)
                LIVE.append(made)
                if not isinstance(made, (Worker, Waiter)):
                    KEPT.append(made)
            for made in KEPT:
                if isinstance(made, Visitor) and (number + made.number) % 3 == 0:
                    made.visits += 1
            for pair in FEW:
                pair.close()
            FEW.append(Pair())
            number += 1
        await asyncio.sleep(EVERY)


def go(seconds):
    asyncio.new_event_loop().run_until_complete(work(float(seconds)))


serve(go)
