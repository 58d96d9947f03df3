"""Adds the hours of nodes up by site: `completeness_site_hourly`, of which months can be shown.

A point a site, ledger and hour that has ended, at its end, with the fields of
`completeness_hourly`, and the tag `level` by which one query can choose between the two. It is read
from the store once the hours of nodes are there and written again whenever one of them is, so it is
their sum whatever changed them: late reports, losses declared later, another ledger that took a
node over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from muster_collector.ingest.other_ledgers import COVERED_S, HOURLY
from muster_collector.ledger.periods import COUNTS
from muster_collector.ledger.slots import HOUR
from muster_collector.store.base import Point, Query, Read, Store

MEASUREMENT = "completeness_site_hourly"
READS = tuple(Read(name, "sum") for name in (*COUNTS, COVERED_S))


class Hour(NamedTuple):
    """Whose hour ended then (ms)."""

    end: int
    ledger: str
    site: str


async def sums(store: Store, written: Iterable[Point], now: int) -> list[Point]:
    """The sums that hours of nodes which have just been written belong to; raises `StoreError`."""
    due = {_hour(point) for point in written if point.time <= now}
    found: list[Point] = []
    for first, last in _runs({hour.end for hour in due}):
        wanted = {hour for hour in due if first <= hour.end <= last}
        query = Query(
            HOURLY,
            READS,
            first,
            last + 1,
            group=Hour._fields[1:],
            where={
                "ledger": sorted({hour.ledger for hour in wanted}),
                "site": sorted({hour.site for hour in wanted}),
            },
            every=HOUR,
        )
        columns = (await store.select(query)).columns
        keys = (columns.get(name, []) for name in ("time", *query.group))
        for row, key in enumerate(zip(*keys, strict=True)):
            if (hour := Hour(*key)) in wanted:
                counts = {read.field: columns[f"{read.field}_sum"][row] for read in READS}
                counts = {name: count for name, count in counts.items() if count is not None}
                tags = (("ledger", hour.ledger), ("level", "site"), ("site", hour.site))
                found.append(Point(MEASUREMENT, tags, counts, hour.end))
    return found


def _hour(of_node: Point) -> Hour:
    tags = dict(of_node.tags)
    return Hour(of_node.time, tags["ledger"], tags["site"])


def _runs(ends: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The first and the last of hours that follow each other without a gap."""
    for _, some in groupby(enumerate(sorted(ends)), lambda place: place[1] - place[0] * HOUR):
        run = [end for _, end in some]
        yield run[0], run[-1]
