"""The real application over a made-up fleet, with faults between it and the browser on demand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from muster_collector.alerts.rules import ALL
from muster_collector.alerts.service import Alerting
from muster_collector.api.app import make_app
from muster_collector.api.serve import bind, serve
from muster_collector.api.services import Services
from muster_collector.config import Alerts
from muster_collector.estate.model import District, Estate, Region, Site
from muster_collector.readiness.scorecard import Scorecard, load
from muster_collector.scoring.result import compute
from muster_collector.scoring.scorer import Scorer
from muster_collector.scoring.units import make_units
from muster_collector.simulate import world as simulated
from muster_collector.store.base import Point
from muster_collector.store.embedded import EmbeddedStore
from muster_wire.messages import ConfigState

MINUTE = 60_000
CARD = "new-digital-infrastructure.toml"


def card() -> Scorecard:
    """The shipped scorecard, content with little data: simulated machines have few sensors."""
    path = resources.files("muster_collector") / "scorecards" / CARD
    text = path.read_text(encoding="utf-8")
    return load(re.sub(r"(?m)^coverage = .*$", "coverage = 0.25", text), CARD)


@dataclass
class Known:
    """What the collector knows of one node."""

    node: str
    site: str
    every: float = 30.0
    first_seen: int = 0
    last_report_ts: int | None = None
    last_arrival: int | None = None
    online: bool = True
    epoch: int | None = 1
    simulated: bool = False
    agent: str = "0.1.0"
    source: str = ""
    state: str | None = "healthy"
    inventory: Mapping[str, Any] = field(default_factory=dict)
    totals: Any = field(default_factory=lambda: {"stored": 360, "duplicate": 3})
    config: ConfigState | None = None


class Fleet:
    """The nodes, as a list that tests change."""

    def __init__(self, known: Sequence[Known] = ()) -> None:
        self.known = list(known)

    def nodes(self) -> Iterator[Known]:
        return iter(list(self.known))


@dataclass
class Faults:
    """Stands before the application: answers with an error, or not until `release`."""

    app: ASGIApp
    status: int = 0
    held: str | None = None
    release: asyncio.Event = field(default_factory=asyncio.Event)
    without_live: bool = False
    requests: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith("/api/"):
            self.requests.append(path)
        if self.without_live and path.endswith("/live"):
            await _refuse(send, 404)
        elif self.status and path.startswith("/api/"):
            await _refuse(send, self.status)
        else:
            if self.held is not None and path.startswith(self.held):
                await self.release.wait()
            await self.app(scope, receive, send)


async def _refuse(send: Send, status: int) -> None:
    headers = [(b"content-type", b"application/json")]
    start: Message = {"type": "http.response.start", "status": status, "headers": headers}
    await send(start)
    body = json.dumps({"error": "made to fail"}).encode()
    await send({"type": "http.response.body", "body": body})


class World:
    """A fleet, its store, scorer and application; `ends` are the windows scored so far."""

    def __init__(
        self,
        store: EmbeddedStore,
        fleet: Fleet,
        estate: Estate,
        alerting: Alerting | None,
        *,
        token: str | None = None,
    ) -> None:
        self.store = store
        self.fleet = fleet
        self.time = int(time.time() * 1000) // MINUTE * MINUTE
        self.scorer = Scorer(store, card(), estate, fleet, window=120, every=60, clock=self.now)
        self.alerting = alerting
        self.stop = asyncio.Event()
        services = Services(store, fleet, self.scorer, stop=self.stop, alerting=alerting)
        self.faults = Faults(make_app(services, token=token))
        self.url = ""

    def now(self) -> int:
        """The collector's clock, which is ahead after `advance`."""
        return max(self.time, int(time.time() * 1000))

    async def fill(self, machines: Sequence[simulated.Node], minutes: int) -> None:
        """The last `minutes` of samples, two a minute, and the scores of every window in them."""
        start = self.time - minutes * MINUTE
        for at in range(start, self.time, MINUTE // 2):
            await self.report(machines, at)
        for end in range(start + 2 * MINUTE, self.time + 1, MINUTE):
            await self.scorer.score_at(end)

    async def report(self, machines: Sequence[simulated.Node], at: int) -> None:
        """One report of each machine that is not silent then."""
        points = []
        for machine in machines:
            for metric in machine.sample(at / 1000):
                tags = {**metric.tags, "host": machine.name, "site": machine.site}
                points.append(
                    Point(metric.name, tuple(sorted(tags.items())), dict(metric.fields), at)
                )
        await self.store.write(points)

    async def advance(self, machines: Sequence[simulated.Node]) -> None:
        """A minute passes: reports, then the next window's scores."""
        for at in (self.time, self.time + MINUTE // 2):
            await self.report(machines, at)
        self.time += MINUTE
        await self.scorer.score_at(self.time)

    async def silence(self, nodes: Sequence[tuple[str, str]], minutes: int = 8) -> None:
        """So many minutes in which these (host, site) were silent, and what the rules say of it."""
        assert self.alerting is not None
        for at in range(self.time - minutes * MINUTE, self.time + 1, MINUTE):
            points = [
                Point(
                    "completeness",
                    (("host", host), ("site", site)),
                    {"silent_s": 600.0, "missing": 0, "lost": 0},
                    at,
                )
                for host, site in nodes
            ]
            await self.store.write(points)
            self.alerting.clock = partial(int, at)
            await self.alerting.evaluate()

    def invent(self, seed: int = 1) -> None:
        """Scores without data, for fleets too large to sample: seeded values for every node."""
        units = make_units(self.scorer.estate, self.fleet, self.time)
        rng = np.random.default_rng(seed)
        shape = (len(units["node"].ids), len(self.scorer.card.indicators))
        values = rng.uniform(0, 60, shape)
        self.scorer.latest = compute(
            self.scorer.card, units, values, end=self.time, window=self.scorer.window
        )

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve on a free loopback port until the block ends; yields the page's address."""
        listener = bind("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        started = asyncio.Event()
        application: Any = self.faults
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve(application, listener, self.stop, started.set))
            await started.wait()
            try:
                yield self.url
            finally:
                self.faults.release.set()
                self.stop.set()
        listener.close()


@contextlib.asynccontextmanager
async def world(
    directory: Path,
    known: Sequence[Known] = (),
    estate: Estate | None = None,
    *,
    token: str | None = None,
    alerts: bool = True,
) -> AsyncIterator[World]:
    """A served world over a new embedded store, with the rules on silence where it has `alerts`."""
    store = EmbeddedStore(directory / "store.duckdb")
    await store.open()
    off = tuple(rule.name for rule in ALL if not rule.name.startswith("silent-"))
    alerting = Alerting(store, Alerts(off=off), (), directory) if alerts else None
    made = World(store, Fleet(known), estate or Estate(), alerting, token=token)
    try:
        async with made.serving():
            yield made
    finally:
        await store.close()


DISTRICTS = (
    ("tianhe", "Tianhe", "天河区"),
    ("yuexiu", "Yuexiu", "越秀区"),
    ("nansha", "Nansha", "南沙区"),
)
INVENTORY = {"os": "Debian GNU/Linux 12", "kernel": "6.1.0-18-amd64", "cpus": 4, "memory": 8 << 30}


def trouble(known: list[Known]) -> set[str]:
    """Makes one node late, one silent, one refused; the names of those that send nothing.

    Their times alone would let each of them pass for healthy: it is the collector that says.
    """
    late, silent, refused = known[3], known[7], known[9]
    late.state, silent.state, refused.state = "late", "silent", "refused"
    silent.totals = {"stored": 212, "missing": 4}
    refused.last_report_ts, refused.totals = None, {"stored": 0, "refused": 41}
    return {silent.node, refused.node}


def example(nodes: int = 24, sites: int = 6) -> tuple[list[simulated.Node], list[Known], Estate]:
    """Machines, what the collector knows of them, and an estate with three districts."""
    machines = simulated.fleet(nodes, sites, seed=7)
    now = int(time.time() * 1000)
    known = [
        Known(
            machine.name,
            machine.site,
            first_seen=1,
            last_report_ts=now - 4_000,
            simulated=True,
            inventory={**INVENTORY, "simulated": True},
        )
        for machine in machines
    ]
    places = sorted({machine.site for machine in machines})
    estate = Estate(
        name="Example fleet",
        name_zh="示例机群",
        regions=(Region(id="guangzhou", name="Guangzhou", name_zh="广州"),),
        districts=tuple(
            District(id=key, name=en, name_zh=zh, region="guangzhou") for key, en, zh in DISTRICTS
        ),
        sites=tuple(
            Site(
                id=place,
                name=f"Exchange {number}",
                name_zh=f"第{number}机房",
                district=DISTRICTS[number % 3][0],
                planned={"node": nodes // sites + (number == 2)},
                lat=23.05 + 0.035 * (number * 7 % 5),
                lon=113.2 + 0.05 * (number * 3 % 7),
            )
            for number, place in enumerate(places, 1)
        ),
    )
    return machines, known, estate
