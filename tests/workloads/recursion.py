"""A stack much deeper than the tracer keeps."""
from truth import SIZE, here, serve, take


def descend(depth):
    if depth == 0:
        take(bytes(SIZE), here())
    else:
        descend(depth - 1)


serve(lambda: descend(300))
