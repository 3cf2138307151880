"""Children that allocate, free what they inherited, and end; beside the parent's own exact books."""
import os
import subprocess

from truth import at_line, expect, fact, here, marked, serve

KEPT = [None] * 1000


def in_child():
    """Nothing of this may be found in the parent's numbers."""
    mine = [bytes(20000) for _ in range(50)]
    del KEPT[:500]
    return len(mine)


def fork():
    child = os.fork()
    if child == 0:
        os._exit(in_child())
    assert os.waitpid(child, 0)[1] >> 8 == 50


def spawn():
    """posix_spawn, and subprocess, which uses vfork where it can."""
    child = os.posix_spawn("/bin/true", ["/bin/true"], {})
    assert os.waitpid(child, 0)[1] == 0
    assert subprocess.call(["/bin/true"]) == 0


def go(children):
    told = here()
    for index in range(1000):
        KEPT[index] = bytes(10000)  # kept here
        if index < int(children):
            fork()
            if index % 10 == 0:
                spawn()
    expect(at_line(told, marked("kept here", __file__)), 1000)
    fact("children", int(children))


serve(go)
