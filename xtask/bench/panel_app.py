"""Panel: each session has a table of its own and a plot of it that follows a slider."""
import hvplot.pandas  # noqa: F401
import numpy as np
import pandas as pd
import panel as pn

from planted import leak

pn.extension()


def session():
    table = pd.DataFrame({"time": np.arange(5000), "value": np.random.randn(5000).cumsum()})
    shown = pn.widgets.IntSlider(name="shown", start=10, end=5000, value=500)

    def plot(rows):
        leak()
        return table.head(rows).hvplot.line("time", "value", width=400, height=300)

    return pn.Column(shown, pn.bind(plot, shown))


session().servable()
