"""As many different stacks as asked for, each visited as often as asked for, one block kept at each visit."""
from truth import BLOCK, fact, serve

KEPT = []


def binary(depth, number, keep):
    """One path of 2 ** depth: the bits of the number choose the line."""
    if depth == 0:
        keep(bytes(10000))
    elif number & 1:
        binary(depth - 1, number >> 1, keep)
    else:
        binary(depth - 1, number >> 1, keep)


def go(count, visits):
    for _ in range(int(visits)):
        for number in range(int(count)):
            binary(14, number, KEPT.append)
    fact("count", len(KEPT))
    fact("block", BLOCK)


serve(go)
