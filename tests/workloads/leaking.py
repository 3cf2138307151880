"""A server that leaks, and one that does not, at the pace of a small web server.

`go` starts the leak: 200 requests a second, of which each keeps a page. `go quiet` starts the same
requests, whose pages end in a cache of bounded size.
"""
import collections
import threading
import time

from truth import fact, marked, serve

HISTORY = []
CACHE = collections.deque(maxlen=50)


def page(number):
    return bytearray(2000 + number % 100)


def remember(number):
    HISTORY.append(bytearray(2000 + number % 100))  # leaked here


def leak(number):
    page(number)
    remember(number)


def quiet(number):
    page(number)
    CACHE.append(page(number))


def requests(answer):
    number = 0
    while True:
        answer(number)
        number += 1
        time.sleep(1 / 200)


def go(how="leak"):
    fact("line", marked("leaked here", __file__))
    threading.Thread(target=requests, args=({"leak": leak, "quiet": quiet}[how],), daemon=True).start()


serve(go)
