"""A preforking server: workers of one script, forked before any request, of which all but the first leak.

`go N` forks N workers, each with 200 requests a second; every request keeps a page, or, in the first worker,
lets it go. Workers end with their parent.
"""
import collections
import os
import time

from truth import fact, marked, serve

HISTORY = []
CACHE = collections.deque(maxlen=50)


def remember(number):
    HISTORY.append(bytearray(2000 + number % 100))  # leaked here


def forget(number):
    CACHE.append(bytearray(2000 + number % 100))


def work(answer, parent):
    # Nobody speaks with a worker.
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):
        os.dup2(null, fd)
    number = 0
    while os.getppid() == parent:
        answer(number)
        number += 1
        time.sleep(1 / 200)
    os._exit(0)


def go(workers):
    parent = os.getpid()
    pids = []
    for worker in range(int(workers)):
        pid = os.fork()
        if pid == 0:
            work(remember if worker else forget, parent)
        pids.append(pid)
    fact("line", marked("leaked here", __file__))
    fact("workers", pids)


serve(go)
