"""Run by gdb: stops a Python at one allocation and writes what the probes would have sent, with gdb's
own backtrace as the truth, as JSON to $CAPTURE_OUT.

Offsets of the frame structures, per version: see `leakspy::python::layout`; repeated here on purpose, so
that the two are independent.
"""
import json
import os
import struct

import gdb

SIZE = 1_000_003
VERSION = tuple(int(part) for part in os.environ["CAPTURE_VERSION"].split("."))
FLAG, PYTHON = 1 << 62, 1 << 63


def value(expression):
    return int(gdb.parse_and_eval(expression)) & (2**64 - 1)


def read(address, length):
    return gdb.selected_inferior().read_memory(address, length).tobytes()


def u64(address):
    return struct.unpack("<Q", read(address, 8))[0]


def u8(address):
    return read(address, 1)[0]


def python_word(code, outermost=False):
    return PYTHON | (FLAG if outermost else 0) | ((code >> 3) & ((1 << 44) - 1)) << 18


def frames_of_thread(tstate):
    """(words, cframe): innermost first."""
    words, cframe = [], 0
    if VERSION < (3, 11):
        frame = u64(tstate + 24)
        if VERSION >= (3, 10):
            cframe = u64(tstate + 48)
        while frame:
            words.append(python_word(u64(frame + 32)))
            frame = u64(frame + 24)
    elif VERSION < (3, 12):
        cframe = u64(tstate + 56)
        frame = u64(cframe + 8)
        while frame:
            words.append(python_word(u64(frame + 32), u8(frame + 68) == 1))
            frame = u64(frame + 48)
    else:
        if VERSION < (3, 13):
            cframe = u64(tstate + 56)
            frame = u64(cframe)
        else:
            frame = u64(tstate + 72)
        owner = 70 if VERSION < (3, 14) else 74
        while frame:
            if u8(frame + owner) >= 3:
                words.append(FLAG | frame)
            else:
                words.append(python_word(u64(frame) & ~3))
            frame = u64(frame + 8)
    return words, cframe


# Offsets of interpreters.head in _PyRuntime, of threads.head in an interpreter, of thread_id in a thread.
THREADS = {
    (3, 8): (32, 8, 176),
    (3, 9): (32, 8, 176),
    (3, 10): (32, 8, 176),
    (3, 11): (40, 16, 152),
    (3, 12): (40, 72, 136),
    (3, 13): (632, 7344, 152),
}


def thread_state():
    """The state of the stopped thread. gdb cannot call functions everywhere, so it is looked up."""
    interpreters, threads, thread_id = THREADS[VERSION]
    runtime = value("(unsigned long)&_PyRuntime")
    thread = u64(u64(runtime + interpreters) + threads)
    while u64(thread + thread_id) != value("(unsigned long)$fs_base"):
        thread = u64(thread + 8)
    return thread


def backtrace():
    frames, frame = [], gdb.newest_frame()
    while frame:
        # Inlined functions and tail calls have no frame on the stack; gdb reconstructs them.
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            name = frame.name()
            frames.append({"pc": frame.pc(), "name": name})
        try:
            frame = frame.older()
        except gdb.error:
            break
    return frames


def capture():
    registers = {name: value("(unsigned long)$" + name) for name in ("rip", "rsp", "rbp")}
    stack, page = b"", registers["rsp"]
    while len(stack) < 32 * 1024:
        length = min(4096 - page % 4096, 32 * 1024 - len(stack))
        try:
            stack += read(page, length)
        except gdb.MemoryError:
            break
        page += length
    pid = gdb.selected_inferior().pid
    frames = backtrace()
    words, cframe = frames_of_thread(thread_state())
    with open("/proc/%d/maps" % pid) as maps:
        maps = maps.read()
    return {
        "ip": registers["rip"],
        "sp": registers["rsp"],
        "bp": registers["rbp"],
        "stack": stack.hex(),
        "words": words,
        "cframe": cframe,
        "maps": maps,
        "backtrace": frames,
        "eval": value("(unsigned long)&_PyEval_EvalFrameDefault"),
    }


gdb.execute("set pagination off")
gdb.execute("set confirm off")
gdb.execute("set debuginfod enabled off", to_string=True)
gdb.execute("handle SIGUSR1 stop print nopass", to_string=True)
gdb.execute("run", to_string=True)
malloc = value("(unsigned long)&malloc")
gdb.execute("break *%d if $rdi >= %d && $rdi <= %d" % (malloc, SIZE, SIZE + 64), to_string=True)
gdb.execute("continue", to_string=True)
with open(os.environ["CAPTURE_OUT"], "w") as out:
    json.dump(capture(), out)
gdb.execute("kill", to_string=True)
