"""Works and checks its own work until told to stop: what a server feels of being traced."""
import threading

from truth import BLOCK, at_line, expect, fact, here, marked, serve

STOP = threading.Event()
WORKERS = []
COUNTS = []
KEPT = [None] * 100


def work(seed):
    """Blocks whose bytes are known, freed in another order than made."""
    checked = 0
    blocks = {}
    while not STOP.is_set():
        for index in range(200):
            number = (seed * 31 + checked + index) % 251
            old = blocks.pop(number, None)
            if old is not None:
                assert old == bytes([number]) * len(old), number
                checked += 1
            blocks[number] = bytes([number]) * (600 + 37 * index)
    COUNTS.append(checked)


def go(*_):
    for seed in range(2):
        thread = threading.Thread(target=work, args=(seed,))
        thread.start()
        WORKERS.append(thread)


def keep():
    told = here()
    for index in range(100):
        KEPT[index] = bytes(10000)  # kept here
    expect(at_line(told, marked("kept here", __file__)), 100)


def stop():
    STOP.set()
    for worker in WORKERS:
        worker.join()
    fact("block", BLOCK)
    fact("checked", sum(COUNTS))
    fact("workers_well", len(COUNTS) == len(WORKERS))


serve(go, keep=keep, stop=stop)
