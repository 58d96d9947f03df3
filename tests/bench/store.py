"""Lines a second, and CPU microseconds for a report of 60 fields in 10 lines, for each store."""

from __future__ import annotations

import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from muster_collector.store.base import Point, Query, Read, Store
from muster_collector.store.embedded import EmbeddedStore
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings
from muster_collector.store.lines import LineEncoder
from servers import Influx1, VictoriaMetrics

NODES = 200
ROUNDS = 20
LINES = 10
FIELDS = 6
EVERY_MS = 10_000
T0 = 1_700_000_000_000


def main() -> None:
    """Write the same reports to every store there is; read what the scorer would read."""
    encoding()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        asyncio.run(measure("embedded", EmbeddedStore(directory / "bench.duckdb"), batch=500))
        asyncio.run(measure("embedded", EmbeddedStore(directory / "large.duckdb"), batch=5000))
        influx = Influx1(directory / "influx").start()
        try:
            for batch in (500, 5000):
                settings = InfluxSettings(influx.url, f"bench{batch}")
                asyncio.run(measure("InfluxDB 1.x", InfluxStore(settings), batch=batch))
        finally:
            influx.stop()
        victoria = VictoriaMetrics(directory / "victoria").start()
        try:
            settings = InfluxSettings(victoria.url, version="2")
            asyncio.run(measure("/api/v2/write", InfluxStore(settings), batch=5000, reads=False))
        finally:
            victoria.stop()


def report(node: int, moment: int) -> list[Point]:
    """Ten lines of six fields, as a node's report makes them."""
    tags = (("host", f"node-{node:05}"), ("name", "x"), ("site", f"site-{node % 50:03}"))
    return [
        Point(
            f"m{line}",
            tags,
            {f"usage_{i}": i * 1.2345 + moment % 7 for i in range(4)}
            | {f"count_{i}": moment + i for i in range(FIELDS - 4)},
            T0 + moment * EVERY_MS,
        )
        for line in range(LINES)
    ]


def batches(size: int) -> Iterator[list[Point]]:
    """All reports in order of time, `size` lines at once."""
    waiting: list[Point] = []
    for moment in range(ROUNDS):
        for node in range(NODES):
            waiting += report(node, moment)
            if len(waiting) >= size:
                yield waiting
                waiting = []
    if waiting:
        yield waiting


def encoding() -> None:
    """Line protocol alone."""
    encoder = LineEncoder()
    some = [point for node in range(NODES) for point in report(node, 0)]
    encoder.encode(some)
    times = []
    for _ in range(15):
        started = time.process_time()
        encoder.encode(some)
        times.append(time.process_time() - started)
    print(f"{'encoding':<14} {statistics.median(times) / NODES * 1e6:6.1f} us a report")


async def measure(title: str, store: Store, *, batch: int, reads: bool = True) -> None:
    """Write everything once as new and once again as duplicates, then read a window."""
    await store.open()
    prepared = list(batches(batch))
    print(f"{title:<14} {batch:>5} lines a batch")
    for what in ("new", "again"):
        wall, cpu = time.perf_counter(), spent()
        for points in prepared:
            assert not await store.write(points)
        wall, cpu = time.perf_counter() - wall, spent() - cpu
        reports = NODES * ROUNDS
        print(
            f"  {what:<12} {reports * LINES / wall:9,.0f} lines/s {reports / wall:8,.0f} reports/s"
            f" {cpu / reports * 1e6:6.1f} us CPU of ours a report"
        )
    if reads:
        await read(store)
    await store.close()


async def read(store: Store) -> None:
    """What one indicator of one fleet costs: a statistic of each node over the whole time."""
    end = T0 + ROUNDS * EVERY_MS
    for statistic in ("mean", "p95", "rate"):
        query = Query("m3", (Read("usage_0", statistic),), T0, end, ("host", "site"))
        await store.select(query)
        started = time.perf_counter()
        table = await store.select(query)
        assert len(table) == NODES
        print(
            f"  {statistic:<12} {(time.perf_counter() - started) * 1000:6.1f} ms for {NODES} nodes"
        )


def spent() -> float:
    """CPU seconds of this process, all threads; a database server's are its own."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
