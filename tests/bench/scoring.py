"""CPU seconds of one window of 10,000 nodes under the default scorecard, the store set apart."""

from __future__ import annotations

import asyncio
import random
import resource
import time
from collections.abc import Sequence
from importlib.resources import files

from readiness.small_fleet import END, Known, SmallFleet

from muster_collector.estate import EMPTY
from muster_collector.readiness import load
from muster_collector.scoring.scorer import Scorer
from muster_collector.store.base import Query, RefusedPoint, Sample, Table
from muster_collector.store.lines import LineEncoder

NODES, SITES = 10_000, 500
CARD = "new-digital-infrastructure.toml"
SERIES = {"disk": 3, "diskio": 2, "net": 2}
"""Series of a node where there are several."""
ABSENT = {"readiness", "ping", "http_response", "net_response", "dns_query", "x509_cert"}


class Answers:
    """A store that costs nothing: the same answers every time, and writes are only counted."""

    name = "answers"

    def __init__(self, nodes: Sequence[str]) -> None:
        self.nodes = nodes
        self.known: dict[str, Table] = {}
        self.written = 0
        self.encoder: LineEncoder | None = None
        self.lined = 0.0
        self.random = random.Random(1)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def write(self, points: Sequence[Sample]) -> list[RefusedPoint]:
        self.written += len(points)
        if self.encoder:
            began = time.thread_time()
            self.encoder.encode(points)
            self.lined += time.thread_time() - began
        return []

    async def select(self, query: Query) -> Table:
        if query.measurement.removesuffix("_hourly") in ABSENT:
            return Table({})
        key = repr((query.measurement, query.where, query.group, query.reads))
        if key not in self.known:
            self.known[key] = self._answer(query)
        return self.known[key]

    def _answer(self, query: Query) -> Table:
        each = SERIES.get(query.measurement, 1)
        hosts = [node for node in self.nodes for _ in range(each)]
        columns: dict[str, list[object]] = {"host": list(hosts)}
        for tag in query.group[1:]:
            columns[tag] = [f"{tag}{number}" for _ in self.nodes for number in range(each)]
        columns["time"] = [query.start] * len(hosts)
        for read in query.reads:
            name = f"{read.field}_{read.statistic}"
            columns[name] = [self.random.random() * 100 for _ in hosts]
        return Table(columns)


async def measure() -> None:
    """Score the window three times and say what the best took."""
    nodes = [f"node-{number:05d}" for number in range(NODES)]
    known = [Known(node, f"site-{number % SITES}") for number, node in enumerate(nodes)]
    store = Answers(nodes)
    card = load(files("muster_collector").joinpath("scorecards", CARD).read_text("utf-8"), CARD)
    scorer = Scorer(store, card, EMPTY, SmallFleet(known), window=300, every=300, clock=lambda: END)
    await scorer.score_at(END)
    spent, computed = [], []
    for _ in range(3):
        store.written = 0
        began = time.process_time()
        await scorer.score_at(END)
        spent.append(time.process_time() - began)
        began = time.process_time()
        await scorer.compute_at(END)
        computed.append(time.process_time() - began)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    store.written, store.encoder = 0, LineEncoder()
    await scorer.score_at(END)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{NODES} nodes, {SITES} sites, {len(card.indicators)} indicators, {store.written} points"
    )
    print(f"scores of all levels  {min(computed):6.2f} s CPU")
    print(f"and their points      {min(spent):6.2f} s CPU (goal: 3)")
    print(f"as lines for InfluxDB {store.lined:6.2f} s CPU more")
    print(f"peak memory           {memory:6.0f} MB (goal: 500), {before:.0f} without lines")


def main() -> None:
    """Run it."""
    asyncio.run(measure())
