"""1,000 numpy arrays of 10,000 bytes kept by one line, beside arithmetic that makes more."""
import numpy

from truth import at_line, expect, here, marked, serve

KEPT = [None] * 1000


def keep():
    told = here()
    other = numpy.ones(12000, dtype=numpy.uint8)
    for index in range(1000):
        other = other + other
        KEPT[index] = numpy.empty(10000, dtype=numpy.uint8)  # kept here
    expect(at_line(told, marked("kept here", __file__)), 1000, 10000)


serve(keep)
