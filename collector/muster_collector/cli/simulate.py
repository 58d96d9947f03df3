"""`muster simulate`: made-up nodes against a broker, for boards, load and demonstrations."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from muster_collector import durations
from muster_collector.errors import ConfigError

if TYPE_CHECKING:
    from muster_collector.simulate.run import Outcome, Plan


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "simulate",
        help="made-up nodes against a broker",
        description="Publish reports of made-up nodes, marked as simulated, and handle their acks.",
    )
    parser.add_argument("--broker", default="mqtt://127.0.0.1:1883", metavar="URL")
    parser.add_argument("--nodes", type=positive, default=10, metavar="N")
    parser.add_argument("--sites", type=positive, default=5, metavar="K")
    parser.add_argument("--every", type=seconds, default=10.0, metavar="DURATION")
    parser.add_argument("--for", dest="duration", type=seconds, metavar="DURATION")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--root", default="muster/v1", help="topic root")
    parser.add_argument("--username")
    parser.add_argument("--password-file", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.set_defaults(run=run)


def positive(text: str) -> int:
    """A whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}: use 1 or more")
    return number


def seconds(text: str) -> float:
    """A duration for argparse."""
    try:
        return durations.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run(options: argparse.Namespace) -> int:
    """Simulate until the duration is over or a signal comes."""
    outcome = simulate(make_plan(options))
    if options.json:
        print(json.dumps(asdict(outcome)), flush=True)
    else:
        print(f"{outcome.nodes} nodes made {outcome.made} reports, {outcome.settled} are settled")
    return 0 if outcome.settled == outcome.made else 1


def make_plan(options: argparse.Namespace) -> Plan:
    """The plan from the command line; raise `ConfigError` for an address that is none."""
    from muster_collector.simulate.run import Plan

    try:
        url = urlsplit(options.broker)
        port = url.port or 1883
    except ValueError as error:
        raise ConfigError(f"--broker {options.broker}: {error}") from error
    if url.scheme != "mqtt" or not url.hostname:
        raise ConfigError(f"--broker {options.broker}: use mqtt://HOST:PORT")
    try:
        password = options.password_file and options.password_file.read_text().strip()
    except OSError as error:
        raise ConfigError(f"--password-file {options.password_file}: {error.strerror}") from error
    return Plan(
        host=url.hostname,
        port=port,
        nodes=options.nodes,
        sites=options.sites,
        every=options.every,
        duration=options.duration,
        seed=options.seed,
        root=options.root,
        username=options.username,
        password=password,
    )


def simulate(plan: Plan) -> Outcome:
    """Run the plan with SIGINT and SIGTERM as its end."""
    from muster_collector.simulate.run import Simulation

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    print(f"simulating {plan.nodes} nodes; Ctrl-C ends it", file=sys.stderr)
    return Simulation(plan).run(stop)
