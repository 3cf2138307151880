"""Allocates and frees before, during and after the tracer attaches; in the end all of that is gone."""
import threading

from truth import at_line, expect, fact, here, marked, serve

STOP = threading.Event()
KEPT = [None] * 300
HELD = [[None] * 500 for _ in range(3)]
ROUNDS = []


def churn(held):
    rounds = 0
    while not STOP.is_set():
        for index in range(len(held)):
            held[index] = bytes(10000)  # held for a while
        rounds += 1
    ROUNDS.append(rounds)


WORKERS = [threading.Thread(target=churn, args=(held,)) for held in HELD]


def go():
    """The end: everything that was held goes, and only this stays."""
    STOP.set()
    for worker in WORKERS:
        worker.join()
    for held in HELD:
        del held[:]
    told = here()
    for index in range(300):
        KEPT[index] = bytes(10000)  # kept here
    expect(at_line(told, marked("kept here", __file__)), 300)
    fact("rounds", sum(ROUNDS))
    fact("churn_line", marked("held for a while", __file__))


for worker in WORKERS:
    worker.start()
serve(go)
