"""What both stores share in answering: which reads make sense, and rows brought into one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from muster_collector.store.base import Query, Read, Table

Kind = type[float] | type[int] | type[bool] | type[str]
"""A field's type: one for ever."""

PERCENTILES: Final = {"p05": 5, "p50": 50, "p95": 95}
_FOR_ALL_KINDS: Final = {"raw", "first", "last", "count"}
_ALWAYS_FLOAT: Final = {"mean", "rate"}
PAIRED: Final = {"rate", "resets"}
"""Statistics of the differences between neighbouring samples."""


class Row(NamedTuple):
    """One row of an answer: the group's tag values, the time in ms, a value or None per read."""

    group: tuple[str, ...]
    time: int
    values: list[Any]


class Arrays(NamedTuple):
    """Samples in the order of group and time: each one's position in `groups`, its time (ms).

    `values` are by field, masked where there is none; a field that does not exist has none.
    """

    groups: list[tuple[str, ...]]
    group: NDArray[np.int32]
    time: NDArray[np.int64]
    values: dict[str, Any]


def column(read: Read) -> str:
    """The name of a read's column."""
    return read.field if read.statistic == "raw" else f"{read.field}_{read.statistic}"


def check(query: Query) -> None:
    """Raise ValueError for a query that cannot have an answer: the caller's mistake."""
    names = [*query.group, "time", *map(column, query.reads)]
    if len(set(names)) < len(names):
        raise ValueError(f"query of {query.measurement}: two columns have one name in {names}")
    if not query.reads:
        raise ValueError(f"query of {query.measurement} reads nothing")
    if is_raw(query) and (
        query.every is not None or any(read.statistic != "raw" for read in query.reads)
    ):
        raise ValueError(f"query of {query.measurement}: raw samples go with nothing else")
    if query.every is not None and query.every <= 0:
        raise ValueError(f"query of {query.measurement}: every is {query.every}, not positive")


def is_raw(query: Query) -> bool:
    """Whether the query wants samples, not statistics."""
    return any(read.statistic == "raw" for read in query.reads)


def answerable(query: Query, kinds: Mapping[str, Kind]) -> list[int]:
    """The positions of the reads whose field exists and has a type that knows the statistic.

    Truth values and texts can be counted and have a last value; they have no mean or maximum.
    """
    return [
        position
        for position, read in enumerate(query.reads)
        if (kind := kinds.get(read.field)) is not None
        and (read.statistic in _FOR_ALL_KINDS or kind in (int, float))
    ]


def result_kind(read: Read, kind: Kind) -> Kind:
    """The type of a read's results."""
    if read.statistic in ("count", "resets"):
        return int
    return float if read.statistic in _ALWAYS_FLOAT else kind


def build(query: Query, rows: Iterable[Row]) -> Table:
    """The table of these rows, ordered by group and time; rows without any value are left out."""
    kept = [row for row in rows if any(value is not None for value in row.values)]
    kept.sort(key=lambda row: (row.group, row.time))
    columns: dict[str, list[Any]] = {
        tag: [row.group[index] for row in kept] for index, tag in enumerate(query.group)
    }
    columns["time"] = [row.time for row in kept]
    for index, read in enumerate(query.reads):
        columns[column(read)] = [row.values[index] for row in kept]
    return Table(columns)
