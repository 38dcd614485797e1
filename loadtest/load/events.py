"""How a run begins and ends in Locust: options, a sender in each worker, and at the end the check.

The master says "drain" when it is over; each worker then waits for its last answers and says "drained", with everything
that it sent. Alone, a process is both.
"""

import os
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

import gevent
from flask import request
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.rpc.protocol import Message
from locust.runners import MasterRunner, Runner, WorkerRunner
from locust.web import WebUI

from loadtest.load.account import read
from loadtest.load.arguments import CONSOLE, RESULTS
from loadtest.load.books import Console
from loadtest.load.profiles import PROFILES
from loadtest.load.run import Run, label
from loadtest.load.sender import Sender
from loadtest.load.users import SHAPES, Crowd, ProfileShape
from loadtest.traffic.model import Traffic

_ENDLESS = 10**12  # reports
# Reports a second of the model's own clock, fewer than are sent: so what is sent again is known before its moment.
_MODEL_PACE = 5
_SEEDS = 1000  # workers of one run, at most: each has a seed of its own


def add_options(parser: LocustArgumentParser) -> None:
    options = parser.add_argument_group("load profiles")
    add = options.add_argument
    add("--load-profile", env_var="LOAD_PROFILE", choices=list(PROFILES), default="smoke", help="which of them")
    add("--load-console", env_var="LOAD_CONSOLE", default=CONSOLE, help="where /api/ledger is asked")
    add("--load-scale", env_var="LOAD_SCALE", type=_positive, default=1.0, help="times the profile's rates")
    add("--load-minutes", env_var="LOAD_MINUTES", type=_not_negative, default=0.0, help="0: the profile's own time")
    add("--load-seed", env_var="LOAD_SEED", type=int, default=1, help="of the traffic")
    add("--load-results", env_var="LOAD_RESULTS", default=str(RESULTS), help="folder for what came of it")


def _positive(text: str) -> float:
    if not 0 < (number := float(text)) <= 100_000:
        raise ArgumentTypeError(f"{text} is not a number over 0, and at most 100000")
    return number


def _not_negative(text: str) -> float:
    if not 0 <= (number := float(text)) <= 100_000:
        raise ArgumentTypeError(f"{text} is not a number from 0 to 100000")
    return number


class Test:
    """Of this process: a master has `run`, a worker `sender`, a process alone both."""

    def __init__(self, environment: Environment, runner: Runner) -> None:
        self.environment = environment
        self.runner = runner
        self.options: Any = environment.parsed_options
        self.run: Run | None = None
        self.sender: Sender | None = None
        runner.register_message("drain", self.drain, concurrent=True)
        runner.register_message("drained", self.drained)
        environment.events.test_start.add_listener(self.start)
        environment.events.test_stopping.add_listener(self.finish)
        environment.events.report_to_master.add_listener(self.report)
        environment.events.worker_report.add_listener(self.reported)

    def choose(self, name: str) -> None:
        """The profile's shape, before Locust starts it."""
        shape = SHAPES[name](self.options.load_minutes)
        shape.runner = self.runner
        self.environment.shape_class = shape

    def chosen(self) -> None:
        """On Locust's page, which has a list of the profiles."""
        if request.method == "POST" and request.path.endswith("/swarm"):
            name = request.form.get("load_profile", "")
            self.choose(name if name in PROFILES else self.options.load_profile)

    def start(self, **_: Any) -> None:
        options = self.options
        if not isinstance(self.runner, WorkerRunner):
            shape = self.environment.shape_class
            assert isinstance(shape, ProfileShape)
            self.environment.process_exit_code = 1  # until it is judged
            options.load_site = label()  # workers are told the options
            workers = {"local"}
            if isinstance(self.runner, MasterRunner):
                workers = {client.id for client in self.runner.clients.all}
            self.run = shape.run = Run(self.environment, shape.lasting, options.load_scale, options.load_site, workers)
        if not isinstance(self.runner, MasterRunner):
            index = self.runner.worker_index if isinstance(self.runner, WorkerRunner) else 0
            seed, pace = options.load_seed * _SEEDS + index, _MODEL_PACE * options.load_scale
            posts = iter(Traffic("learned", _ENDLESS, seed, rate=pace))
            self.sender = Sender(self.environment, self.environment.host or "", options.load_site, posts)
            Crowd.sender, Crowd.rate = self.sender, options.load_scale
            if self.run:
                self.run.accounts["local"] = self.sender.account

    def report(self, data: dict[str, Any], **_: Any) -> None:
        """From a worker, every three seconds."""
        if self.sender:
            data["account"] = self.sender.account.plain()

    def reported(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        account = data.get("account")
        if self.run and account and account["site"] == self.run.site:
            self.run.accounts[client_id] = read(account)

    def drain(self, **_: Any) -> None:
        """On a worker: the last answers, then Locust's own counts, then that this was all."""
        if self.sender is None:
            return
        self.sender.finish()
        data: dict[str, Any] = {}
        if isinstance(self.runner, WorkerRunner):
            self.environment.events.report_to_master.fire(client_id=self.runner.client_id, data=data)
            self.runner.send_message("stats", data)
        self.report(data)
        self.runner.send_message("drained", data["account"])

    def drained(self, msg: Message, **_: Any) -> None:
        account = read(msg.data)
        if self.run and account.site == self.run.site:
            self.run.accounts[msg.node_id] = account
            self.run.drained.add(msg.node_id)

    def finish(self, **_: Any) -> None:
        """Exit code 1 where something does not hold; failed requests alone are for the thresholds to judge."""
        if self.run is None:
            return
        options = self.options
        console = Console(options.load_console, os.environ.get("SENTINEL_CONSOLE_TOKEN", ""))
        holds = self.run.finish(lambda: self.runner.send_message("drain"), console, Path(options.load_results))
        if holds is not None:
            self.environment.process_exit_code = 0 if holds else 1


def begin(environment: Environment, runner: Runner, web_ui: WebUI | None = None, **_: Any) -> None:
    gevent.get_hub().NOT_ERROR += (KeyboardInterrupt,)  # which gevent would print a traceback for, and Locust handles
    test = Test(environment, runner)
    test.choose(test.options.load_profile)
    if web_ui and web_ui.app:
        web_ui.app.before_request(test.chosen)


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(begin)
