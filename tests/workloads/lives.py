"""Blocks whose lives are known: a line that keeps what it makes, one that keeps it for a while, one that keeps nothing."""
import time

from truth import at_line, expect, fact, here, marked, serve

SIZE = 10000
WHILE = 8.0  # seconds that the second line's blocks live
KEPT = [None] * 10000
HELD = [None] * 10000
BORN = [0.0] * 10000


def go(seconds):
    """Ten times a second, for so many seconds."""
    told = here()
    begin = time.monotonic()
    rounds = gone = 0
    while time.monotonic() - begin < float(seconds):
        KEPT[rounds] = bytes(SIZE)  # kept for good
        HELD[rounds] = bytes(SIZE)  # kept for a while
        BORN[rounds] = time.monotonic()
        bytes(SIZE)  # kept by nobody
        rounds += 1
        while gone < rounds and time.monotonic() - BORN[gone] >= WHILE:
            HELD[gone] = None
            gone += 1
        time.sleep(max(0.0, begin + rounds / 10 - time.monotonic()))
    fact("rounds", rounds)
    fact("gone", gone)
    for name in ("kept for good", "kept for a while", "kept by nobody"):
        fact(name, marked(name, __file__))
    expect(at_line(told, marked("kept for good", __file__)), rounds)
    expect(at_line(told, marked("kept for a while", __file__)), rounds - gone)


serve(go)
