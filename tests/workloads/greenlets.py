"""64 greenlets that switch from within nested C frames, each with bytes that only it knows."""
import ctypes
import functools

import greenlet

from truth import at_line, expect, fact, here, marked, serve

KEPT = [None] * 100
SWITCHES = 0
WRONG = 0


def through_c(path, inner):
    """Calls inner from C from Python, another way for each digit of the path."""
    if not path:
        return inner()
    digit, rest = path % 3 + 1, path // 4
    if digit == 1:
        return sorted([1], key=lambda _: through_c(rest, inner))[0]
    if digit == 2:
        return sum(map(lambda _: through_c(rest, inner), [1]))
    return functools.reduce(lambda left, right: through_c(rest, inner), [1, 1])


def body(name, hub):
    """No two have the same frames: a return that went to another's caller would be noticed."""
    global WRONG
    stamp = bytes([name]) * (1000 + 17 * name)

    def switch():
        global SWITCHES
        scratch = bytearray(stamp)
        SWITCHES += 1
        hub.switch()
        return scratch[0] - name + len(bytes(3000)) - 2999

    turn = name
    while True:
        path = (turn * 2654435761) % 4096
        WRONG += through_c(path, switch) != 1 or stamp != bytes([name]) * len(stamp)
        turn += 1


def go(switches):
    hub = greenlet.getcurrent()
    others = [greenlet.greenlet(body) for _ in range(64)]
    for name, other in enumerate(others):
        other.switch(name, hub)
    turn = 0
    while SWITCHES < int(switches):
        others[turn * 7 % 64].switch()
        turn += 1
    told = here()
    for index in range(100):
        KEPT[index] = bytes(10000)  # kept here
    expect(at_line(told, marked("kept here", __file__)), 100)
    fact("switches", SWITCHES)
    fact("wrong", WRONG)
    hub.others = others  # they stay suspended, not killed


def evaluation():
    """Where the evaluation loop is: a return probe there must be fatal to what this workload does."""
    address = ctypes.cast(ctypes.pythonapi._PyEval_EvalFrameDefault, ctypes.c_void_p).value
    with open("/proc/self/maps") as maps:
        for line in maps:
            span, _, offset, _, _, *path = line.split()
            start, end = (int(part, 16) for part in span.split("-"))
            if start <= address < end:
                fact("evaluation_file", path[0])
                fact("evaluation_offset", address - start + int(offset, 16))


serve(go, evaluation=evaluation)
