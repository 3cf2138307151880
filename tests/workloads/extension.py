"""Blocks that a C extension keeps: with the GIL held, and from threads that released it."""
import os
import sys
import threading

from truth import expect, fact, here, serve

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import leakspy_keep  # noqa: E402  (lies beside this file)

SPIN = True
TOLD = []


def holding():
    leakspy_keep.keep_holding(500, 10000); TOLD.append(here())  # noqa: E702  (one line on purpose)


def released():
    leakspy_keep.keep_released(250, 10000); TOLD.append(here())  # noqa: E702


def called_back():
    leakspy_keep.call(lambda: leakspy_keep.keep_released(100, 10000) or TOLD.append(here()))


def go():
    holding()
    called_back()
    threads = [threading.Thread(target=released) for _ in range(4)]
    for thread in threads:
        thread.start()
    total = 0
    while any(thread.is_alive() for thread in threads):
        total += sum(range(100))  # somebody else holds the GIL meanwhile
    for thread in threads:
        thread.join()
    for told, count in zip(TOLD, (500, 100, 250, 250, 250, 250)):
        expect(told, count, 10000)
    fact("native_leaf", leakspy_keep.leaf())


serve(go)
