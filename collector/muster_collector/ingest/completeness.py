"""Writes every node's account to the store: `completeness` as it is, `completeness_hourly` by hour.

`completeness` has a point a node and minute: counts since the node's first report, what is missing
now, how long it has been silent, its state, how far its clock is off (`clock_wrong_s`: for sure).
`completeness_hourly` has a point a node and hour, at the hour's END as in `readiness_hourly`: what
became of the reports that were sampled in that hour, written again whenever that changes, so that
its points can be added up over any time and place. Its tag `ledger` tells collectors apart that
shared an hour of a node; their points add up too. Sites' hours follow (`site_hours.py`).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from muster_collector.errors import StoreError
from muster_collector.ingest import about, events, site_hours
from muster_collector.ingest.fleet import Fleet
from muster_collector.ingest.other_ledgers import COVERED_S, HOURLY, Share
from muster_collector.ingest.timeline import Timeline
from muster_collector.ledger import states
from muster_collector.ledger.file import LedgerFile
from muster_collector.ledger.nodes import Node
from muster_collector.ledger.periods import COUNTS as HOURLY_COUNTS
from muster_collector.ledger.periods import NodeAccount, Period
from muster_collector.ledger.slots import COVERED, HOUR, REFUSED, STORED
from muster_collector.store.base import Point, Store

MEASUREMENT = "completeness"
COUNTS = ("stored", "duplicate", "refused", "late", "lost", "missing")
OPEN = ("lost", "missing", "down", "silent")
"""What is not booked: the ledger that has the node's accounts now says it for all of an hour."""
MOST = 2**62
"""What a node makes us believe may be more than a store's integers hold."""
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
        allowed: Callable[[], bool] = lambda: True,
    ) -> None:
        self.allowed = allowed
        self.fleet, self.file, self.timeline, self.store = fleet, file, timeline, store
        self.every, self.keep, self.clock = every, int(keep * 1000), clock
        self._hour = 0

    async def run(self) -> None:
        """Write all accounts every so many seconds; while the store is away, that is left out."""
        self._after_a_pause()
        while True:
            await asyncio.sleep(self.every)
            if not self.allowed():
                continue
            self.fleet.observe(self.clock())
            now = self.clock()
            try:
                await self.store.write([point(node, now) for node in self.fleet.nodes()])
                await self._next_hour(now)
                await self.write_hours()
            except StoreError as error:
                events.store_away(self.store.name, error)
            except sqlite3.Error as error:
                events.ledger_failed(error)

    async def write_hours(self) -> None:
        """Bring the changed hours up to date in the store; `StoreError`, `sqlite3.Error`."""
        now = self.clock()
        due = self.timeline.due
        while part := _newest(due, PART):
            due.difference_update(part)
            written = False
            try:
                points = await self._points(part, now)
                await self.store.write(points)
                await self.store.write(await site_hours.sums(self.store, points, now))
                written = True
            finally:
                if not written:
                    due.update(part)
            told = [hour for hour in part if hour not in due]
            await asyncio.to_thread(self.file.told, told)

    async def _points(self, hours: Sequence[tuple[int, str]], now: int) -> list[Point]:
        """The hours, and the shares of other ledgers in them, which only keep what they booked."""
        starts = sorted({start for start, _ in hours})
        spans = [(start, start + HOUR) for start in starts]
        wanted = set(hours)
        shares: dict[tuple[int, str], list[Share]] = {}
        if self.fleet.others is not None:
            await self.fleet.others.look(now)
            for start, found in zip(starts, await self.fleet.others.shares(spans), strict=True):
                for share in found:
                    shares.setdefault((start, share.node), []).append(share)
        return await asyncio.to_thread(self._account, wanted, spans, shares, now)

    def _account(
        self,
        wanted: set[tuple[int, str]],
        spans: Sequence[tuple[int, int]],
        shares: Mapping[tuple[int, str], Sequence[Share]],
        now: int,
    ) -> list[Point]:
        nodes = {name for _, name in wanted}
        one = next(iter(nodes)) if len(nodes) == 1 else None
        sums = self.file.sums(spans, one)
        points: list[Point] = []
        for node in filter(None, map(self.fleet.node, nodes)):
            about = NodeAccount(node, now)
            for (start, end), booked in zip(spans, sums, strict=True):
                if (start, node.node) in wanted:
                    others = shares.get((start, node.node), ())
                    theirs = sum(share.sums.counts[COVERED] for share in others)
                    period = about.period(start, end, booked.get(node.node), theirs)
                    points += self._hourly(node, start, period)
                    points += [_bare(share, start) for share in others]
        return points

    def _hourly(self, node: Node, start: int, period: Period) -> Iterator[Point]:
        """The hour at the site where the node was at its end, and nothing where it was before."""
        site, left = node.sites(start, start + HOUR)
        fields: dict[str, int | float | bool | str] = {
            count: min(getattr(period, count), MOST) for count in HOURLY_COUNTS
        }
        fields[COVERED_S] = period.covered / 1000
        tags = (("host", node.node), ("ledger", self.file.id))
        yield Point(HOURLY, (*tags, ("site", site)), fields, start + HOUR)
        nothing: dict[str, int | float | bool | str] = dict.fromkeys(HOURLY_COUNTS, 0)
        for other in sorted(left):
            yield Point(HOURLY, (*tags, ("site", other)), nothing | {COVERED_S: 0.0}, start + HOUR)

    async def _next_hour(self, now: int) -> None:
        """When an hour has ended all nodes have it, silent ones too."""
        hour = now // HOUR * HOUR
        if hour == self._hour:
            return
        await self.store.write(
            [
                told
                for node in self.fleet.nodes()
                for told in about.machine(node.node, node.site, node.agent, node.inventory, now)
            ]
        )
        for node in self.fleet.nodes():
            self.timeline.touch(node.node, self._hour or hour, hour)
        self._hour = hour
        await asyncio.to_thread(self.file.gather, now, self.keep)

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


def _bare(share: Share, start: int) -> Point:
    """What is left of another ledger's hour: the rest is ours to say now."""
    tags = (("host", share.node), ("ledger", share.ledger), ("site", share.site))
    booked = share.sums.counts[STORED] + share.sums.counts[REFUSED]
    fields: dict[str, int | float | bool | str] = dict.fromkeys(OPEN, 0)
    return Point(HOURLY, tags, fields | {"expected": booked}, start + HOUR)
