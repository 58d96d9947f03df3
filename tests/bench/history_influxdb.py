"""Long ranges from InfluxDB 1.x: days of a year, hours of a district's nodes, all over HTTP.

The CPU is the collector's and the client's; InfluxDB's own stands apart, below each figure.
"""

from __future__ import annotations

import asyncio
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from bench.history import (
    CARD,
    DAY,
    DAYS,
    ESTATE,
    FIRST,
    FLEET,
    HOUR,
    PAGE,
    Cost,
    a_year,
    peak,
    serving,
)
from bench.history import days as days_of_sites
from bench.history import hours as hours_of_nodes

from muster_collector.store.base import Point
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings
from muster_collector.store.lines import LineEncoder
from servers import Influx1

HOURS = 30 * 24
DISTRICT = "d3"
SITES = {site.id for site in ESTATE.sites if site.district == DISTRICT}
NODES = [node for node in FLEET if node.site in SITES]
LINES = 10_000
MONTH = "from=2025-01-01T00:00:00Z&to=2025-01-31T00:00:00Z"


def hours() -> Iterator[Point]:
    """The first hour of a district: the scores and the values of its nodes."""
    inside = {node.node: node.site for node in NODES}
    for point in hours_of_nodes():
        node = dict(point.tags)["id"]
        if node in inside:
            yield point
            tags = {"level": "node", "id": node, "site": inside[node], "method": CARD.method}
            tags |= {"district": DISTRICT, "region": "r"}
            fields: dict[str, Any] = {"score": 70.5, "low": 60.5, "high": 80.5, "coverage": 0.75}
            fields |= {"least": 50.5, "most": 90.5, "scored": 1, "planned": 1}
            fields |= {"windows": 12, "expected": 12}
            yield Point("readiness_hourly", tuple(sorted(tags.items())), fields, FIRST + HOUR)


def fill(url: str, first: list[Point], step: int, count: int) -> None:
    """Each point again at every step, a little changed."""
    encoder, lines = LineEncoder(), []
    for number in range(count):
        moved = [
            point._replace(time=point.time + number * step, fields=changed(point.fields, number))
            for point in first
        ]
        lines += encoder.encode(moved)[0]
        if len(lines) >= LINES or number == count - 1:
            body = b"\n".join(lines)
            urllib.request.urlopen(f"{url}/write?db=muster&precision=ms", body).close()
            lines = []


def changed(fields: Any, number: int) -> dict[str, Any]:
    """Scores of another day."""
    factor = 0.9 + number % 19 / 100
    return {k: v * factor if isinstance(v, float) else v for k, v in fields.items()}


async def measure(server: Influx1) -> None:
    """The same questions as of the embedded store, and those of a district."""
    store = InfluxStore(InfluxSettings(server.url, timeout_s=300))
    await store.open()
    await asyncio.to_thread(fill, server.url, list(days_of_sites()), DAY, DAYS)
    await asyncio.to_thread(fill, server.url, list(hours()), HOUR, HOURS)
    assert server.process is not None
    patience = aiohttp.ClientTimeout(total=600)
    async with serving(store, NODES) as url, aiohttp.ClientSession(timeout=patience) as session:
        cost = Cost(session, psutil.Process(server.process.pid))
        await a_year(cost, url)
        base = f"{url}/readiness?level=node&district={DISTRICT}&{MONTH}&step=1h"
        title = f"hours of {len(NODES)} nodes of a district over a month"
        await cost.of(f"{title}: page of {PAGE}", f"{base}&limit={PAGE}", goal=0.3)
        await cost.of(f"{title}: all as Parquet", f"{base}&format=parquet", goal=1)
        backcast = f"{url}/backcast?{MONTH}&step=1d&weight=storage:2&level=district&id={DISTRICT}"
        await cost.of("backcast of that district, month, hours", backcast, goal=5, runs=1)
    print(f"peak memory {peak():.0f} MB (goal: 500)")


def main() -> None:
    """Fill, then measure."""
    with tempfile.TemporaryDirectory() as folder:
        server = Influx1(Path(folder))
        server.start()
        try:
            asyncio.run(measure(server))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
