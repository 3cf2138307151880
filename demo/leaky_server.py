"""A small web server with a leak, and a client that keeps it busy.

Every visitor opens a session, asks for two pages and leaves. The server renders each page from
scratch and forgets it, which is much memory but no leak. The leak: `SessionRegistry.close` takes the
session out of the table of open ones, but `History` keeps what was rendered for it, for ever.

Stops by itself after ten minutes, or when its standard input closes.
"""

import http.client
import http.server
import json
import os
import random
import sys
import threading
import time

VISITS_PER_SECOND = 20
LIFETIME_SECONDS = 600


class History:
    """What visitors saw. Meant for an "undo" that nobody wrote."""

    def __init__(self):
        self.pages = []

    def remember(self, page):
        self.pages.append(bytearray(page))  # the leak: nothing ever takes one out


class Session:
    def __init__(self, name):
        self.name = name
        self.views = 0


class SessionRegistry:
    def __init__(self):
        self.open = {}
        self.history = History()
        self.lock = threading.Lock()

    def enter(self, name):
        with self.lock:
            return self.open.setdefault(name, Session(name))

    def close(self, name):
        with self.lock:
            self.open.pop(name, None)


REGISTRY = SessionRegistry()


def measurements(count):
    """Rows for a table; garbage as soon as the page is sent."""
    return [{"row": row, "value": random.gauss(0, 1), "note": "x" * 40} for row in range(count)]


def render(session):
    rows = measurements(300)
    session.views += 1
    page = json.dumps({"session": session.name, "views": session.views, "rows": rows}).encode()
    if session.views == 1:
        REGISTRY.history.remember(page)
    return page


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        _, verb, name = self.path.split("/", 2)
        if verb == "close":
            REGISTRY.close(name)
            page = b""
        else:
            page = render(REGISTRY.enter(name))
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *args):
        pass


def visit(port, number):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for path in ("page", "page", "close"):
        connection.request("GET", f"/{path}/visitor-{number}")
        connection.getresponse().read()
    connection.close()


def keep_busy(port):
    number = 0
    due = time.monotonic()
    while True:
        visit(port, number)
        number += 1
        due += 1 / VISITS_PER_SECOND
        time.sleep(max(0, due - time.monotonic()))


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    jobs = [(server.serve_forever, ()), (keep_busy, (server.server_port,)), (end_with_parent, ())]
    for job, arguments in jobs:
        threading.Thread(target=job, args=arguments, daemon=True).start()
    print(f"ready pid={os.getpid()} port={server.server_port}", flush=True)
    time.sleep(LIFETIME_SECONDS)


if __name__ == "__main__":
    main()
