"""What the API is given to answer from, and the one way in which it says no."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from fastapi import Depends, HTTPException, Request

from muster_collector.scoring.result import Result
from muster_collector.scoring.scorer import Scorer
from muster_collector.store.base import Store

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


class Fleet(Protocol):
    """The nodes that the collector knows."""

    def nodes(self) -> Iterable[NodeInfo]:
        """All of them, silent ones too."""


@dataclass(frozen=True)
class Services:
    """The live parts of a collector. `metrics` renders Prometheus text; `stop` ends streams."""

    store: Store
    fleet: Fleet
    scorer: Scorer
    connected: Callable[[], bool] = lambda: True
    metrics: Callable[[], bytes] = bytes
    stop: asyncio.Event = field(default_factory=asyncio.Event)

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
