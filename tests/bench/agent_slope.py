"""Whether the agent's memory grows: PSS over time at an interval of 1 s with TLS, and its slope.

Half a minute unless BENCH_SECONDS in the environment says otherwise; the documentation's figure is
of 600.
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

import aiomqtt
from bench.agent import prepare, smaps

from muster_wire.codec import open_payload

SECONDS = float(os.environ.get("BENCH_SECONDS", "30"))
WARM = 10.0
"""Seconds before the first look."""


def main() -> None:
    """Print a few of the readings, and the slope of the second half of them."""
    with tempfile.TemporaryDirectory() as temporary:
        readings = asyncio.run(measure(Path(temporary)))
    for at, pss in readings[:: max(1, len(readings) // 10)]:
        print(f"{at:7.0f} s {pss:8.0f} kB PSS")
    later = readings[len(readings) // 2 :]
    slope = statistics.linear_regression(*zip(*later, strict=True)).slope
    print(f"slope of the second half: {slope * 3600:.0f} kB an hour; {len(readings)} reports acked")


async def measure(directory: Path) -> list[tuple[float, float]]:
    """Run the agent and ack each report; seconds since the start, and PSS in kB after each."""
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


async def watch(peer: aiomqtt.Client, pid: int) -> list[tuple[float, float]]:
    """Ack and read until the time is over."""
    readings: list[tuple[float, float]] = []
    began = time.monotonic()
    async for message in peer.messages:
        assert isinstance(message.payload, bytes)
        kind = getattr(message.properties, "ContentType", None)
        report = json.loads(open_payload(message.payload, kind))
        topic = str(message.topic).removesuffix("report") + "ack"
        await peer.publish(topic, json.dumps({"epoch": report["epoch"], "through": report["seq"]}))
        at = time.monotonic() - began
        if at >= WARM:
            readings.append((at, float(smaps(pid)["Pss"])))
        if at >= SECONDS:
            break
    return readings
