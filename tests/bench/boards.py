"""What the boards' panels cost InfluxDB 1.x with a large fleet and a month of readiness.

1,000 nodes at 50 sites. Readiness of every node and place, and traffic of places: 30 days, every 5
minutes. Pillars and indicators: the fleet, one site and one node so long, all others an hour.
Accounts and capacity: 30 days by hours, of nodes, disks and sites; accounts by minutes a day.
Processors, memory, disks, interfaces: an hour, every 10 seconds.
`BENCH_NODES` makes the fleet smaller; `BENCH_INFLUX=URL` is filled once and then only asked.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from boards.influxql_client import ask, begin, options, panels, put_in

from muster_collector.boards import boards
from servers import Influx1

NODES = int(os.environ.get("BENCH_NODES", "1000"))
PER_SITE, SITES_PER_DISTRICT, DISTRICTS_PER_REGION = 20, 5, 5
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
RANGES = {"1 h": HOUR, "24 h": DAY, "30 d": 30 * DAY}
DATABASE = "bench"
PILLARS = ("compute", "storage", "circulation", "services", "resilience", "security")
INDICATORS = 35
SHAPES = 97
"""Different rows of values; enough that the database cannot make one of them."""
WIDE = 1600
"""Pixels of the window: a panel asks for no more points than it is wide."""
NICE_S = (
    1,
    2,
    5,
    10,
    15,
    20,
    30,
    60,
    120,
    300,
    600,
    900,
    1200,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
)
"""The steps that Grafana rounds to."""
RUNS = 3
PATIENCE = 600.0


class Unit(NamedTuple):
    """What has a score: its level, id, and where it is."""

    level: str
    id: str
    tags: Mapping[str, str]


class Cost(NamedTuple):
    """How long a panel's queries took, one after another, in ms; `scores`: it reads readiness."""

    ms: float
    board: str
    title: str
    scores: bool


def main() -> None:
    """Fill a database, then draw every board over each range."""
    if url := os.environ.get("BENCH_INFLUX"):
        ask(url, DATABASE, f"CREATE DATABASE {DATABASE}")
        newest = ask(url, DATABASE, 'SELECT last("score") FROM "readiness"')
        end = int(newest[0]["values"][0][0]) if newest else hour()
        if not newest:
            fill(url, end)
        draw_all(url, end)
        return
    with tempfile.TemporaryDirectory() as directory:
        influx = Influx1(Path(directory) / "influx").start()
        try:
            end = hour()
            fill(influx.url, end)
            draw_all(influx.url, end)
        finally:
            influx.stop()


def hour() -> int:
    """When the last hour ended, in ms."""
    return time.time_ns() // 1_000_000 // HOUR * HOUR


def fill(url: str, end: int) -> None:
    """Write everything and say how long it took."""
    began, lines = time.monotonic(), 0
    ask(url, DATABASE, f"CREATE DATABASE {DATABASE}")
    for part in everything(end):
        send(url, part)
        lines += len(part)
    print(f"{lines:,} lines in {time.monotonic() - began:.0f} s", flush=True)


def send(url: str, lines: list[str]) -> None:
    """Write some lines, in parts that the server likes."""
    target = f"{url}/write?db={DATABASE}&precision=ms"
    for first in range(0, len(lines), 20_000):
        data = "\n".join(lines[first : first + 20_000]).encode()
        urllib.request.urlopen(target, data=data, timeout=120).close()


def units() -> list[Unit]:
    """Nodes, sites, districts, regions and the fleet."""
    found: dict[tuple[str, str], Unit] = {}
    for number in range(NODES):
        site = number // PER_SITE
        district = site // SITES_PER_DISTRICT
        places = {
            "region": f"region-{district // DISTRICTS_PER_REGION}",
            "district": f"district-{district:02}",
            "site": f"site-{site:03}",
        }
        chain = [("node", f"node-{number:04}"), *((k, places[k]) for k in reversed(places))]
        for depth, (level, name) in enumerate([*chain, ("fleet", "fleet")]):
            kept = dict(list(places.items())[: max(0, 4 - depth)])
            found.setdefault((level, name), Unit(level, name, kept))
    return list(found.values())


def shapes(*fields: str, whole: tuple[str, ...] = (), text: str = "") -> list[str]:
    """Rows of values that wander between 20 and 100, as line protocol."""
    rows = []
    for row in range(SHAPES):
        numbers = [f"{name}={20 + (row * 37 + i * 11) % 80 + row / SHAPES:.4f}"
                   for i, name in enumerate(fields)]  # fmt: skip
        counts = [f"{name}={row * 100 + i}i" for i, name in enumerate(whole)]
        rows.append(",".join([*numbers, *counts, *([text] if text else [])]))
    return rows


def series(head: str, rows: list[str], times: range, salt: int) -> list[str]:
    """One series; its rows follow each other in an order of its own."""
    return [f"{head} {rows[(salt + i * 7) % SHAPES]} {ms}" for i, ms in enumerate(times)]


