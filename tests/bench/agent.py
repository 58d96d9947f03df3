"""What the agent costs at 10 s over TLS, acked as in life: CPU, memory, bytes, segments, start.

Three ways: the ten first sensors; all sensors of this machine; all sensors of a machine with more
interfaces, in a network namespace of its own whose packets are as large as on an Ethernet.
BENCH_EVERY=1 in the environment measures at that interval (seconds). Twelve samples of 10 s hold
every rationed sensor once. BENCH_PYTHON is another interpreter for the agent, such as the system's
of the same version: one that was built without profile-guided optimization costs a tenth more. The
memory that nobody shares (USS) is the agent's on any machine; PSS divides the rest by the number of
neighbours that use the same Python and the same libraries.
"""

from __future__ import annotations

import asyncio
import compileall
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import aiomqtt
import paho
import paho.mqtt
from bench._collector import ack, collector
from bench._process import Cost, cpu_ms, heading, line, memory, segments

import muster_agent
import muster_wire
from servers import Mosquitto

EVERY = float(os.environ.get("BENCH_EVERY", "10"))
PYTHON = os.environ.get("BENCH_PYTHON", sys.executable)
SAMPLES = 12 if EVERY >= 10 else 30
WARM = 2 if EVERY >= 10 else 5
"""Samples before measuring: connecting and first readings are not the everyday."""
FIRST_TEN = (
    "cpu mem swap system disk diskio net processes kernel pressure".split()  # noqa: SIM905 - names
)
PAIRS = 9
"""Pairs of interfaces that the wide machine has beside its loopback."""
MTU = "1500"


class Report(NamedTuple):
    """How the agent's messages were, an interval."""

    cost: Cost
    payload: float
    segments: float
    first_s: float


def main() -> None:
    """Print a line for each way."""
    print(f"a sample every {EVERY:g} s over TLS")
    print(f"{heading()}{'bytes':>8}{'B/value':>9}{'segments':>10}{'first s':>9}")
    show("the ten first sensors", FIRST_TEN)
    show("all sensors", ())
    wide = [*alone(), sys.executable, "-m", "bench.agent"]
    sys.stdout.flush()
    if subprocess.run(wide, check=False, cwd=Path(__file__).parents[1]).returncode:
        print("no namespace of its own here, so no machine with more interfaces: run it as root")


def show(name: str, sensors: tuple[str, ...] | list[str]) -> None:
    """Measure and print one line."""
    with tempfile.TemporaryDirectory() as temporary:
        report = asyncio.run(measure(Path(temporary), sensors=sensors))
    print(
        f"{line(name, report.cost)}{report.payload:8.0f}{report.payload / report.cost.values:9.2f}"
        f"{report.segments:10.2f}{report.first_s:9.2f}",
        flush=True,
    )


def alone() -> list[str]:
    """What runs a command with a network and mounts of its own."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--net", "--mount"]


def widen() -> None:
    """Make interfaces in this process's own namespace, and show them in its /sys."""
    if Path("/proc/self/ns/net").samefile(f"/proc/{os.getppid()}/ns/net"):
        raise SystemExit("this would change the machine's own network: `make bench ARGS=agent`")
    ip("link", "set", "lo", "up", "mtu", MTU)
    for pair in range(PAIRS):
        ends = f"lan{2 * pair}", f"lan{2 * pair + 1}"
        ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for end in ends:
            ip("link", "set", end, "up")
    subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True)


def ip(*command: str) -> None:
    """Change interfaces by the program of this name."""
    subprocess.run(["ip", *command], check=True)


async def measure(directory: Path, *, sensors: tuple[str, ...] | list[str] = ()) -> Report:
    """Run an agent against a broker and a peer that acks every report."""
    broker, config, port = prepare(directory, sensors=sensors)
    try:
        async with aiomqtt.Client(
            "127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5
        ) as peer:
            await peer.subscribe("muster/v1/+/lab/bench/report", qos=1)
            began = time.monotonic()
            agent = await start(config)
            try:
                return await watch(peer, agent.pid, port, began)
            finally:
                agent.terminate()
                await agent.wait()
    finally:
        broker.stop()


def prepare(
    directory: Path, *, sensors: tuple[str, ...] | list[str] = (), every: float = EVERY
) -> tuple[Mosquitto, Path, int]:
    """A broker that runs, the agent's configuration, and the port with TLS that it names.

    The agent has compiled files, as an installed one has: without them it takes 3 MB more.
    """
    for package in (muster_agent, muster_wire, paho.mqtt):
        compileall.compile_dir(package.__path__[0], quiet=2)
    plain = Mosquitto(directory / "broker")
    secure = Mosquitto(directory / "spare").port
    certificate(directory)
    plain.settings += (
        f"listener {secure} 127.0.0.1\nallow_anonymous true\n"
        f"certfile {directory}/cert.pem\nkeyfile {directory}/key.pem\n"
    )
    plain.start()
    config = directory / "agent.toml"
    config.write_text(
        f'[node]\nid = "bench"\nsite = "lab"\n'
        f'[sample]\nevery = "{every:g}s"\nsensors = {json.dumps(sensors)}\n'
        f'[mqtt]\nurl = "mqtts://localhost:{secure}"\nca_file = "{directory}/cert.pem"\n'
        f'[spool]\npath = "{directory}/spool.db"\n'
    )
    return plain, config, secure


async def start(config: Path) -> asyncio.subprocess.Process:
    """Start the agent, which finds itself and paho whatever the interpreter."""
    packages = [muster_agent, paho]
    path = os.pathsep.join(str(Path(one.__path__[0]).parent) for one in packages)
    return await asyncio.create_subprocess_exec(
        *(PYTHON, "-m", "muster_agent", "run", "--config", str(config)),
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )


async def watch(peer: aiomqtt.Client, pid: int, port: int, started: float) -> Report:
    """Ack every report; measure between the last of warming up and the last of all."""
    centre = collector(peer, "bench")
    seen, values, payload, first = 0, 0, 0, 0.0
    cpu, sent = 0.0, 0
    async for message in peer.messages:
        first = first or time.monotonic() - started
        some, size = await ack(centre, message)
        seen += 1
        if seen > WARM:
            values += some
            payload += size
        if seen == WARM:
            await asyncio.sleep(EVERY / 2)  # the ack belongs to the last report
            cpu, sent = cpu_ms(pid), segments(port)
        if seen == WARM + SAMPLES:
            await asyncio.sleep(EVERY / 2)
            cost = Cost((cpu_ms(pid) - cpu) / SAMPLES, memory(pid), values / SAMPLES)
            return Report(
                cost, payload / SAMPLES, (segments(port) - sent) / SAMPLES, round(first, 3)
            )
    raise RuntimeError("the broker went away")


def certificate(directory: Path) -> None:
    """A certificate for localhost that signs itself."""
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)


if __name__ == "__main__":
    widen()
    show(f"all sensors, {2 * PAIRS} interfaces more", ())
