"""Stored readiness over time: window by window, or as it stood at a time; steps are in `steps`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import HTTPException

from muster_collector.api import times
from muster_collector.api.services import Services
from muster_collector.scoring.points import OVERALL
from muster_collector.scoring.revisions import FORMER
from muster_collector.store.base import Query, Read, Table

PLACES = ("site", "district", "region")
GROUP = ("level", "id", *PLACES, "method")
MEANS = ("score", "low", "high", "coverage")
NUMBERS = (*MEANS, "p10", "worst")
COUNTS = ("scored", "planned")
TEXTS = ("grade", "why")
RAW = (*NUMBERS, *COUNTS, *TEXTS)
LOOK_BACK = 2_000
"""Strides before `at` in which the window that held then is looked for."""

Row = dict[str, Any]


class Wanted(NamedTuple):
    """The units that are asked about: of a level, those with the ids, within the places."""

    level: str
    ids: Sequence[str] | None = None
    places: Mapping[str, Sequence[str]] = {}

    def where(self) -> dict[str, Sequence[str]]:
        """As a filter of stored series."""
        ids = {"id": list(self.ids)} if self.ids else {}
        return {"level": [self.level], **ids, **self.places}

    def count(self, given: Services) -> int:
        """How many units that is now."""
        if self.ids:
            return len(self.ids)
        tags = given.result().levels[self.level].level.tags
        return sum(self.holds(dict(unit)) for unit in tags) if self.places else len(tags)

    def holds(self, tags: Mapping[str, str]) -> bool:
        """Whether a unit with these tags lies within the places."""
        return all(tags.get(name) in some for name, some in self.places.items())


async def windows(
    given: Services,
    wanted: Wanted,
    first: int,
    last: int,
    *,
    known: int | None = None,
) -> list[Row]:
    """One row for each stored window and unit; with `known` (ms) as it was known at that time."""
    rows = await raw(given, OVERALL, RAW, (first, last), wanted)
    if known is not None:
        former = await raw(given, FORMER, (*RAW, "replaced"), (first, last), wanted)
        rows = list(as_known(rows, former, known))
    made = [unscored(row) | {"time": times.iso(row["time"])} for row in rows]
    return sorted(made, key=lambda row: (row["time"], row["id"]))


def as_known(rows: Sequence[Row], former: Sequence[Row], known: int) -> Iterator[Row]:
    """Rows with the values that they had at `known`: the first that were replaced after it.

    A window that ended after `known` was not known at all.
    """
    held: dict[tuple[Any, ...], Row] = {}
    for row in sorted(former, key=lambda row: -int(row["replaced"])):
        if row["replaced"] > known:
            held[_key(row)] = {k: v for k, v in row.items() if k not in ("replaced", "revision")}
    for row in rows:
        if row["time"] <= known:
            yield held.get(_key(row), row)


def _key(row: Row) -> tuple[Any, ...]:
    return row["time"], row["id"], row["method"]


async def raw(
    given: Services,
    measurement: str,
    fields: Sequence[str],
    span: tuple[int, int],
    wanted: Wanted,
) -> list[Row]:
    """Points in `start <= t < end` as rows."""
    reads = tuple(Read(name, "raw") for name in fields)
    group = (*GROUP, "revision") if measurement == FORMER else GROUP
    query = Query(measurement, reads, *span, group, wanted.where())
    return list(rows_of(await given.store.select(query)))


async def at(given: Services, wanted: Wanted, moment: int) -> list[Row]:
    """The rows of the newest window that had ended at `moment` (ms)."""
    grid = given.scorer.every
    fleet = await windows(given, Wanted("fleet"), moment - LOOK_BACK * grid, moment + 1)
    if not fleet:
        raise HTTPException(404, f"no scores are stored for {times.iso(moment)} or shortly before")
    end = times.parse(fleet[-1]["time"], 0)
    return await windows(given, wanted, end, end + 1)


def rows_of(table: Table) -> Iterator[Row]:
    """Rows of a table; a place that a unit has not is left out."""
    names = list(table.columns)
    for values in zip(*table.columns.values(), strict=True):
        row = dict(zip(names, values, strict=True))
        for place in PLACES:
            if row.get(place) == "":
                del row[place]
        yield row


def unscored(row: Row) -> Row:
    """A reason means that there is no score, whatever an older field says."""
    if row.get("why"):
        return row | {"score": None, "grade": ""}
    row.pop("why", None)
    return row
