"""Whether the agent's memory grows: at an interval of 1 s with TLS, over time, and its slope.

Half a minute unless BENCH_SECONDS in the environment says otherwise; the documentation's figure is
of 1800. The slope is that of the memory which is the agent's own (USS), because PSS also changes
with the neighbours that share its libraries.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import aiomqtt
from bench.agent import prepare, smaps, uss

from muster_wire.codec import open_payload

SECONDS = float(os.environ.get("BENCH_SECONDS", "30"))
WARM = 10.0
"""Seconds before the first look."""


class Reading(NamedTuple):
    """Seconds since the start, and kB."""

    at: float
    rss: int
    pss: int
    uss: int


def main() -> None:
    """Print a few of the readings, and the slope of the second half of them."""
    with tempfile.TemporaryDirectory() as temporary:
        readings = asyncio.run(measure(Path(temporary)))
    print(f"{'seconds':>8}{'RSS kB':>8}{'PSS kB':>8}{'USS kB':>8}")
    for r in readings[:: max(1, len(readings) // 15)]:
        print(f"{r.at:8.0f}{r.rss:8d}{r.pss:8d}{r.uss:8d}")
    later = readings[len(readings) // 2 :]
    slope = statistics.linear_regression([r.at for r in later], [r.uss for r in later]).slope
    highest = max(later, key=lambda r: r.uss)
    print(
        f"slope of the second half: {slope * 3600:+.0f} kB USS an hour, "
        f"its highest {highest.uss} kB at {highest.at:.0f} s; {len(readings)} reports acked"
    )


async def measure(directory: Path) -> list[Reading]:
    """Run the agent and ack each report; a reading after each."""
    broker, config = prepare(directory, tls=True)
    try:
        async with aiomqtt.Client(
            "127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5
        ) as peer:
            await peer.subscribe("muster/v1/+/lab/bench/report", qos=1)
            command = [sys.executable, "-m", "muster_agent", "run", "--config", str(config)]
            agent = await asyncio.create_subprocess_exec(*command)
            try:
                return await watch(peer, agent.pid)
            finally:
                agent.terminate()
                await agent.wait()
    finally:
        broker.stop()


async def watch(peer: aiomqtt.Client, pid: int) -> list[Reading]:
    """Ack and read until the time is over."""
    readings: list[Reading] = []
    began = time.monotonic()
    async for message in peer.messages:
        assert isinstance(message.payload, bytes)
        kind = getattr(message.properties, "ContentType", None)
        report = json.loads(open_payload(message.payload, kind))
        topic = str(message.topic).removesuffix("report") + "ack"
        await peer.publish(topic, json.dumps({"epoch": report["epoch"], "through": report["seq"]}))
        at = time.monotonic() - began
        if at >= WARM:
            memory = smaps(pid)
            readings.append(Reading(at, memory["Rss"], memory["Pss"], uss(memory)))
        if at >= SECONDS:
            break
    return readings
