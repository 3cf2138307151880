"""64 greenlets that switch from within nested C frames, each with bytes that only it knows."""
import greenlet

from truth import at_line, expect, fact, here, marked, serve

KEPT = [None] * 100
SWITCHES = 0
WRONG = 0


def body(name, hub):
    global SWITCHES, WRONG
    mine = b""
    while True:
        stamp = bytes([name]) * (1000 + 17 * name)

        def switch(_):
            """Called by sorted(), so C frames of the interpreter lie on the slice that is moved away."""
            global SWITCHES
            scratch = bytearray(stamp)
            SWITCHES += 1
            hub.switch()
            return scratch[0] - name + len(bytes(3000))

        keys = sorted([1, 2, 3], key=lambda number: sum(map(switch, [number])))
        WRONG += keys != [1, 2, 3] or stamp != bytes([name]) * len(stamp) or (mine != b"" and mine != stamp)
        mine = stamp


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


serve(go)
