"""gevent: echo over sockets, a pool of real threads, and children, all at once."""
import gevent.monkey

gevent.monkey.patch_socket()
gevent.monkey.patch_ssl()

import os  # noqa: E402  (after the patches, as gevent demands)
import socket  # noqa: E402

import gevent  # noqa: E402
import gevent.subprocess  # noqa: E402
import gevent.threadpool  # noqa: E402

from truth import at_line, expect, fact, here, marked, serve  # noqa: E402

KEPT = [None] * 100
COUNTS = {"echoed": 0, "computed": 0, "children": 0, "wrong": 0}


def count(name, well):
    COUNTS[name] += 1
    COUNTS["wrong"] += not well


def echo(connection):
    while True:
        data = connection.recv(4096)
        if not data:
            return
        connection.sendall(bytes(bytearray(data)))


def talk(connection, name, rounds):
    for number in range(rounds):
        message = b"%d:%d;" % (name, number) * 40
        connection.sendall(message)
        received = b""
        while len(received) < len(message):
            received += connection.recv(4096)
        count("echoed", received == message)
    connection.close()


def compute(seed):
    return sum(len(bytes(700 + (seed * index) % 900)) for index in range(200))


def use_pool(rounds):
    pool = gevent.threadpool.ThreadPool(4)
    for seed in range(rounds):
        count("computed", pool.spawn(compute, seed).get() == sum(700 + (seed * index) % 900 for index in range(200)))


def use_children(rounds):
    for number in range(rounds):
        child = os.fork()
        if child == 0:
            os._exit(len(bytes(2000)) % 7)
        count("children", os.waitpid(child, 0)[1] >> 8 == 2000 % 7)
        count("children", gevent.subprocess.check_output(["/bin/echo", str(number)]) == b"%d\n" % number)


def go(rounds):
    rounds = int(rounds)
    jobs = [gevent.spawn(use_pool, rounds), gevent.spawn(use_children, max(1, rounds // 10))]
    for name in range(100):
        left, right = socket.socketpair()
        jobs += [gevent.spawn(echo, left), gevent.spawn(talk, right, name, max(1, rounds // 10))]
    gevent.joinall(jobs, raise_error=True)
    told = here()
    for index in range(100):
        KEPT[index] = bytes(10000)  # kept here
    expect(at_line(told, marked("kept here", __file__)), 100)
    for name, number in COUNTS.items():
        fact(name, number)


serve(go)
