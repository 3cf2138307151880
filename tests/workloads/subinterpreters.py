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
os.write({fd}, json.dumps(keep()).encode())
"""
ALIVE = []


def run(script):
    try:
        import _interpreters  # 3.13 on
    except ImportError:
        import _xxsubinterpreters as old

        interpreter = old.create()
        old.run_string(interpreter, script)
    else:
        interpreter = _interpreters.create()
        failure = _interpreters.exec(interpreter, script)
        assert failure is None, failure
    ALIVE.append(interpreter)


def go():
    for _ in range(2):
        reader, writer = os.pipe()
        run(SCRIPT.replace("{fd}", str(writer)))
        told = json.loads(os.read(reader, 65536).decode())
        expect(tuple(map(tuple, told)), 50)


serve(go)
