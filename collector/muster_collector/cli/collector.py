"""`muster collector run|check`: the process at the centre."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from muster_collector.config import Config

PRIORITIES = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}
"""syslog's, which journald reads from the beginning of a line."""
M_ARENA_MAX = -8
"""Of glibc's `mallopt`."""


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "collector", help="the process at the centre: ingest, scores, API and page"
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, work, text in (
        ("run", run, "run until SIGTERM or Ctrl-C"),
        ("check", check, "say whether the configuration is right, and what is in force"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument("--config", type=Path, required=True, metavar="FILE")
        action.set_defaults(run=work)


def run(options: argparse.Namespace) -> int:
    """Run the collector."""
    from muster_collector import config

    settings = config.load(options.config)
    log_to_stderr()
    tune_memory()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(settings))
    return 0


async def serve(settings: Config) -> None:
    """Run the roles with SIGINT and SIGTERM as their end."""
    from muster_collector import service

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    log = logging.getLogger("muster_collector")
    await service.run(settings, stop=stop, started=lambda: log.info("collector started"))
    log.info("collector ended")


def check(options: argparse.Namespace) -> int:
    """Check the configuration and the files that it names."""
    from muster_collector import config, service
    from muster_collector.alerts.receivers import receivers
    from muster_collector.api.guard import check_exposure
    from muster_collector.ingest.sources.source import Source
    from muster_collector.store import open_store

    settings = config.load(options.config)
    config.read_secret(settings.mqtt.password_file, "[mqtt] password_file")
    token = config.read_secret(settings.api.token_file, "[api] token_file")
    open_store(settings.store, settings.collector.data)
    if settings.mqtt.url.startswith("mqtts"):
        from muster_collector.ingest.tls import context

        context(settings.mqtt)
    for source in settings.source:
        Source(source)
    if {"score", "api"} & set(settings.collector.roles):
        service.method(settings)
    if "alert" in settings.collector.roles:
        receivers(settings.alerts)
    if "api" in settings.collector.roles:
        check_exposure(settings.api.host, token, allow_open=settings.api.open)
    for section, found in settings:
        for model in found if isinstance(found, tuple) else (found,):
            for key, value in model:
                print(f"[{section}] {key} = {shown(value)}")
    return 0


def shown(value: object) -> str:
    """A setting's value in a line; partitions as ranges."""
    if isinstance(value, frozenset):
        numbers = sorted(value)
        whole = numbers == list(range(numbers[0], numbers[-1] + 1))
        return f"{numbers[0]}-{numbers[-1]}" if whole else ",".join(map(str, numbers))
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)


def log_to_stderr() -> None:
    """Lines for people on a terminal, else with the priority that journald reads."""

    class Prefixed(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            line = super().format(record).replace("\n", f"\n<{PRIORITIES[record.levelname]}>")
            return f"<{PRIORITIES[record.levelname]}>{line}"

    handler = logging.StreamHandler()
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(Prefixed("%(message)s"))
    else:
        clock = "%H:%M:%S" if sys.stderr.isatty() else "%Y-%m-%dT%H:%M:%S"
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", clock))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def tune_memory() -> None:
    """Look for cycles seldom, as reports have none; take all memory from one heap.

    Call it before there are threads: glibc gives each its own heap, which keeps what the thread
    has given back (40 MB with 10,000 nodes), and saves no waiting where Python lets one thread run.
    """
    gc.set_threshold(50_000, 20, 50)
    with contextlib.suppress(AttributeError):  # other C libraries have no such choice
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def loop_factory() -> Any:
    """The event loop of uvloop where that is installed: a third less CPU a message."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
