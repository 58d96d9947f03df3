"""Whether the agent's memory grows: at an interval of 1 s with TLS, over time, and its slope.

Half a minute unless BENCH_SECONDS in the environment says otherwise; the documentation's figure is
of 1800. The slope is that of the memory which is the agent's own (USS), because PSS also changes
with the neighbours that share its libraries.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

import aiomqtt
from bench._collector import ack, collector
from bench._process import Memory, memory
from bench.agent import prepare, start

SECONDS = float(os.environ.get("BENCH_SECONDS", "30"))
WARM = 10.0
"""Seconds before the first look."""
ROWS = 15


def main() -> None:
    """Print a few of the readings, and the slope of the second half of them."""
    with tempfile.TemporaryDirectory() as temporary:
        readings = asyncio.run(measure(Path(temporary)))
    print(f"{'seconds':>8}{'RSS MB':>8}{'PSS MB':>8}{'USS MB':>8}")
    for at, (rss, pss, uss) in readings[:: max(1, len(readings) // ROWS)]:
        print(f"{at:8.0f}{rss:8.2f}{pss:8.2f}{uss:8.2f}")
    later = readings[len(readings) // 2 :]
    times, own = [at for at, _ in later], [held.uss for _, held in later]
    slope = statistics.linear_regression(times, own).slope * 3600
    print(
        f"second half: {slope:+.2f} MB USS an hour, from {min(own):.2f} to {max(own):.2f} MB; "
        f"{len(readings)} reports acked"
    )


async def measure(directory: Path) -> list[tuple[float, Memory]]:
    """Run the agent and ack each report; the seconds so far and its memory after each."""
    broker, config, _ = prepare(directory, every=1)
    try:
        async with aiomqtt.Client(
            "127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5
        ) as peer:
            await peer.subscribe("muster/v1/+/lab/bench/report", qos=1)
            agent = await start(config)
            try:
                return await watch(peer, agent.pid)
            finally:
                agent.terminate()
                await agent.wait()
    finally:
        broker.stop()


async def watch(peer: aiomqtt.Client, pid: int) -> list[tuple[float, Memory]]:
    """Ack and read until the time is over."""
    centre = collector(peer, "bench")
    readings: list[tuple[float, Memory]] = []
    began = time.monotonic()
    async for message in peer.messages:
        await ack(centre, message)
        at = time.monotonic() - began
        if at >= WARM:
            readings.append((at, memory(pid)))
        if at >= SECONDS:
            break
    return readings
