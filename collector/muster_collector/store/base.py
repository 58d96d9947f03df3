"""What every store can do: write points, say which it refused and why, and answer queries.

Two stores implement it (`influx.py`, `embedded.py`); one conformance suite runs on both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, final

Value = int | float | bool | str
Statistic = Literal[
    "raw",
    "mean",
    "max",
    "min",
    "first",
    "last",
    "sum",
    "count",
    "p05",
    "p50",
    "p95",
    "rate",
    "resets",
]
"""How samples of one series within a window (or bucket) become one number.

`pNN` is InfluxQL's PERCENTILE: nearest rank, the sample at floor(n * NN / 100 + 0.5), none for 0.
`rate` is for counters: the sum of non-negative differences between neighbouring samples, divided by
the seconds between the first and the last sample; none for fewer than two samples. `resets` is how
many samples of a counter are smaller than the one before; none for 0. `raw` returns the samples
themselves.

Texts and truth values have `raw`, `first`, `last` and `count` only; the other statistics are None
for them.
Where a group holds several series that have samples at one time, it is not promised which of those
goes first.
"""


class Point(NamedTuple):
    """One line of the store: a measurement of one series at one time.

    `tags` are sorted by key and include `host` and `site` for what nodes send; `time` is
    milliseconds of Unix time. Writing the same measurement, tags and time again overwrites.
    """

    measurement: str
    tags: tuple[tuple[str, str], ...]
    fields: Mapping[str, Value]
    time: int


class Layout(Protocol):
    """What makes a point of a line's values again."""

    def point(self, values: Sequence[Any]) -> Point:
        """The point of which they are the values."""


@final
class Line(NamedTuple):
    """A point that is nearly a line already: `template % values`, in InfluxDB's line protocol.

    Whoever made it has looked whether a store can take it.
    """

    template: bytes
    values: tuple[Any, ...]
    layout: Layout

    def point(self) -> Point:
        """The same as a point."""
        return self.layout.point(self.values)


class Source(Protocol):
    """What makes points of lines again."""

    @property
    def size(self) -> int:
        """How many there are."""

    def points(self, host: bytes, site: bytes, time: int) -> list[Point]:
        """The points, in the order of the lines."""


@final
class Lines(NamedTuple):
    """Points of one report that are lines already, in InfluxDB's line protocol."""

    text: bytes
    source: Source
    host: bytes
    site: bytes
    time: int

    def points(self) -> list[Point]:
        """The same as points."""
        return self.source.points(self.host, self.site, self.time)


Sample = Point | Line | Lines
"""What stores take."""


def size(sample: Sample) -> int:
    """How many points it is."""
    return sample.source.size if type(sample) is Lines else 1


def whole(samples: Iterable[Sample]) -> list[Point]:
    """All as points."""
    found: list[Point] = []
    for sample in samples:
        if type(sample) is Lines:
            found += sample.points()
        else:
            found.append(sample.point() if type(sample) is Line else sample)
    return found


class RefusedPoint(NamedTuple):
    """A point refused for good: its position in the batch, as `whole`, and the reason."""

    position: int
    reason: str


class Read(NamedTuple):
    """One field read with one statistic."""

    field: str
    statistic: Statistic


@dataclass(frozen=True, slots=True)
class Query:
    """A selection: `start <= time < end` (ms), one result row per group (and bucket or sample).

    `group` names the tags that tell series apart; all other tags are ignored. `where` keeps rows
    whose tag equals one of the given values. With `every` (ms) the range is cut into buckets that
    begin at multiples of `every` since 1970; empty buckets make no row. With statistic `raw` every
    sample makes a row and all reads must be `raw`.
    """

    measurement: str
    reads: tuple[Read, ...]
    start: int
    end: int
    group: tuple[str, ...] = ()
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    every: int | None = None


class Table(NamedTuple):
    """A result: column name to values, all of one length, ordered by group and then time.

    Columns are the group tags ("" where a series lacks the tag), then `time` (ms; the bucket's
    start, or for a query without buckets `Query.start`), then one per read, named
    `field` for `raw` and `field_statistic` else (`usage_idle_mean`); None where there is no value.
    A measurement or field that does not exist gives no rows, never an error.
    """

    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        """The number of rows."""
        return len(next(iter(self.columns.values()), []))


class Store(Protocol):
    """A place for points. All methods raise `StoreError` when the store cannot serve at all."""

    name: str
    """For people and logs: "InfluxDB 1.6.7 at http://…", "embedded store FILE"; no secrets."""

    async def open(self) -> None:
        """Connect, find out the version, create what is missing."""

    async def write(self, points: Sequence[Sample]) -> list[RefusedPoint]:
        """Write a batch; every point that is not in the answer is stored when this returns.

        Nothing is known to be stored when this raises; writing the batch again is always safe.
        """

    async def select(self, query: Query) -> Table:
        """Answer one query."""

    async def close(self) -> None:
        """Release connections and files."""
