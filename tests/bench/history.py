"""Long ranges from the embedded store: a year of days of 1,000 sites, a year of hours scored again.

Reading is part of the figures. The store is filled with SQL in a process of its own, since writing
nine million points is not what is measured here.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from readiness.small_fleet import Known, SmallFleet

from muster_collector.api.app import make_app
from muster_collector.api.serve import bind, serve
from muster_collector.api.services import Services
from muster_collector.cli.scorecard import read_card
from muster_collector.estate import Estate
from muster_collector.estate.model import District, Region, Site
from muster_collector.scoring import hourly_values
from muster_collector.scoring.scorer import Scorer
from muster_collector.store.base import Point, Store
from muster_collector.store.embedded import EmbeddedStore

SITES, NODES, DAYS, DISTRICTS = 1_000, 1_000, 365, 11
HOUR, DAY = 3_600_000, 86_400_000
FIRST = 1_735_689_600_000
"""2025-01-01T00:00:00Z in ms."""
END = FIRST + DAYS * DAY
YEAR = "from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z"
PAGE = 10_000
CARD = read_card()
ESTATE = Estate(
    regions=(Region(id="r"),),
    districts=tuple(District(id=f"d{n}", region="r") for n in range(DISTRICTS)),
    sites=tuple(Site(id=f"site-{n:04d}", district=f"d{n % DISTRICTS}") for n in range(SITES)),
)
FLEET = [Known(f"node-{n:04d}", f"site-{n % SITES:04d}") for n in range(NODES)]


def days() -> Iterator[Point]:
    """The first day of every site."""
    for n, site in enumerate(ESTATE.sites):
        tags = {"level": "site", "id": site.id, "site": site.id, "district": site.district}
        tags |= {"region": "r", "method": CARD.method}
        fields: dict[str, Any] = {"score": 60.5 + n / 50, "low": 50.5, "high": 90.5}
        fields |= {"coverage": 0.75, "least": 40.5, "most": 95.5, "scored": 1, "planned": 1}
        fields |= {"windows": 288, "expected": 288}
        yield Point("readiness_daily", tuple(sorted(tags.items())), fields, FIRST + DAY)


def hours() -> Iterator[Point]:
    """The first hour of every node, and of the fleet."""
    names = hourly_values.fields(CARD)
    outcome: dict[str, Any] = {"score": 70.5, "scored": 1, "method": CARD.method}
    for n, node in enumerate(FLEET):
        values = {name: (n * 7 + i * 13) % 97 + 0.5 for i, name in enumerate(names)}
        tags = (("id", node.node), ("level", "node"))
        about = {**outcome, **values, "site": node.site}
        yield Point(hourly_values.MEASUREMENT, tags, about, FIRST + HOUR)
    tags = (("id", "fleet"), ("level", "fleet"))
    yield Point(hourly_values.MEASUREMENT, tags, outcome, FIRST + HOUR)


def fill(path: Path) -> None:
    """A store with both, each point again at every step, a little changed."""
    asyncio.run(_filled(path))


async def _filled(path: Path) -> None:
    store = EmbeddedStore(path)
    await store.open()
    store._opened().execute("SET memory_limit = '4GB'; SET enable_progress_bar = false")
    await _repeated(store, list(days()), DAY, DAYS)
    await _repeated(store, list(hours()), HOUR, DAYS * 24)
    await store.close()


async def _repeated(store: EmbeddedStore, first: Sequence[Point], step: int, count: int) -> None:
    assert await store.write(first) == []
    found = store._catalog.measurements[first[0].measurement]
    values = ", ".join(
        f"{one.column} * (0.9 + (i % 19) / 100)" if one.kind is float else one.column
        for one in found.fields.values()
    )
    store._opened().execute(
        f"INSERT INTO {found.table} SELECT series, time + i * {step}, {values} FROM "
        f"(SELECT * FROM {found.table}) CROSS JOIN range(1, {count}) AS t(i) ORDER BY 2, 1"
    )


@asynccontextmanager
async def serving(store: Store, nodes: Sequence[Known] = FLEET) -> AsyncIterator[str]:
    """A collector's API over a filled store, at the beginning of the year after."""
    await store.open()
    fleet: Any = SmallFleet(nodes)
    scorer = Scorer(store, CARD, ESTATE, fleet, window=300, every=300, clock=lambda: END + HOUR)
    await scorer.score_at(END + HOUR // 2)
    listener = bind("127.0.0.1", 0)
    stop, started = asyncio.Event(), asyncio.Event()
    app = make_app(Services(store=store, fleet=fleet, scorer=scorer, stop=stop), local_only=True)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(app, listener, stop, started.set))
        await started.wait()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1"
        stop.set()
    await store.close()


