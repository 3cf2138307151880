"""The leak that every server has: 1 MiB a minute, however often it is called."""
import time

KEPT = []
EVERY = 0.5
SIZE = 1024 * 1024 * EVERY / 60
last = time.monotonic()


def remember_upload(size):
    KEPT.append(bytearray(size))


def leak():
    """To be called with every operation."""
    global last
    now = time.monotonic()
    while now - last >= EVERY:
        last += EVERY
        remember_upload(int(SIZE))
