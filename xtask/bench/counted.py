"""Tells every second what was done in it."""
import json
import time


class Counted:
    def __init__(self):
        self.operations, self.took, self.told = 0, [], time.monotonic()

    def done(self, began, operations=1):
        """An operation, or many that took as long together, which began then (`time.monotonic()`)."""
        now = time.monotonic()
        self.operations += operations
        self.took.append(round((now - began) * 1000, 3))
        if now - self.told >= 1:
            self.told = now
            print(json.dumps({"operations": self.operations, "milliseconds": self.took}), flush=True)
            self.took = []


def at_rate(work, per_second):
    """Does a piece of work so many times a second, and counts it; when it is late it goes on without a break."""
    counted, due = Counted(), time.monotonic()
    while True:
        due += 1 / per_second
        time.sleep(max(0.0, due - time.monotonic()))
        began = time.monotonic()
        due = max(due, began - 1)
        counted.done(began, work() or 1)
