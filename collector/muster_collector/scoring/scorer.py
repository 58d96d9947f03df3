"""The service around the engine: scores each window of the stride grid, and again what changed.

Invariants: `latest` is the newest window scored here, and the store holds its scores; a window that
could not be scored, was missed, or got late data is in `dirty` until it is scored; nothing after
`_stored` (None before the store was asked) is in the store.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from muster_collector.errors import StoreError
from muster_collector.estate import Estate
from muster_collector.readiness.scorecard import Scorecard
from muster_collector.scoring import events, hourly_values, traffic
from muster_collector.scoring.periods import Periods
from muster_collector.scoring.points import OVERALL, points
from muster_collector.scoring.reading import hosts, read_tables, values
from muster_collector.scoring.result import Result, compute
from muster_collector.scoring.revisions import read_former, revise
from muster_collector.scoring.stored_fleet import StoredFleet
from muster_collector.scoring.units import FLEET, FleetView, Members, make_units
from muster_collector.scoring.writing import write_all
from muster_collector.store.base import Query, Read, Store

REACH = 2_000
"""Strides back from now within which late data and gaps are still scored (a week of 5 minutes)."""
AT_ONCE = 8
"""Dirty windows scored in one stride, so that a backlog never delays the present."""
SETTLE = (0.5, 15.0)
"""Least and most seconds after its end at which a window is scored; a tenth of the stride."""


TURN = 0.001
"""Seconds for which a busy thread keeps the interpreter while a fleet is scored; 0.005 else."""


@contextmanager
def _short_turns() -> Iterator[None]:
    """Let the event loop, which waits for a turn after every call into the system, wait less.

    Not for ever: it costs a fifth more CPU a report.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def wall_clock() -> int:
    """Milliseconds of Unix time."""
    return time.time_ns() // 1_000_000


