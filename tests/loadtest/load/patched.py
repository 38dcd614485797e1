"""What has to be seen inside a process that Locust has patched; test_runs.py runs it."""

import socket
import time

import locust  # noqa: F401  (patches first)
from locust import LoadTestShape
from locust.env import Environment

from loadtest.load.profiles import PROFILES
from loadtest.load.sender import Sender
from loadtest.load.users import SHAPES, Crowd
from loadtest.traffic.model import Traffic

assert list(SHAPES) == list(PROFILES)
for name, shape in SHAPES.items():
    made = shape()
    assert isinstance(made, LoadTestShape)
    made.reset_time()
    assert made.tick() == (PROFILES[name].users(0), PROFILES[name].users(0))
    made.start_time -= PROFILES[name].seconds
    assert made.tick() is None
assert SHAPES["soak"](minutes=2).lasting.seconds == 120

silent = socket.create_server(("127.0.0.1", 0))  # takes connections, and never answers
environment = Environment(user_classes=[Crowd])
url = f"http://127.0.0.1:{silent.getsockname()[1]}"
sender = Sender(environment, url, "still", iter(Traffic("typical", 1000)))
began = time.perf_counter()
for number in range(50):
    sender.send(began + number / 1000)
assert sender.account.taken == 50
assert sender.account.pending == 50, sender.account
silent.close()

crowd = Crowd(environment)
Crowd.rate = 100.0
crowd.on_start()
due = crowd._due
waits = [crowd.wait_time() for _ in range(5)]
assert abs(crowd._due - due - 5 / 100) < 1e-9, "the moments do not move, whenever the last was sent"
time.sleep(0.2)
assert crowd.wait_time() == 0
