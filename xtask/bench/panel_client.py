"""Opens a session, moves its slider three times, closes it. usage: panel_client.py PORT PER_SECOND"""
import random
import sys

import panel as pn
import panel.models  # noqa: F401
import panel.models.layout  # noqa: F401
from bokeh.client import pull_session

from counted import at_rate

pn.extension()
url = "http://127.0.0.1:%s/panel_app" % sys.argv[1]
random.seed(7)


def work():
    session = pull_session(url=url)
    slider = next(model for model in session.document.models if type(model).__name__ == "Slider")
    for _ in range(3):
        slider.value = random.randint(10, 5000)
        session.force_roundtrip()
    session.close()


at_rate(work, float(sys.argv[2]))
