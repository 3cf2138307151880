"""So many blocks that stay, and nothing else."""
from truth import serve

KEPT = []


def go(count):
    for _ in range(int(count)):
        KEPT.append(bytearray(700))


serve(go)
