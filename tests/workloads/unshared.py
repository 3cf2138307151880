"""A worker of a preforking server that looks at what its parent has made: 100 MB of objects, of which it changes the
reference counts, and nothing else.

`fork` starts it, `walk` lets it look at all of them; it ends with its parent.
"""
import os

from truth import fact, serve

OBJECTS = []
PIPES = []


def fill():
    for number in range(1500000):
        OBJECTS.append(float(number))
        OBJECTS.append(str(number))


def walk():
    for _ in OBJECTS:
        pass


def fork():
    fill()
    asked, ask = os.pipe()
    done, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1):
            os.dup2(null, fd)
        os.close(ask)
        while os.read(asked, 1):
            walk()
            os.write(tell, b".")
        os._exit(0)
    PIPES.extend((ask, done))
    fact("worker", pid)


def walked():
    ask, done = PIPES
    os.write(ask, b".")
    os.read(done, 1)


serve(lambda: None, fork=fork, walk=walked)
