"""What a workload says about itself.

One JSON object per line on stdout, one command per line on stdin:

    <- {"ready": true, "pid": 42}
    -> go [words]      <- {"done": "go"}         the allocations have been made
    -> truth           <- {"expect": [...], ...}  what is alive because of them, and where
    -> quit                                       the process ends with status 0

`here()` is the interpreter's own word about the calling stack: every frame as `sys._getframe` shows
it, checked against `faulthandler`, which reads the same frames by another path in C.
"""
import faulthandler
import json
import os
import re
import sys
import tempfile
import threading

SIZE = 10000
BLOCK = sys.getsizeof(bytes(SIZE))  # what one `bytes(SIZE)` asks the allocator for

_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$')
_kept = []
_told = {}
_confirmed = set()
_facts = {}
_lock = threading.Lock()


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def frames(frame):
    """Root first, as tuples (function, file, line, bare name)."""
    found = []
    while frame is not None:
        code = frame.f_code
        found.append((getattr(code, "co_qualname", code.co_name), code.co_filename, frame.f_lineno, code.co_name))
        frame = frame.f_back
    return tuple(reversed(found))


def here():
    """The stack that called, leaf last."""
    told = frames(sys._getframe(1))
    if told not in _confirmed:
        _confirm(told)
        _confirmed.add(told)
    return told


def _confirm(told):
    """Fails when faulthandler, called from here, tells another story."""
    with tempfile.TemporaryFile() as file:
        faulthandler.dump_traceback(file=file, all_threads=False)
        file.seek(0)
        lines = file.read().decode("ascii").splitlines()
    seen = [match.groups() for match in map(_FRAME.match, lines) if match]
    seen = seen[2:]  # this function and `here`
    inner = list(reversed(told))[: len(seen)]
    assert len(seen) in (len(told), 98), (len(seen), len(told))  # faulthandler stops at 100 frames
    for (_, file, line, name), (seen_file, seen_line, seen_name) in zip(inner, seen):
        assert (_ascii(file), str(line), _ascii(name)) == (seen_file, seen_line, seen_name), (file, line, name, seen_file, seen_line, seen_name)


def _ascii(text):
    """As faulthandler escapes it."""
    escaped = "".join(
        character if " " <= character < "\x7f" else _escape(ord(character)) for character in text[:500]
    )
    return escaped + ("..." if len(text) > 500 else "")


def _escape(point):
    if point < 0x100:
        return "\\x%02x" % point
    return "\\u%04x" % point if point < 0x10000 else "\\U%08x" % point


def take(block, told, size=None):
    """Keeps a block that was just made at the leaf of `told`."""
    with _lock:
        _kept.append(block)
    expect(told, 1, size)
    return block


def expect(told, count, size=None, left=None):
    """Says that `count` blocks of `size` bytes made at the leaf of `told` are alive; of each perhaps only `left`."""
    key = told, size or BLOCK, left or size or BLOCK
    with _lock:
        _told[key] = _told.get(key, 0) + count


def at_line(told, line):
    """The same stack with its leaf at another line of the same function."""
    function, file, _, name = told[-1]
    return told[:-1] + ((function, file, line, name),)


def marked(mark, file):
    """Number of the one line of `file` that ends with the comment `mark`."""
    with open(file, encoding="utf-8") as source:
        lines = [number for number, text in enumerate(source, 1) if text.rstrip().endswith("# " + mark)]
    assert len(lines) == 1, (mark, lines)
    return lines[0]


def fact(name, value):
    """Something else the harness wants to know."""
    _facts[name] = value


def _truth():
    expectations = [
        {
            "frames": [{"function": function, "file": file, "line": line} for function, file, line, _ in told],
            "block_bytes": size,
            "count": count,
            "bytes": left * count,
        }
        for (told, size, left), count in _told.items()
    ]
    return {"expect": expectations, "facts": _facts, "witness": _witness()}


def _witness():
    """Live blocks of each expected size, as a preloaded allocator wrapper counted them; or nothing."""
    if not os.environ.get("LEAKSPY_WITNESS"):
        return None
    import ctypes

    count = ctypes.CDLL(None).leakspy_witness_live
    count.argtypes, count.restype = [ctypes.c_size_t], ctypes.c_size_t
    return {str(size): count(size) for size in sorted({size for _, size, _ in _told})}


def serve(go, **commands):
    """Obeys the harness until it says quit or goes away."""
    say({"ready": True, "pid": os.getpid()})
    for line in iter(sys.stdin.readline, ""):
        words = line.split()
        if words[0] == "quit":
            break
        if words[0] == "truth":
            say(_truth())
        elif words[0] == "go":
            go(*words[1:])
            say({"done": "go"})
        else:
            commands[words[0]](*words[1:])
            say({"done": words[0]})
    sys.stdout.flush()
    os._exit(0)  # blocks stay alive to the end: no teardown that frees them one by one
