"""A real HTTP server over a real embedded store, a small fleet and an injected clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from readiness.small_fleet import END, MINUTE, SmallFleet, cpu, disk, small_card

from muster_collector import telemetry
from muster_collector.alerts.receivers import receivers
from muster_collector.alerts.service import Alerting
from muster_collector.api.app import make_app
from muster_collector.api.serve import bind, serve
from muster_collector.api.services import Services
from muster_collector.config import Alerts
from muster_collector.estate import Estate
from muster_collector.estate.model import District, Region, Site
from muster_collector.scoring.scorer import Scorer
from muster_collector.store.embedded import EmbeddedStore
from muster_wire.messages import ConfigState

ODD = "<img src=x onerror=alert(1)> \"'/\\ 😀 " + "塔" * 60
ESTATE = Estate(
    name="Test city",
    timezone="Europe/Berlin",
    regions=(Region(id="r1"),),
    districts=(District(id="d1", region="r1"), District(id="d2", region="r1")),
    sites=(
        Site(id="s1", district="d1", name=ODD, planned={"node": 3}),
        Site(id="empty", district="d2"),
    ),
)


@dataclass
class Info:
    """What the collector knows of a node."""

    node: str
    site: str
    every: float = 10.0
    first_seen: int = 0
    last_report_ts: int | None = END - 3 * MINUTE
    last_arrival: int | None = END - 3 * MINUTE
    online: bool = True
    epoch: int | None = 7
    simulated: bool = False
    agent: str = "0.1.0"
    source: str = ""
    inventory: dict[str, Any] = field(default_factory=lambda: {"cpus": 4})
    totals: dict[str, Any] = field(
        default_factory=lambda: {
            "stored": 5,
            "lost": 1,
            "missing": 2,
            "reasons": {"spool full": 1},
        }
    )
    config: ConfigState | None = None


class Answer(NamedTuple):
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class World:
    """A running server and what is behind it."""

    url: str
    scorer: Scorer
    store: EmbeddedStore
    fleet: Any
    stop: asyncio.Event
    now: int = END
    alerting: Alerting | None = None
    connected: bool = True

    async def get(self, path: str, **headers: str) -> Answer:
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.url + path, headers=headers) as answer,
        ):
            names = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, names, await answer.text())

    async def rows(self, path: str) -> list[Any]:
        answer = await self.get(path)
        assert answer.status == 200, answer.text
        rows: list[Any] = answer.json["rows"]
        return rows


Opener = Callable[..., Any]


@pytest.fixture(name="open_world")
def opener(tmp_path: Path) -> Opener:
    """Makes worlds: `async with open_world(token=..., fleet=...) as world`."""

    @asynccontextmanager
    async def opened(
        fleet: Any = None,
        estate: Estate = ESTATE,
        token: str | None = None,
        *,
        local_only: bool = True,
        accounts: Any = None,
        alerts: Alerts | None = None,
    ) -> AsyncIterator[World]:
        store = EmbeddedStore(tmp_path / "store.duckdb")
        await store.open()
        fleet = SmallFleet() if fleet is None else fleet
        listener = bind("127.0.0.1", 0)
        stop, started = asyncio.Event(), asyncio.Event()
        scorer = Scorer(
            store, small_card(), estate, fleet, window=300, every=300, clock=lambda: made.now
        )
        port = listener.getsockname()[1]
        made = World(f"http://127.0.0.1:{port}", scorer, store, fleet, stop)
        if alerts is not None:
            told = receivers(alerts)
            made.alerting = Alerting(store, alerts, told, tmp_path, clock=lambda: made.now)
        services = Services(
            alerting=made.alerting,
            store=store,
            fleet=made.fleet,
            scorer=scorer,
            accounts=accounts,
            connected=lambda: made.connected,
            metrics=telemetry.render,
            stop=stop,
        )
        app = make_app(services, token=token, local_only=local_only)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve(app, listener, stop, started.set))
            await started.wait()
            try:
                yield made
            finally:
                stop.set()
        await store.close()

    return opened


@pytest.fixture
async def world(open_world: Opener) -> AsyncIterator[World]:
    """Two nodes, of which one is silent, and one scored window."""
    fleet = SmallFleet([Info("n1", "s1"), Info("n2", "s1", online=False, last_report_ts=None)])
    async with open_world(fleet) as opened:
        await opened.store.write([*cpu("n1", "s1", 50.0), *disk("n1", "s1", 50)])
        await opened.scorer.score_at(END)
        yield opened
