"""A collector with two months of stored days behind a real API, and the command line to ask it."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from readiness.small_fleet import SmallFleet, cpu, disk, small_card

from muster_collector.api.app import make_app
from muster_collector.api.serve import bind, serve
from muster_collector.api.services import Services
from muster_collector.estate import Estate
from muster_collector.estate.model import District, Region, Site, Target
from muster_collector.scoring.scorer import Scorer
from muster_collector.store.base import Point
from muster_collector.store.embedded import EmbeddedStore
from muster_wire.topics import NAME

ODD = "<img src=x onerror=alert(1)> \"'/\\ 😀 " + "塔" * 60
FORMULA = '=HYPERLINK("http://evil","x")'
DAY = 86_400_000
METHOD = small_card().method
assert NAME.fullmatch(METHOD)

ESTATE = Estate(
    name="Test city",
    name_zh="测试市",
    timezone="Asia/Shanghai",
    regions=(Region(id="r1", name="Region", name_zh="大区"),),
    districts=(
        District(id="d1", region="r1", name="Tianhe", name_zh="天河区"),
        District(id="d2", region="r1", name=ODD, name_zh="塔" * 60),
    ),
    sites=(
        Site(id="s1", district="d1", name=FORMULA, name_zh="一号", planned={"node": 1}, lat=-0.5),
        Site(id="s2", district="d1", name=ODD, name_zh="塔" * 60),
        Site(id="s3", district="d2", name="Silent", name_zh="静默"),
    ),
    targets=(
        Target(score=90, due=dt.date(2026, 12, 31), name=ODD, name_zh="总体目标"),
        Target(part="storage", score=60, due=dt.date(2026, 2, 28), name="Storage", name_zh="存储"),
        Target(
            indicator="software", value=600.0, unit="billion yuan", due=dt.date(2027, 12, 31),
            name="Software", name_zh="软件",
        ),
    ),
)  # fmt: skip


class Outcome(NamedTuple):
    """What a command said."""

    status: int
    out: str
    errors: str


@dataclass
class World:
    """A running API and what is behind it."""

    url: str
    store: EmbeddedStore
    scorer: Scorer
    now: int = 0

    async def muster(self, *arguments: str, **environment: str) -> Outcome:
        return await muster(*arguments, MUSTER_URL=self.url, **environment)

    async def days(self, first: dt.date, last: dt.date, zone: Any) -> None:
        """Stored days: the fleet rises by half a point a day, the silent site has none."""
        await self.store.write(list(stored_days(first, last, zone)))

    async def upto(self, day: dt.date, zone: Any) -> None:
        """The newest window ends with this day; it has data."""
        end = midnight(day + dt.timedelta(days=1), zone)
        self.now = end
        await self.scorer.score_at(end)


async def muster(*arguments: str, **environment: str) -> Outcome:
    """A real command in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "muster_collector", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "http_proxy": "http://127.0.0.1:9", **environment},
    )  # fmt: skip
    out, errors = await process.communicate()
    assert process.returncode is not None
    return Outcome(process.returncode, out.decode(), errors.decode())


