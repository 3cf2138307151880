"""Posts orders to a server at a steady rate over one connection. usage: http_client.py PORT PER_SECOND"""
import http.client
import json
import random
import sys

from counted import at_rate

port, per_second = int(sys.argv[1]), float(sys.argv[2])
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
random.seed(7)
lines = [{"name": "article %d" % number, "amount": random.random()} for number in range(50)]
BODY = json.dumps({"customer": "a customer", "lines": lines})


def work():
    connection.request("POST", "/work", BODY, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit("the server answered %d" % answer.status)


at_rate(work, per_second)
