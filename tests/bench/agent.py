"""The agent's CPU, memory and bytes for each interval, with and without TLS, acked as in life.

BENCH_EVERY=10 in the environment measures at that interval (seconds) instead of 1, for 12 samples.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import aiomqtt
from agent.peer import Centre

from muster_wire.codec import open_payload
from servers import Mosquitto

EVERY = float(os.environ.get("BENCH_EVERY", "1"))
SAMPLES = 30 if EVERY <= 1 else 12
WARM = 5
"""Samples before measuring: connecting and first readings are not the everyday."""


class Cost(NamedTuple):
    """What one interval costs, and what the process holds."""

    cpu_ms: float
    rss_mb: float
    pss_mb: float
    values: int
    payload: int


def main() -> None:
    """Print a line for each way to connect."""
    print(f"a sample every {EVERY:g} s")
    print(f"{'':<10}{'CPU ms':>8}{'RSS MB':>8}{'PSS MB':>8}{'values':>8}{'bytes':>8}{'B/value':>9}")
    for name, tls in (("plain", False), ("TLS", True)):
        with tempfile.TemporaryDirectory() as temporary:
            cost = asyncio.run(measure(Path(temporary), tls=tls))
        print(
            f"{name:<10}{cost.cpu_ms:8.2f}{cost.rss_mb:8.1f}{cost.pss_mb:8.1f}"
            f"{cost.values:8d}{cost.payload:8d}{cost.payload / cost.values:9.2f}"
        )


async def measure(directory: Path, *, tls: bool) -> Cost:
    """Run an agent against a broker and a peer that acks every report."""
    broker, config = prepare(directory, tls=tls)
    try:
        return await run(config, broker.port)
    finally:
        broker.stop()


def prepare(directory: Path, *, tls: bool) -> tuple[Mosquitto, Path]:
    """A broker that runs, and the agent's configuration for it."""
    plain = Mosquitto(directory / "broker")
    port = plain.port
    if tls:
        secure = Mosquitto(directory / "spare").port
        certificate(directory)
        plain.settings += (
            f"listener {secure} 127.0.0.1\nallow_anonymous true\n"
            f"certfile {directory}/cert.pem\nkeyfile {directory}/key.pem\n"
        )
        port = secure
    plain.start()
    config = directory / "agent.toml"
    scheme = "mqtts" if tls else "mqtt"
    config.write_text(
        f'[node]\nid = "bench"\nsite = "lab"\n[sample]\nevery = "{EVERY:g}s"\n'
        f'[mqtt]\nurl = "{scheme}://localhost:{port}"\nca_file = "{directory}/cert.pem"\n'
        f'[spool]\npath = "{directory}/spool.db"\n'
    )
    return plain, config


async def run(config: Path, port: int) -> Cost:
    """Start the agent, ack what it reports, and look at the process meanwhile."""
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as peer:
        await peer.subscribe("muster/v1/+/lab/bench/report", qos=1)
        command = [sys.executable, "-m", "muster_agent", "run", "--config", str(config)]
        agent = await asyncio.create_subprocess_exec(*command)
        try:
            return await watch(peer, agent.pid)
        finally:
            agent.terminate()
            await agent.wait()


async def watch(peer: aiomqtt.Client, pid: int) -> Cost:
    """Ack every report; measure between the first after warming up and the last."""
    seen, began, size = 0, 0.0, 0
    centre = Centre(peer, "bench")
    centre.understands = True
    async for message in peer.messages:
        payload = message.payload
        assert isinstance(payload, bytes)
        kind = getattr(message.properties, "ContentType", None)
        report = json.loads(open_payload(payload, kind))
        topic = str(message.topic).removesuffix("report") + "ack"
        opened = centre.opened(report)
        base = centre.base["seq"] if centre.base else -1
        ack = {"epoch": report["epoch"], "through": report["seq"], "base": base}
        await peer.publish(topic, json.dumps(ack))
        seen += 1
        if seen == WARM:
            began, size = cpu_ms(pid), 0
        size += len(payload)
        if seen == WARM + SAMPLES:
            values = sum(len(metric["fields"]) for metric in opened[-1]["metrics"])
            size = round((size - len(payload)) / SAMPLES)
            memory = smaps(pid)
            cpu = (cpu_ms(pid) - began) / SAMPLES
            return Cost(cpu, memory["Rss"] / 1000, memory["Pss"] / 1000, values, size)
    raise RuntimeError("the broker went away")


def cpu_ms(pid: int) -> float:
    """Processor time of all threads so far."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def smaps(pid: int) -> dict[str, int]:
    """Rss, Pss and the rest, in kB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(rest.split()[0]) for name, rest in (line.split(":", 1) for line in lines)}


def uss(memory: dict[str, int]) -> int:
    """kB that no other process shares."""
    return memory["Private_Clean"] + memory["Private_Dirty"]


def certificate(directory: Path) -> None:
    """A certificate for localhost that signs itself."""
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", f"{directory}/key.pem", "-out", f"{directory}/cert.pem"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)


if __name__ == "__main__":
    main()