def everything(end: int) -> Iterator[list[str]]:
    """All lines, a part at a time."""
    month = range(end - 30 * DAY + 5 * MINUTE, end + 1, 5 * MINUTE)
    hour = range(end - HOUR + 5 * MINUTE, end + 1, 5 * MINUTE)
    scores = shapes("score", "low", "high", "coverage", "p10", "worst",
                    whole=("scored", "planned"), text='grade="C"')  # fmt: skip
    parts = shapes("score", "low", "high", "coverage", "lost")
    costs = shapes("score", "value", "lost")
    carried = shapes("received", "sent", "nodes")
    for salt, unit in enumerate(units()):
        tags = dict(sorted({**unit.tags, "id": unit.id, "level": unit.level}.items()))
        head = ",".join(f"{k}={v}" for k, v in {**tags, "method": "card@1"}.items())
        yield series(f"readiness,{head}", scores, month, salt)
        if unit.level != "node":
            place = ",".join(f"{k}={v}" for k, v in tags.items())
            yield series(f"traffic,{place}", carried, month, salt)
        long = month if unit.id in {"fleet", "site-000", "node-0000"} else hour
        for number, pillar in enumerate(PILLARS):
            yield series(f"readiness_pillar,{head},pillar={pillar}", parts, long, salt + number)
        for number in range(INDICATORS):
            named = f"{head},indicator=i{number},pillar={PILLARS[number % len(PILLARS)]}"
            yield series(f"readiness_indicator,{named}", costs, long, salt + number)
    for number in range(NODES // PER_SITE):
        yield from site(f"site=site-{number:03}", number, end)
    for number in range(NODES):
        yield from node(f"host=node-{number:04},site=site-{number // PER_SITE:03}", number, end)


COUNTS = ("stored", "late", "duplicate", "refused", "lost", "missing")
ACCOUNT = ("expected", *COUNTS, "down", "silent", "moved")


def monthly(end: int) -> range:
    """The ends of the hours of 30 days."""
    return range(end - 30 * DAY + HOUR, end + 1, HOUR)


def site(tags: str, salt: int, end: int) -> Iterator[list[str]]:
    """Hours of one site."""
    by_hour = shapes("covered_s", whole=ACCOUNT)
    yield series(
        f"completeness_site_hourly,ledger=a,level=site,{tags}", by_hour, monthly(end), salt
    )
    left = shapes(
        "cpu_busy", "cpu_nodes", "memory_used", "memory_nodes", "disk_used", "disk_total",
        "disk_free", "disks",
    )  # fmt: skip
    yield series(f"capacity_site_hourly,{tags}", left, monthly(end), salt)


def node(tags: str, salt: int, end: int) -> Iterator[list[str]]:
    """Accounts and measurements of one node."""
    account = shapes("silent_s", whole=COUNTS, text='state="healthy",state_code=0i')
    day = range(end - DAY + MINUTE, end + 1, MINUTE)
    yield series(f"completeness,{tags}", account, day, salt)
    by_hour = shapes("covered_s", whole=ACCOUNT)
    yield series(f"completeness_hourly,{tags},ledger=a", by_hour, monthly(end), salt)
    last = range(end - HOUR + 10_000, end + 1, 10_000)
    cpu = shapes("usage_idle", "usage_user", "usage_system", "usage_iowait", "usage_steal")
    yield series(f"cpu,cpu=cpu-total,{tags}", cpu, last, salt)
    memory = shapes("available_percent", "used_percent", whole=("total", "available"))
    yield series(f"mem,{tags}", memory, last, salt)
    for path in ("/", "/var"):
        disk = shapes("used_percent", whole=("total", "free", "used"))
        yield series(f"disk,{tags},mode=rw,path={path}", disk, last, salt)
        named = f"capacity_disk_hourly,{tags},path={path}"
        yield series(named, shapes("used_percent", "grows", "days"), monthly(end), salt)
    net = shapes(whole=("bytes_recv", "bytes_sent", "err_in", "err_out", "drop_in", "drop_out"))
    yield series(f"net,{tags},interface=eth0", net, last, salt)


def draw_all(url: str, end: int) -> None:
    """Ask what every panel asks, and name the slowest."""
    found = [json.loads(text) for name, text in boards().items() if name.startswith("en/")]
    everything: list[Cost] = []
    for name, length in RANGES.items():
        costs = [cost for board in found for cost in draw(board, url, end - length, end)]
        costs.sort(reverse=True)
        middle = statistics.median(cost.ms for cost in costs)
        print(f"{name:<5} {len(costs)} panels, median {middle:.0f} ms")
        for cost in costs[:5]:
            print(f"      {cost.ms:6.0f} ms  {cost.board}: {cost.title}")
        everything += costs
    scores = max(cost for cost in everything if cost.scores)
    print(f"the heaviest panel on readiness: {scores.ms:.0f} ms  {scores.board}: {scores.title}")


def draw(board: dict[str, Any], url: str, start: int, end: int) -> Iterator[Cost]:
    """Each panel of a board, and its variables together."""
    title = board["title"].removeprefix("Muster · ")
    chosen: dict[str, list[str]] = {}
    began = time.perf_counter()
    chosen = options(board, url, DATABASE, {})
    yield Cost((time.perf_counter() - began) * 1000, title, "(variables)", scores=False)
    for panel in panels(board):
        since = begin(panel, start, end)
        interval = step(panel, end - since)
        queries = [put_in(t["query"], chosen, since, end, interval) for t in panel["targets"]]
        took = []
        for _ in range(RUNS):
            began = time.perf_counter()
            for query in queries:
                ask(url, DATABASE, query, patience=PATIENCE)
            took.append((time.perf_counter() - began) * 1000)
        scores = any('FROM "readiness' in query for query in queries)
        yield Cost(statistics.median(took), title, panel["title"], scores)


def step(panel: Mapping[str, Any], length: int) -> str:
    """Grafana's `$__interval`: no more points than pixels, no less than the panel's own."""
    least = {
        "30s": 30,
        "1m": 60,
        "2m": 120,
        "5m": 300,
        "15m": 900,
        "1h": 3600,
        "2h": 7200,
        "1d": 86400,
    }[panel["interval"]]
    points = panel.get("maxDataPoints") or WIDE * panel["gridPos"]["w"] / 24
    wanted = max(least, length / 1000 / points)
    return f"{next((s for s in NICE_S if s >= wanted * 0.75), NICE_S[-1])}s"


if __name__ == "__main__":
    main()
