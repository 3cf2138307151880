"""1,000 blocks kept by one line that four threads run at once."""
import threading

from truth import at_line, expect, here, marked, serve

KEPT = [None] * 1000
TOLD = []


def keep(start):
    TOLD.append(here())
    for index in range(start, start + 250):
        bytes(12000)
        KEPT[index] = bytes(10000)  # kept here


def go():
    threads = [threading.Thread(target=keep, args=(start,)) for start in range(0, 1000, 250)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(TOLD)) == 1, TOLD
    expect(at_line(TOLD[0], marked("kept here", __file__)), 1000)


serve(go)
