"""`muster demo`: everything in one process tree on this machine, with nothing to configure."""

from __future__ import annotations

import argparse
import asyncio
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster_collector.cli.simulate import seconds
from muster_collector.errors import ConfigError

if TYPE_CHECKING:
    from muster_collector.demo.run import Options
    from muster_collector.demo.summary import Summary


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "demo",
        help="everything in one process tree on this machine",
        description="Broker, collector, store, page and a real agent, with nothing to configure.",
    )
    parser.add_argument("--for", dest="duration", type=seconds, metavar="60s", help="then end")
    parser.add_argument("--simulate", type=int, default=0, metavar="N", help="add made-up nodes")
    parser.add_argument("--port", type=int, default=8080, help="of the page (8080)")
    parser.add_argument("--mqtt-port", type=int, help="of the broker (any free one)")
    parser.add_argument("--broker", choices=("auto", "mosquitto", "iotcore"), default="auto")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the data here")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the summary as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the demo and print its summary."""
    from muster_collector.cli.collector import tune_memory
    from muster_collector.demo.run import Options, describe, write_json

    if options.json and not options.json.parent.is_dir():
        raise ConfigError(f"--json {options.json}: there is no folder {options.json.parent}")
    tune_memory()
    with tempfile.TemporaryDirectory(prefix="muster-demo-") as temporary:
        plan = Options(
            directory=directory(options.data, Path(temporary)),
            port=options.port,
            mqtt_port=options.mqtt_port,
            broker=options.broker,
            simulate=max(0, options.simulate),
            duration=options.duration,
        )
        summary = asyncio.run(demo(plan))
    print(describe(summary), flush=True)
    if options.json:
        try:
            write_json(summary, options.json)
        except OSError as error:
            raise ConfigError(f"--json {options.json}: {error.strerror}") from error
    return 0


def directory(wanted: Path | None, temporary: Path) -> Path:
    """Where the demo keeps its files; the broker may read there after it gave up root."""
    chosen = wanted or temporary
    try:
        chosen.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--data {chosen}: {error.strerror}") from error
    if wanted is None:
        chosen.chmod(0o755)
    return chosen.resolve()


async def demo(options: Options) -> Summary:
    """Run the demo with SIGINT and SIGTERM as its end."""
    from muster_collector.demo.run import run as run_demo

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return await run_demo(options, stop, lambda line: print(line, flush=True))