class Scorer:
    """Scores a fleet; `window` and `every` are seconds, `clock` gives ms, `sleep` takes seconds."""

    def __init__(
        self,
        store: Store,
        scorecard: Scorecard,
        estate: Estate,
        fleet: FleetView,
        *,
        window: float,
        every: float,
        clock: Callable[[], int] = wall_clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.store = store
        self.card = scorecard
        self.estates = estate
        self.fleet = fleet
        self.window = round(window * 1000)
        self.every = round(every * 1000)
        self.settle = round(min(max(every / 10, SETTLE[0]), SETTLE[1]) * 1000)
        self.clock = clock
        self.latest: Result | None = None
        self.dirty: set[int] = set()
        self.periods = Periods(store, estate.timezone, self.every)
        self.failing = False
        self._sleep = sleep
        self._due = 0
        self._first = 0
        self._stored: int | None = None
        self._news = asyncio.Event()

    @property
    def estate(self) -> Estate:
        """The estate that holds now."""
        return self.estates.at(self.clock())

    def touch(self, ts_ms: int) -> None:
        """Late data arrived for that time: the windows over it that are past are due again."""
        end = (ts_ms // self.every + 1) * self.every
        oldest = self._due - REACH * self.every
        while end <= min(ts_ms + self.window, self._due):
            if end > oldest:
                self.dirty.add(end)
            end += self.every

    async def news(self) -> Result:
        """Wait for the next newest result."""
        await self._news.wait()
        assert self.latest is not None  # noqa: S101 - set before the event, for the type checker
        return self.latest

    async def compute_at(
        self, end_ms: int, estate: Estate | None = None, card: Scorecard | None = None
    ) -> Result:
        """The scores of the window that ends then, from what the store holds; writes nothing.

        Under the card in force and the estate that held then, or others.
        """
        used = card or self.card
        if isinstance(self.fleet, StoredFleet):
            await self.fleet.refresh()
        tables = await read_tables(self.store, used, end_ms - self.window, end_ms)
        held, fleet = estate or self.estates.at(end_ms), Members(tuple(self.fleet.nodes()))

        def result() -> Result:
            units = make_units(held, fleet, end_ms, hosts(tables))
            found = values(used, units["node"].ids, tables)
            return compute(used, units, found, end=end_ms, window=self.window)

        # A large fleet takes a while, in which reports are taken and requests are answered.
        return await asyncio.to_thread(result)

    async def score_at(self, end_ms: int) -> Result:
        """Score the window that ends then and store it; after a `StoreError` it is still due."""
        # Taken off the list first: data that comes while it is scored puts it back.
        self.dirty.discard(end_ms)
        began = time.perf_counter()
        try:
            result = await self.compute_at(end_ms)
            await self._store(result)
        except StoreError:
            self.dirty.add(end_ms)
            raise
        self.periods.touch(end_ms)
        newest = self.latest is None or end_ms > self.latest.end
        events.scored(result, time.perf_counter() - began, newest=newest, due=len(self.dirty))
        if self.latest is None or end_ms >= self.latest.end:
            self._show(result)
        return result

    def _show(self, result: Result) -> None:
        self.latest = result
        self._news.set()
        self._news = asyncio.Event()

    async def _store(self, result: Result) -> None:
        new = self._stored is not None and result.end > self._stored
        former = {} if new else await read_former(self.store, result.end)
        await write_all(self.store, revise(points(result), former, self.clock()))
        await write_all(self.store, hourly_values.points(result))
        units = {name: level.level for name, level in result.levels.items()}
        start = result.end - self.window
        await write_all(self.store, await traffic.points(self.store, units, start, result.end))
        if self._stored is not None:
            self._stored = max(self._stored, result.end)

    async def run(self) -> None:
        """Score every stride, for ever; while the store fails, what is due waits."""
        while True:
            await self._guarded(self.tick)
            now = self.clock() - self.settle
            await self._sleep((self.every - now % self.every) / 1000)

    async def follow(self) -> None:
        """Show what another process scores, for ever, where this one serves and does not score."""
        while True:
            await self._guarded(self.look)
            await self._sleep(self.settle / 1000)

    async def look(self) -> None:
        """Compute the newest window that is stored, which gives the stored numbers; store none."""
        end = await self._newest_stored(self.clock())
        if end is not None and (self.latest is None or end > self.latest.end):
            self._show(await self.compute_at(end))

    async def tick(self) -> None:
        """Score the newest window that has ended, then some of those that are due again."""
        end = (self.clock() - self.settle) // self.every * self.every
        self._first = self._first or end
        if self._stored is None:
            self.begin(await self._newest_stored(end) or self._first - self.every)
        # A clock that jumps years ahead must not make years of windows due.
        oldest = end - REACH * self.every
        self.dirty.update(range(max(self._due, oldest) + self.every, end, self.every))
        self._due = max(self._due, end)
        self.dirty = {due for due in self.dirty if due > oldest}
        await self.score_at(end)
        for due in sorted(self.dirty, reverse=True)[:AT_ONCE]:
            await self.score_at(due)
        await self.periods.write_due(end, self.dirty)

    def begin(self, end: int) -> None:
        """Take scores up to that end (ms) for stored: late data before it makes windows due."""
        self._due = max(self._due, end)
        self._stored = end
        self.periods.touch(end)

    async def _newest_stored(self, end: int) -> int | None:
        """The newest window up to `end` that the store has scores of, None if it has none."""
        query = Query(
            OVERALL,
            (Read("planned", "raw"),),
            end - REACH * self.every,
            end + 1,
            where={"level": [FLEET], "method": [self.card.method]},
        )
        return max((await self.store.select(query)).columns.get("time", []), default=None)

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> None:
        """Run a step that needs the store; say once when it fails and once when it works again."""
        try:
            with _short_turns():
                await step()
        except StoreError as error:
            if not self.failing:
                events.waits(error)
            self.failing = True
        else:
            if self.failing:
                events.goes_on(len(self.dirty))
            self.failing = False
