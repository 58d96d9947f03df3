"""What a window's scores were before they were scored again: kept in `readiness_former`.

A point that changes gets the field `revised`, the number of its revisions; its former fields go to
`readiness_former` under the same tags and time, with the tag `revision` (0 for the first value) and
the field `replaced` (ms, when it ceased to hold). Databases merge the fields of a point that is
written twice, so a former `why` is emptied, and readers take a `why` that is not empty for "no
score", whatever `score` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from muster_collector.scoring.points import OVERALL
from muster_collector.scoring.units import Tags
from muster_collector.store.base import Point, Query, Read, Store, Value

FORMER = "readiness_former"
KEY = ("id", "level", "method")
FIELDS = ("score", "low", "high", "coverage", "grade", "scored", "planned", "p10", "worst", "why")
REVISED = "revised"

Former = Mapping[tuple[str, ...], Mapping[str, Value]]
"""(id, level, method) to the fields that the store holds of one time."""


async def read_former(store: Store, end: int) -> Former:
    """The readiness points of one time."""
    reads = tuple(Read(field, "raw") for field in (*FIELDS, REVISED))
    table = await store.select(Query(OVERALL, reads, end, end + 1, group=KEY))
    names = [column for column in table.columns if column not in (*KEY, "time")]
    former: dict[tuple[str, ...], dict[str, Value]] = {}
    for row in range(len(table)):
        key = tuple(table.columns[tag][row] for tag in KEY)
        fields = {name: table.columns[name][row] for name in names}
        former[key] = {name: value for name, value in fields.items() if value is not None}
    return former


def revise(points: Iterable[Point], former: Former, now: int) -> Iterator[Point]:
    """The points, with their revision and their former values where they changed."""
    for point in points:
        before = None
        if point.measurement == OVERALL and former:
            tags = dict(point.tags)
            before = former.get(tuple(tags.get(tag, "") for tag in KEY))
        if before is None:
            yield point
            continue
        number = int(before.get(REVISED, 0))
        held = {name: before[name] for name in FIELDS if before.get(name, "") != ""}
        if held == point.fields:
            yield _again(point, number)
            continue
        yield Point(
            FORMER, _with_revision(point.tags, number), {**held, "replaced": now}, point.time
        )
        yield _again(point, number + 1)


def _again(point: Point, number: int) -> Point:
    fields = dict(point.fields)
    fields.setdefault("why", "")
    return point._replace(fields={**fields, REVISED: number} if number else point.fields)


def _with_revision(tags: Tags, number: int) -> Tags:
    return tuple(sorted((*tags, ("revision", str(number)))))
