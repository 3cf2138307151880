"""Small objects that are lost at addresses to which freed memory of malloc still leads, while another thread works."""
import ctypes
import gc
import threading

from truth import fact, serve

COUNT = 20000

take = ctypes.pythonapi.Py_IncRef
take.argtypes = [ctypes.py_object]
take.restype = None


def fill(number):
    """A table that malloc gives: too large for an arena."""
    return {each: b"held for a while, %d of %d" % (each, number) for each in range(300)}


def churn():
    """In a thread, so that the tables lie in an arena of malloc that is the thread's."""
    for number in range(20):
        tables = [fill(number) for _ in range(10)]
        del tables


def go_on():
    while True:
        fill(0)


def lose():
    for number in range(COUNT):
        take(b"lost for good, number %d" % number)


def work():
    gc.disable()
    first = threading.Thread(target=churn)
    first.start()
    first.join()
    lose()
    thread = threading.Thread(target=go_on)
    thread.daemon = True
    thread.start()
    fact("count", COUNT)


serve(work)
