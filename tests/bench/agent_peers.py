"""The agent beside collectd, node_exporter and Glances: CPU an interval of 10 s, memory, values.

The first three run at the same time, so that they meet the same load; Glances follows alone,
because it would share the agent's Python and make its PSS smaller. Agent and collectd publish over
TLS with QoS 1, node_exporter is scraped, Glances publishes in the clear. The first three then run
again on a machine with 18 interfaces more, in a network namespace of its own (see `agent`).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import aiomqtt
from bench._collector import ack, collector
from bench._peers import PeerError, debian, glances, libraries
from bench._process import Cost, cpu_ms, heading, line, memory
from bench.agent import PAIRS, alone, prepare, start, widen

from servers import Mosquitto, free_port

EVERY = 10.0
WARM = 25.0
"""Seconds before measuring."""
SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
COLLECTD = """
BaseDir "{directory}"
PIDFile "{directory}/pid"
PluginDir "{root}/usr/lib/collectd"
TypesDB "{root}/usr/share/collectd/types.db"
Interval {every:g}
LoadPlugin conntrack
LoadPlugin contextswitch
LoadPlugin cpu
LoadPlugin df
LoadPlugin disk
LoadPlugin entropy
LoadPlugin interface
LoadPlugin irq
LoadPlugin load
LoadPlugin memory
LoadPlugin processes
LoadPlugin protocols
LoadPlugin swap
LoadPlugin uptime
LoadPlugin users
LoadPlugin vmem
LoadPlugin mqtt
<Plugin df>
  ValuesPercentage true
  ReportInodes true
</Plugin>
<Plugin mqtt>
  <Publish "bench">
    Host "localhost"
    Port "{port}"
    CACert "{certificate}"
    QoS 1
    Prefix "collectd"
  </Publish>
</Plugin>
"""
GLANCES = """
[mqtt]
host=127.0.0.1
port={port}
tls=false
user=
password=
topic=glances
topic_structure=per-metric
"""
Counted = list[int]
Started = Callable[..., AbstractAsyncContextManager[int]]
"""What starts an agent: a context with its process id."""


def main() -> None:
    """Print a line an agent."""
    for fetch in (debian, glances):
        with suppress(PeerError):  # which its line will say
            fetch()
    print(heading(), flush=True)
    show(SAME_TIME)
    show((glances_,))
    wide = [*alone(), sys.executable, "-m", "bench.agent_peers"]
    if subprocess.run(wide, check=False, cwd=Path(__file__).parents[1]).returncode:
        print("no namespace of its own here, so no machine with more interfaces: run it as root")


def show(agents: tuple[Started, ...]) -> None:
    """Measure some agents at the same time, and print a line each."""
    with tempfile.TemporaryDirectory() as temporary:
        asyncio.run(together(Path(temporary), agents))


async def together(directory: Path, agents: tuple[Started, ...]) -> None:
    """Measure some agents at the same time."""
    broker, config, port = prepare(directory, every=EVERY)
    try:
        for told in await asyncio.gather(
            *(measured(agent, directory, broker, config, port) for agent in agents)
        ):
            print(told, flush=True)
    finally:
        broker.stop()


async def measured(
    agent: Started, directory: Path, broker: Mosquitto, config: Path, port: int
) -> str:
    """The line of one agent, or why there is none."""
    name = agent.__name__.rstrip("_")
    counted: Counted = []
    try:
        async with agent(directory, broker.port, config, port, counted) as pid:
            await asyncio.sleep(WARM)
            before, cpu = sum(counted), cpu_ms(pid)
            await asyncio.sleep(SECONDS)
            intervals = SECONDS / EVERY
            values = (sum(counted) - before) / intervals
            return line(name, Cost((cpu_ms(pid) - cpu) / intervals, memory(pid), values))
    except (PeerError, FileNotFoundError) as error:
        return f"{name}: skipped: {error}"  # no such file: the process has ended


@asynccontextmanager
async def ours(
    _directory: Path, listener: int, config: Path, _port: int, counted: Counted
) -> AsyncIterator[int]:
    """Muster's agent with all sensors, acked as in life."""
    async with heard(listener, "muster/v1/+/lab/bench/report") as peer:
        centre = collector(peer, "bench")

        async def listen() -> None:
            async for message in peer.messages:
                counted.append((await ack(centre, message))[0])

        async with running(await start(config), listen()) as pid:
            yield pid


