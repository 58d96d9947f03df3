"""What the API is given to answer from, and the one way in which it says no."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from fastapi import Depends, HTTPException, Request

from muster_collector.quarantine import Chosen, Kept
from muster_collector.scoring.result import Result
from muster_collector.scoring.scorer import Scorer
from muster_collector.store.base import Store
from muster_wire.messages import ConfigState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What Prometheus takes."""


class NodeInfo(Protocol):
    """What the collector knows of a node; times in ms, `every` in seconds."""

    node: str
    site: str
    every: float
    first_seen: int
    last_report_ts: int | None
    last_arrival: int | None
    online: bool
    epoch: int | None
    simulated: bool
    agent: str
    inventory: Mapping[str, Any]
    totals: Any
    config: ConfigState | None


class Fleet(Protocol):
    """The nodes that the collector knows."""

    def nodes(self) -> Iterable[NodeInfo]:
        """All of them, silent ones too."""


class Quarantine(Protocol):
    """What this collector refused; see `ingest.replay`."""

    async def listing(self, wanted: Chosen) -> list[dict[str, Any]]:
        """The chosen records without their bytes, the newest first."""

    async def chosen(self, wanted: Chosen) -> list[Kept]:
        """The chosen records, the oldest first."""

    async def replay(self, wanted: Chosen, *, dry_run: bool) -> list[Any]:
        """Play the chosen records again; a named tuple with `id` for each."""


@dataclass(frozen=True)
class Services:
    """The live parts of a collector. `metrics` renders Prometheus text; `stop` ends streams.

    `quarantine` is None where this process does not ingest.
    """

    store: Store
    fleet: Fleet
    scorer: Scorer
    connected: Callable[[], bool] = lambda: True
    metrics: Callable[[], bytes] = bytes
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    quarantine: Quarantine | None = None

    def now(self) -> int:
        """Milliseconds of Unix time by the scorer's clock."""
        return self.scorer.clock()

    def result(self) -> Result:
        """The newest scores; 503 before there are any."""
        if self.scorer.latest is None:
            raise HTTPException(503, "no scores yet: the first window is not over")
        return self.scorer.latest


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(_services)]
