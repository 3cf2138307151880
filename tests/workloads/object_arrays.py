"""Objects that arrays of numpy hold."""
import numpy

from truth import serve


class InArray:
    pass


KEPT = []


def go():
    KEPT.append(numpy.array([[InArray(), InArray()] for _ in range(300)], dtype=object))


serve(go)
