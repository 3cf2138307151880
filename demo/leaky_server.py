"""A small web server with a leak, and a client that keeps it busy.

Every visitor opens a session, asks for two pages and leaves. The server

- renders each page from scratch and forgets it: much memory, no leak;
- keeps a log of the last visits in an in-memory database: it fills up, then stays;
- remembers what each visitor saw first. `SessionRegistry.close` takes the session out of the table of open
  ones, but nothing takes the page out of the history: this is the leak.

Stops by itself after ten minutes, or when its standard input closes.
"""

import http.client
import http.server
import json
import os
import random
import sqlite3
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


class VisitLog:
    """The last visits, in C: SQLite allocates for itself."""

    ROWS = 3000

    def __init__(self):
        self.database = sqlite3.connect(":memory:", check_same_thread=False)
        self.database.execute("create table visit (id integer primary key, name, headers)")
        self.lock = threading.Lock()

    def add(self, name, headers):
        with self.lock:
            cursor = self.database.execute(
                "insert into visit (name, headers) values (?, ?)", (name, headers * 40)
            )
            self.database.execute("delete from visit where id <= ?", (cursor.lastrowid - self.ROWS,))


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
LOG = VisitLog()


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
        LOG.add(name, str(self.headers))
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
    threading.stack_size(256 * 1024)  # the usual 8 MiB, mostly unused, would drown the rest
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    jobs = [(server.serve_forever, ()), (keep_busy, (server.server_port,)), (end_with_parent, ())]
    for job, arguments in jobs:
        threading.Thread(target=job, args=arguments, daemon=True).start()
    print(f"ready pid={os.getpid()} port={server.server_port}", flush=True)
    time.sleep(LIFETIME_SECONDS)


if __name__ == "__main__":
    main()
