"""Writes every node's account to the store: `completeness` as it is, `completeness_hourly` by hour.

`completeness` has a point a node and minute: counts since the node's first report, what is missing
now, how long it has been silent, its state, how far its clock is off (`clock_wrong_s`: for sure).
`completeness_hourly` has a point a node and hour, at the hour's END as in `readiness_hourly`: what
became of the reports that were sampled in that hour, written again whenever that changes, so that
its points can be added up over any time and place. Its tag `ledger` tells collectors apart that
shared an hour of a node; their points add up too.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence

from muster_collector.errors import StoreError
from muster_collector.ingest import events
from muster_collector.ingest.fleet import Fleet
from muster_collector.ingest.timeline import Timeline
from muster_collector.ledger import states
from muster_collector.ledger.file import LedgerFile
from muster_collector.ledger.nodes import Node
from muster_collector.ledger.periods import COUNTS as HOURLY_COUNTS
from muster_collector.ledger.periods import Period
from muster_collector.ledger.slots import HOUR
from muster_collector.store.base import Point, Store

MEASUREMENT, HOURLY = "completeness", "completeness_hourly"
COUNTS = ("stored", "duplicate", "refused", "late", "lost", "missing")
MOST = 2**62
"""What a node makes us believe may be more than a store's integers hold."""
HOURS_EVERY = 5
"""Rounds from one writing of changed hours to the next, unless an hour has just ended."""
PART = 2_000
"""Hours written together."""
LOOK_BACK = 7 * 24 * HOUR
"""How far back the silence of nodes is written after the collector was away."""


def point(node: Node, now: int) -> Point:
    """The account of a node at `now` (ms); counts are cumulative, `missing` is of now."""
    totals = node.totals
    fields: dict[str, int | float | bool | str] = {
        name: min(getattr(totals, name), MOST) for name in COUNTS
    }
    if node.last_arrival is not None:
        fields["silent_s"] = max(0.0, (now - node.last_arrival) / 1000 - node.wait)
    if (offset := node.clock.ms) is not None:
        fields["clock_offset_s"] = offset / 1000
        fields["clock_uncertainty_s"] = (node.clock.uncertainty or 0.0) / 1000
        fields["clock_wrong_s"] = node.clock.wrong / 1000
    state = states.state(node, now)
    fields["state"], fields["state_code"] = state, states.STATES.index(state)
    return Point(MEASUREMENT, (("host", node.node), ("site", node.site)), fields, now)


class Writer:
    """Writes for ever; what the store does not take is written later."""

    def __init__(
        self,
        fleet: Fleet,
        file: LedgerFile,
        timeline: Timeline,
        store: Store,
        *,
        every: float,
        keep: float,
        clock: Callable[[], int],
    ) -> None:
        self.fleet, self.file, self.timeline, self.store = fleet, file, timeline, store
        self.every, self.keep, self.clock = every, int(keep * 1000), clock
        self._hour = 0

    async def run(self) -> None:
        """Write all accounts every so many seconds; while the store is away, that is left out."""
        self._after_a_pause()
        rounds = 0
        while True:
            await asyncio.sleep(self.every)
            self.fleet.observe(self.clock())
            now = self.clock()
            try:
                await self.store.write([point(node, now) for node in self.fleet.nodes()])
                if await self._next_hour(now) or rounds % HOURS_EVERY == 0:
                    await self.write_hours()
            except StoreError as error:
                events.store_away(self.store.name, error)
            except sqlite3.Error as error:
                events.ledger_failed(error)
            rounds += 1

    async def write_hours(self) -> None:
        """Bring the changed hours up to date in the store; `StoreError`, `sqlite3.Error`."""
        now = self.clock()
        due = self.timeline.due
        while part := _newest(due, PART):
            due.difference_update(part)
            written = False
            try:
                points = await asyncio.to_thread(self._points, part, now)
                await self.store.write(points)
                written = True
            finally:
                if not written:
                    due.update(part)
            told = [hour for hour in part if hour not in due]
            await asyncio.to_thread(self.file.told, told)

    def _points(self, hours: Sequence[tuple[int, str]], now: int) -> list[Point]:
        starts = sorted({start for start, _ in hours})
        wanted = set(hours)
        nodes = {name for _, name in hours}
        one = next(iter(nodes)) if len(nodes) == 1 else None
        spans = [(start, start + HOUR) for start in starts]
        found = self.fleet.periods(spans, now, one)
        return [
            self._hourly(name, start, period)
            for name, periods in found
            if name in nodes
            for start, period in zip(starts, periods, strict=True)
            if (start, name) in wanted
        ]

    def _hourly(self, name: str, start: int, period: Period) -> Point:
        node = self.fleet.node(name)
        tags = (("host", name), ("ledger", self.file.id), ("site", node.site if node else ""))
        fields = {count: min(getattr(period, count), MOST) for count in HOURLY_COUNTS}
        return Point(HOURLY, tags, fields, start + HOUR)

    async def _next_hour(self, now: int) -> bool:
        """Whether an hour has ended: then all nodes have it, silent ones too."""
        hour = now // HOUR * HOUR
        if hour == self._hour:
            return False
        for node in self.fleet.nodes():
            self.timeline.touch(node.node, self._hour or hour, hour)
        self._hour = hour
        await asyncio.to_thread(self.file.gather, now, self.keep)
        return True

    def _after_a_pause(self) -> None:
        """What was not written when the last collector ended, and the silence since then."""
        self.timeline.due.update(self.file.hours())
        now = self.clock()
        for node in self.fleet.nodes():
            heard = states.heard(node) or node.first_seen
            self.timeline.touch(node.node, max(heard, now - LOOK_BACK), now)


def _newest(hours: Iterable[tuple[int, str]], most: int) -> list[tuple[int, str]]:
    """The newest hours first: they are what people look at."""
    return sorted(hours, reverse=True)[:most]