def midnight(day: dt.date, zone: Any) -> int:
    return round(dt.datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


UNITS: dict[str, dict[str, dict[str, str]]] = {
    "fleet": {"fleet": {}},
    "region": {"r1": {"region": "r1"}},
    "district": {
        "d1": {"district": "d1", "region": "r1"},
        "d2": {"district": "d2", "region": "r1"},
    },
    "site": {
        "s1": {"site": "s1", "district": "d1", "region": "r1"},
        "s2": {"site": "s2", "district": "d1", "region": "r1"},
        "s3": {"site": "s3", "district": "d2", "region": "r1"},
    },
}
BASE = {"fleet": 40.0, "r1": 40.0, "d1": 45.0, "s1": 70.0, "s2": 20.0}
"""Scores of 1 January 2026; s3 and its district are silent."""


def score_of(unit: str, day: dt.date) -> float | None:
    """What the stored days say."""
    if unit not in BASE:
        return None
    past = (day - dt.date(2026, 1, 1)).days
    return BASE[unit] + past * (-0.1 if unit == "s1" else 0.5)


def stored_days(first: dt.date, last: dt.date, zone: Any) -> Iterator[Point]:
    for number in range((last - first).days + 1):
        day = first + dt.timedelta(days=number)
        end = midnight(day + dt.timedelta(days=1), zone)
        for level, units in UNITS.items():
            for unit, around in units.items():
                tags = {"level": level, "id": unit, "method": METHOD, **around}
                yield from _unit(tags, score_of(unit, day), end)
        for node, site in (("n1", "s1"), ("n2", "s2")):
            yield from hours_of(node, site, end)


def hours_of(node: str, site: str, end: int, ledger: str = "l1", **more: int) -> Iterator[Point]:
    """What became of a node's reports of a day: the same in each of its two last hours."""
    counts = {"expected": 60, "stored": 50, "duplicate": 1, "refused": 0, "late": 1, "lost": 3}
    counts |= {"missing": 2, "down": 4, "silent": 1, "moved": 0, **more}
    tags = (("host", node), ("ledger", ledger), ("site", site))
    for hour in (end - 3_600_000, end):
        yield Point("completeness_hourly", tags, counts, hour)


def _unit(tags: dict[str, str], score: float | None, end: int) -> Iterator[Point]:
    fields: dict[str, Any] = {"coverage": 0.75, "low": 0.0, "high": 100.0}
    fields |= {"scored": 0, "planned": 3, "windows": 0, "expected": 288}
    if score is not None:
        fields |= {"score": score, "low": score - 10, "high": score + 5, "least": score - 1}
        fields |= {"most": score + 1, "windows": 288, "scored": 2}
    yield Point("readiness_daily", tuple(sorted(tags.items())), fields, end)
    for pillar, shift in (("compute", 2.0), ("storage", -2.0)):
        named = tuple(sorted({**tags, "pillar": pillar}.items()))
        part = {k: v for k, v in fields.items() if k not in ("least", "most", "scored", "planned")}
        part |= {"score": score + shift} if score is not None else {}
        yield Point("readiness_pillar_daily", named, part, end)


Opener = Callable[..., Any]


@dataclass
class Info:
    """What the collector knows of a node."""

    node: str
    site: str
    first_seen: int = 0


@pytest.fixture(name="open_world")
def opener(tmp_path: Path) -> Opener:
    """Makes worlds: `async with open_world(estate) as world`."""

    @asynccontextmanager
    async def opened(estate: Estate = ESTATE) -> AsyncIterator[World]:
        store = EmbeddedStore(tmp_path / "store.duckdb")
        await store.open()
        listener = bind("127.0.0.1", 0)
        stop, started = asyncio.Event(), asyncio.Event()
        fleet = SmallFleet([Info("n1", "s1"), Info("n2", "s2")])
        scorer = Scorer(
            store, small_card(), estate, fleet, window=300, every=300, clock=lambda: made.now
        )
        made = World(f"http://127.0.0.1:{listener.getsockname()[1]}", store, scorer)
        services: Any = Services(store=store, fleet=fleet, scorer=scorer, stop=stop)  # type: ignore[arg-type] # only scoring asks this fleet
        app = make_app(services, local_only=True)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve(app, listener, stop, started.set))
            await started.wait()
            try:
                yield made
            finally:
                stop.set()
        await store.close()

    return opened


async def measured(world: World, end: int, idle: float, used: int) -> None:
    """Samples of both nodes in the window that ends then."""
    for node, site in (("n1", "s1"), ("n2", "s2")):
        begin = end - 300_000
        await world.store.write([*cpu(node, site, idle, begin), *disk(node, site, used, begin)])


@pytest.fixture
async def world(open_world: Opener) -> AsyncIterator[World]:
    """January and February 2026 in Guangzhou, both ends of February measured."""
    async with open_world() as opened:
        zone = opened_zone()
        await opened.days(dt.date(2026, 1, 1), dt.date(2026, 2, 28), zone)
        await measured(opened, midnight(dt.date(2026, 2, 1), zone), 40.0, 100)
        await measured(opened, midnight(dt.date(2026, 3, 1), zone), 60.0, 50)
        await opened.store.write(
            [
                Point(
                    "imported",
                    (("indicator", "software"), ("source", "Yearbook")),
                    {"value": value, "unit": "billion yuan"},
                    midnight(dt.date(year, 12, 31), dt.UTC),
                )
                for year, value in ((2022, 520.0), (2023, 540.0), (2024, 555.0), (2025, 580.0))
            ]
        )
        await opened.upto(dt.date(2026, 2, 28), zone)
        yield opened


def opened_zone() -> Any:
    import zoneinfo

    return zoneinfo.ZoneInfo("Asia/Shanghai")