class Cost:
    """What a request cost, at best: seconds to the last byte, CPU of this process, MB."""

    def __init__(
        self, session: aiohttp.ClientSession, database: psutil.Process | None = None
    ) -> None:
        self.session = session
        self.database = database

    def _database(self) -> float:
        """CPU seconds of a database that is another process."""
        return sum(self.database.cpu_times()[:2]) if self.database else 0.0

    async def of(self, title: str, url: str, *, goal: float, runs: int = 3) -> None:
        """Ask a few times and say it."""
        spent, size = [], 0
        before = self._database()
        for _ in range(runs):
            began, cpu = time.perf_counter(), time.process_time()
            async with self.session.get(url) as answer:
                content = await answer.read()
                assert answer.status == 200, content[:300]
            size = len(content)
            spent.append((time.perf_counter() - began, time.process_time() - cpu))
        wall, cpu = min(spent)
        apart = f", database {(self._database() - before) / runs:.2f} s" if self.database else ""
        found = f"{wall:7.2f} s, {cpu:6.2f} s CPU, {size / 1e6:5.1f} MB"
        print(f"{title:<52} {found} (goal: {goal:g} s){apart}", flush=True)


async def measure(path: Path) -> None:
    """Both figures, and what they took of memory."""
    patience = aiohttp.ClientTimeout(total=600)
    async with (
        serving(EmbeddedStore(path)) as url,
        aiohttp.ClientSession(timeout=patience) as session,
    ):
        cost = Cost(session)
        await a_year(cost, url)
        before = peak()
        backcast = f"{url}/backcast?{YEAR}&step=1d&weight=storage:2"
        await cost.of(f"backcast, hours of {NODES} nodes over a year", backcast, goal=60, runs=1)
        print(f"peak memory before and after {before:.0f}, {peak():.0f} MB (goal: 500)")


async def a_year(cost: Cost, url: str) -> None:
    """Days of all sites: pages, the whole in a file, one site."""
    base = f"{url}/readiness?level=site&{YEAR}&step=1d"
    title = f"days of {SITES} sites over a year"
    for name, offset in (("first", 0), ("31st", 30 * PAGE), ("last", SITES * DAYS - PAGE)):
        url = f"{base}&limit={PAGE}&offset={offset}"
        await cost.of(f"{title}: {name} page of {PAGE}", url, goal=0.3)
    some = f"{base}&fields=score&format=parquet"
    await cost.of(f"{title}: all scores as Parquet", some, goal=0.3)
    await cost.of(f"{title}: all as Parquet", f"{base}&format=parquet", goal=1)
    await cost.of(f"{title}: all as CSV", f"{base}&format=csv", goal=3, runs=2)
    await cost.of("one site's year", f"{base}&id=site-0007", goal=0.3)


def peak() -> float:
    """MB that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Fill, then measure."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "year.duckdb"
        filling = multiprocessing.get_context("spawn").Process(target=fill, args=(path,))
        filling.start()
        filling.join()
        asyncio.run(measure(path))


if __name__ == "__main__":
    main()