@asynccontextmanager
async def collectd(
    directory: Path, listener: int, _config: Path, port: int, counted: Counted
) -> AsyncIterator[int]:
    """Debian's collectd with the plugins that measure what our sensors do."""
    root = debian()
    file = directory / "collectd.conf"
    text = COLLECTD.format(
        root=root, directory=directory, every=EVERY, port=port, certificate=directory / "cert.pem"
    )
    file.write_text(text)
    command = [str(root / "usr/sbin/collectd"), "-f", "-C", str(file)]
    async with heard(listener, "collectd/#") as peer:

        async def listen() -> None:
            async for message in peer.messages:
                assert isinstance(message.payload, bytes)
                counted.append(message.payload.count(b":"))  # time:value:value

        process = await spawn(command, libraries(root))
        async with running(process, listen()) as pid:
            yield pid


@asynccontextmanager
async def node_exporter(
    _directory: Path, _listener: int, _config: Path, _port: int, counted: Counted
) -> AsyncIterator[int]:
    """Debian's prometheus-node-exporter, scraped every interval."""
    root = debian()
    at = f"127.0.0.1:{free_port()}"

    async def scrape() -> None:
        while True:
            await asyncio.sleep(EVERY)
            counted.append(await asyncio.to_thread(samples, f"http://{at}/metrics"))

    command = [str(root / "usr/bin/prometheus-node-exporter"), f"--web.listen-address={at}"]
    async with running(await spawn(command, dict(os.environ)), scrape()) as pid:
        yield pid


@asynccontextmanager
async def glances_(
    directory: Path, listener: int, _config: Path, _port: int, counted: Counted
) -> AsyncIterator[int]:
    """Glances with all its plugins, exporting over MQTT."""
    program = glances()
    file = directory / "glances.conf"
    file.write_text(GLANCES.format(port=listener))
    command = [str(program), "-q", "-C", str(file), "--export", "mqtt", "-t", f"{EVERY:g}"]
    async with heard(listener, "glances/#") as peer:

        async def listen() -> None:
            async for _ in peer.messages:
                counted.append(1)

        async with running(await spawn(command, dict(os.environ)), listen()) as pid:
            yield pid


def samples(url: str) -> int:
    """How many values a scrape has."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        return sum(not text.startswith(b"#") for text in answer)


@asynccontextmanager
async def heard(listener: int, topic: str) -> AsyncIterator[aiomqtt.Client]:
    """A client that hears a topic."""
    version = aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client("127.0.0.1", listener, protocol=version) as peer:
        await peer.subscribe(topic, qos=1)
        yield peer


async def spawn(command: list[str], environment: dict[str, str]) -> asyncio.subprocess.Process:
    """Start a program without its chatter."""
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet
    )


@asynccontextmanager
async def running(
    process: asyncio.subprocess.Process, beside: Coroutine[None, None, None]
) -> AsyncIterator[int]:
    """The id of a process that runs while something listens beside it; both end with the block."""
    task = asyncio.create_task(beside)
    try:
        yield process.pid
        if process.returncode is not None:
            raise PeerError(f"it ended with status {process.returncode}")
    finally:
        task.cancel()
        if process.returncode is None:
            process.terminate()
        await process.wait()


SAME_TIME: tuple[Started, ...] = (ours, collectd, node_exporter)

if __name__ == "__main__":
    widen()
    print(f"with {2 * PAIRS} interfaces more")
    show(SAME_TIME)
