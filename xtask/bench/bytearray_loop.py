"""200,000 times a second: a bytearray of 1,000 bytes, which malloc gives and gets back at once."""
from counted import at_rate
from planted import leak

TOGETHER = 2000


def work():
    for _ in range(TOGETHER):
        bytearray(1000)
    leak()
    return TOGETHER


at_rate(work, 100)
