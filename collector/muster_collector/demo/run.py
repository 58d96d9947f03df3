"""Runs the demo: starts the parts in order, watches them, ends them in the order of the flow."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from muster_collector import config, service
from muster_collector.demo import broker, processes
from muster_collector.demo.summary import Summary, summarise
from muster_collector.errors import MusterError

SETTLE_LIMIT = 10.0
"""Seconds that the last reports get to be stored once nothing makes new ones."""

AGENT = """\
# Written by muster demo: a real agent on this machine.
[node]
site = "this-machine"

[mqtt]
url = "mqtt://127.0.0.1:{mqtt}"

[sample]
every = "2s"

[spool]
path = "{directory}/spool.db"
"""

COLLECTOR = """\
# Written by muster demo: ingest, embedded store, scorer, API and page in one process.
[mqtt]
url = "mqtt://127.0.0.1:{mqtt}"

[collector]
data = "{directory}"

[store]
kind = "embedded"

[scoring]
window = "60s"
every = "5s"

[api]
host = "127.0.0.1"
port = {port}
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What `muster demo` was asked for; `duration` in seconds once all runs, None until Ctrl-C."""

    directory: Path
    port: int = 8080
    mqtt_port: int | None = None
    broker: str = "auto"
    simulate: int = 0
    duration: float | None = None

    @property
    def url(self) -> str:
        """The page."""
        return f"http://127.0.0.1:{self.port}"


async def run(options: Options, stop: asyncio.Event, say: Callable[[str], None]) -> Summary:
    """Run the demo until `stop` or its duration; `say` prints a line for people."""
    processes.require_port(options.port, "--port")
    if options.mqtt_port:
        processes.require_port(options.mqtt_port, "--mqtt-port")
    mqtt = options.mqtt_port or processes.free_port()
    with readable_directory() as readable:
        prepared = broker.prepare(readable, mqtt, kind=options.broker)
        broker_process = await processes.start(
            "broker", prepared.command, options.directory, prepared.user
        )
        await processes.wait_for_port(mqtt, broker_process)
    say(f"broker      {prepared.name} on port {mqtt}")
    try:
        async with collector(options, mqtt) as url:
            say(f"collector   embedded store in {options.directory}")
            children = [broker_process, *await start_nodes(options, mqtt)]
            say(f"agent       samples this machine every 2 s{simulated(options)}")
            say(f"page        {url}  (Ctrl-C ends the demo)")
            await watch(children, options, stop, time.monotonic())
            peak = processes.peak_rss_mb([os.getpid(), *(child.process.pid for child in children)])
            made = await stop_nodes(children[1:])
            return await settle(options, made, peak)
    finally:
        await broker_process.stop()


@contextlib.contextmanager
def readable_directory() -> Iterator[Path]:
    """A directory for a moment that the broker's user can read, wherever the data are."""
    with tempfile.TemporaryDirectory(prefix="muster-broker-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def simulated(options: Options) -> str:
    """How the made-up nodes are announced."""
    return f"; {options.simulate} simulated nodes beside it" if options.simulate else ""


@contextlib.asynccontextmanager
async def collector(options: Options, mqtt: int) -> AsyncIterator[str]:
    """The collector in this process; gives the page's address."""
    file = options.directory / "collector.toml"
    file.write_text(COLLECTOR.format(mqtt=mqtt, directory=options.directory, port=options.port))
    stop, started = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(
        service.run(config.load(file), stop=stop, started=started.set), name="collector"
    )
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        if not task.done():
            yield options.url
    finally:
        stop.set()
        await task


async def start_nodes(options: Options, mqtt: int) -> list[processes.Child]:
    """The real agent and, if wanted, the simulator, each in a process of its own."""
    file = options.directory / "agent.toml"
    file.write_text(AGENT.format(mqtt=mqtt, directory=options.directory))
    agent = [sys.executable, "-m", "muster_agent", "run", "--config", str(file)]
    children = [await processes.start("agent", agent, options.directory)]
    if options.simulate:
        sites = max(1, min(12, options.simulate // 8))
        simulator = [sys.executable, "-m", "muster_collector", "simulate", "--json"]
        simulator += ["--broker", f"mqtt://127.0.0.1:{mqtt}", "--every", "5s"]
        simulator += ["--nodes", str(options.simulate), "--sites", str(sites)]
        children.append(await processes.start("simulate", simulator, options.directory))
    return children


async def watch(
    children: list[processes.Child], options: Options, stop: asyncio.Event, started: float
) -> None:
    """Wait for the end while all children live; show one moving line on a terminal."""
    async with aiohttp.ClientSession(options.url) as http:
        while not stop.is_set():
            for child in children:
                if child.ended:
                    raise MusterError(f"{child.name} ended by itself: {child.tail()}")
            elapsed = time.monotonic() - started
            if options.duration is not None and elapsed >= options.duration:
                return
            if sys.stdout.isatty():
                await show(http, elapsed)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)


async def show(http: aiohttp.ClientSession, elapsed: float) -> None:
    """Redraw the line that says how the fleet is."""
    summary = await summarise(http, made=0, peak_rss_mb=0.0, url="")
    fleet = summary.fleet
    if fleet["score"] is None:
        score = "no score yet"
    else:
        score = f"readiness {fleet['score']:.1f} [{fleet['low']:.0f} .. {fleet['high']:.0f}]"
    line = f"{elapsed:4.0f} s  {score}  nodes {summary.nodes}  stored {summary.reports['stored']}"
    print(f"\r\033[K{line}", end="", flush=True)


async def stop_nodes(children: list[processes.Child]) -> int:
    """End agent and simulator in order; how many reports they say they made."""
    await asyncio.gather(*(child.stop(limit=30.0) for child in children))
    if sys.stdout.isatty():
        print("\r\033[K", end="")
    return sum(made_by(child) for child in children)


def made_by(child: processes.Child) -> int:
    """The last count of reports made that a node's process printed."""
    counts = re.findall(r'(?:"made": |\bmade=)(\d+)', child.log.read_text(errors="replace"))
    if not counts and child.process.returncode == -signal.SIGTERM:
        # Ended before it could make any.
        return 0
    if not counts:
        raise MusterError(f"{child.name} did not say how many reports it made: {child.tail()}")
    return int(counts[-1])


async def settle(options: Options, made: int, peak: float) -> Summary:
    """The summary, once every report made is accounted for or the limit has passed."""
    deadline = time.monotonic() + SETTLE_LIMIT
    async with aiohttp.ClientSession(options.url) as http:
        while True:
            summary = await summarise(http, made=made, peak_rss_mb=peak, url=options.url)
            if summary.accounted >= made or time.monotonic() > deadline:
                return summary
            await asyncio.sleep(0.1)


def write_json(summary: Summary, file: Path) -> None:
    """Write the summary for programs."""
    file.write_text(json.dumps(summary.as_json(), indent=2) + "\n", encoding="utf-8")


def describe(summary: Summary) -> str:
    """The summary for people."""
    reports: dict[str, Any] = summary.reports
    fleet = summary.fleet
    score = "no score" if fleet["score"] is None else f"{fleet['score']:.1f}"
    counts = ", ".join(f"{count} {name}" for name, count in reports.items())
    return (
        f"reports     {counts}\n"
        f"readiness   {score}, between {fleet['low']:.1f} and {fleet['high']:.1f}, "
        f"coverage {fleet['coverage']:.0%}, {summary.nodes} nodes\n"
        f"memory      {summary.peak_rss_mb:.0f} MB at most, all processes together"
    )
