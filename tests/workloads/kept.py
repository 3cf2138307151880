"""1,000 blocks kept by one line, beside a hundred times as many that come and go."""
from truth import at_line, expect, here, marked, serve

KEPT = [None] * 1000


def keep():
    told = here()
    for index in range(1000):
        transient(100)
        KEPT[index] = bytes(10000)  # kept here
    expect(at_line(told, marked("kept here", __file__)), 1000)


def transient(count):
    for _ in range(count):
        bytes(12000)


serve(keep)
