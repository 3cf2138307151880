"""A rush of small objects of which one in each arena stays. The interpreter's own counts are the truth."""
import os
import re
import sys
import tempfile

from truth import fact, serve

KEPT = []
# Address space of an arena.
ARENA = 1 << 20 if sys.version_info >= (3, 10) else 1 << 18
ROWS = {
    "arenas": r"# arenas allocated current\s+=\s+([\d,]+)",
    "used_bytes": r"# bytes in allocated blocks\s+=\s+([\d,]+)",
    "empty_bytes": r"\d+ unused pools \* \d+ bytes\s+=\s+([\d,]+)",
}


def rush(count):
    made = [bytes(200) for _ in range(int(count))]
    of_arena = {}
    for index, one in enumerate(made):
        of_arena.setdefault(id(one) // ARENA, index)
    KEPT.extend([made[index] for index in of_arena.values()])


def go():
    rush(600_000)


def count():
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        sys._debugmallocstats()
        os.dup2(stderr, 2)
        file.seek(0)
        text = file.read().decode()
    os.close(stderr)
    for name, row in ROWS.items():
        fact(name, int(re.search(row, text)[1].replace(",", "")))


serve(go, count=count)
