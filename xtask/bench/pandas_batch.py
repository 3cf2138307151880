"""A worker that reads, groups and writes small tables: some 200,000 calls of malloc a second."""
import io

import numpy as np
import pandas as pd

from counted import at_rate
from planted import leak

RANDOM = np.random.default_rng(7)
TEXT = pd.DataFrame({
    "customer": RANDOM.integers(0, 50, 400),
    "name": ["customer %d, who has a rather long name" % (number % 50) for number in range(400)],
    "amount": RANDOM.random(400),
}).to_csv(index=False)


def work():
    table = pd.read_csv(io.StringIO(TEXT))
    sums = table.groupby(["customer", "name"]).agg({"amount": ["sum", "mean"]})
    sums.reset_index().to_json()
    leak()


at_rate(work, 20)
