"""What the API is given to answer from, and the one way in which it says no."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from fastapi import Depends, HTTPException, Request

from muster_collector.alerts.service import Alerting
from muster_collector.api.newest import Newest
from muster_collector.ledger.periods import Period
from muster_collector.ledger.slots import Sums
from muster_collector.quarantine import Chosen, Kept
from muster_collector.scoring.result import Result
from muster_collector.scoring.scorer import Scorer
from muster_collector.store.base import Store
from muster_wire.messages import ConfigState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What Prometheus takes."""


class NodeInfo(Protocol):
    """What the collector knows of a node; times in ms, `every` in seconds.

    `source` is the topic pattern of another agent that measures it, "" for ours.
    """

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
    source: str
    inventory: Mapping[str, Any]
    totals: Any
    config: ConfigState | None


class Fleet(Protocol):
    """The nodes that the collector knows."""

    def nodes(self) -> Iterable[NodeInfo]:
        """All of them, silent ones too, but none that was forgotten."""


class Quarantine(Protocol):
    """What this collector refused; see `ingest.replay`."""

    async def listing(self, wanted: Chosen) -> list[dict[str, Any]]:
        """The chosen records without their bytes, the newest first."""

    async def chosen(self, wanted: Chosen) -> list[Kept]:
        """The chosen records, the oldest first."""

    async def replay(self, wanted: Chosen, *, dry_run: bool) -> list[Any]:
        """Play the chosen records again; a named tuple with `id` for each."""


class Forgetting(Protocol):
    """See `ingest.forget`."""

    async def forget(self, name: str, *, force: bool) -> dict[str, Any]:
        """Forget a node that will not be back."""


class Others(Protocol):
    """Ledgers of other collectors, see `ingest.other_ledgers`."""

    @property
    def coarse_until(self) -> int:
        """Before this (ms) only whole hours can be answered."""

    async def look(self, now: int) -> None:
        """Find them."""

    async def sums(self, spans: Sequence[tuple[int, int]]) -> Sequence[Mapping[str, Sums]]:
        """What they booked of each node in each range."""


class Accounts(Protocol):
    """The ledger, in a process that takes reports."""

    @property
    def others(self) -> Others | None:
        """Those of other collectors."""

    def past(self, since: int) -> Iterable[Any]:
        """Nodes that were forgotten after that time (ms): earlier ranges have them."""

    def periods(
        self,
        spans: Sequence[tuple[int, int]],
        now: int,
        node: str | None = None,
        others: Sequence[Mapping[str, Sums]] = (),
    ) -> Iterable[tuple[str, list[Period]]]:
        """Every node (or one) with its account of each range (ms); may be asked in any thread."""

    def state(self, info: Any, now: int) -> str:
        """How it is with a node: see `ledger.states`."""


@dataclass(frozen=True)
class Services:
    """The live parts of a collector. `metrics` renders Prometheus text; `stop` ends streams.

    `accounts`, `quarantine` and `forgetting` are None where this process does not ingest.
    `alerting` is None where another process evaluates the rules.
    """

    store: Store
    fleet: Fleet
    scorer: Scorer
    accounts: Accounts | None = None
    connected: Callable[[], bool] = lambda: True
    metrics: Callable[[], bytes] = bytes
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    quarantine: Quarantine | None = None
    forgetting: Forgetting | None = None
    alerting: Alerting | None = None
    newest: Newest = field(default_factory=Newest)

    def now(self) -> int:
        """Milliseconds of Unix time by the scorer's clock."""
        return self.scorer.clock()

    def state(self, info: NodeInfo) -> str | None:
        """How it is with a node; None where nobody knows."""
        if self.accounts is not None:
            return self.accounts.state(info, self.now())
        found: str | None = getattr(info, "state", None)
        return found

    def result(self) -> Result:
        """The newest scores; 503 before there are any."""
        if self.scorer.latest is None:
            raise HTTPException(503, "no scores yet: the first window is not over")
        return self.scorer.latest


# Not a plain function: those take a turn in a thread for every request.
async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(_services)]
