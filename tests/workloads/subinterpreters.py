"""Blocks that sub-interpreters keep. Each tells its own frames: it sees no others."""
import json
import os

from truth import expect, serve

SCRIPT = """
import json, os, sys
KEPT = [None] * 50
def frames(frame):
    found = []
    while frame is not None:
        code = frame.f_code
        found.append((getattr(code, "co_qualname", code.co_name), code.co_filename, frame.f_lineno, code.co_name))
        frame = frame.f_back
    return found[::-1]
def keep():
    for index in range(50):
        KEPT[index] = bytes(10000); told = frames(sys._getframe())
    return told
"""
GO = "os.write({fd}, json.dumps(keep()).encode())"


def made():
    """A new interpreter and the function that runs scripts in its main module."""
    try:
        import _interpreters  # 3.13 on
    except ImportError:
        import _xxsubinterpreters as old

        return old.create(), old.run_string

    def run(interpreter, script):
        failure = _interpreters.exec(interpreter, script)
        assert failure is None, failure

    return _interpreters.create(), run


# Made before anybody watches: what an interpreter allocates when it starts is a storm of stacks that each come once.
ALIVE = [made() for _ in range(2)]
for made_interpreter, run_in in ALIVE:
    run_in(made_interpreter, SCRIPT)


def go():
    for interpreter, run in ALIVE:
        reader, writer = os.pipe()
        run(interpreter, GO.replace("{fd}", str(writer)))
        told = json.loads(os.read(reader, 65536).decode())
        expect(tuple(map(tuple, told)), 50)


serve(go)
