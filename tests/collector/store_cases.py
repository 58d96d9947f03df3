"""What the store tests share: points in one line, and stores on the real things."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from muster_collector.store.base import Point, Query, Read, Table, Value
from muster_collector.store.embedded import EmbeddedStore
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings
from servers import Influx1

T0 = 1_700_000_000_000
"""A time in ms that buckets of 1, 5 and 10 s begin at."""

_databases = itertools.count()

Reads = tuple[tuple[str, Any], ...]


def point(time: int, fields: Mapping[str, Value], measurement: str = "m", **tags: str) -> Point:
    """A point `time` ms after T0."""
    return Point(measurement, tuple(sorted(tags.items())), fields, T0 + time)


def query(
    *reads: tuple[str, Any], measurement: str = "m", start: int = 0, end: int = 60_000, **more: Any
) -> Query:
    """A query over a range in ms after T0."""
    return Query(measurement, tuple(Read(*read) for read in reads), T0 + start, T0 + end, **more)


def rows(table: Table) -> list[tuple[Any, ...]]:
    """The table's rows, with times in ms after T0."""
    columns = [
        [value - T0 for value in values] if name == "time" else values
        for name, values in table.columns.items()
    ]
    return list(zip(*columns, strict=True))


def embedded(directory: Path) -> EmbeddedStore:
    """A new file."""
    return EmbeddedStore(directory / f"store{next(_databases)}.duckdb")


def influx(server: Influx1) -> InfluxStore:
    """A new database."""
    return InfluxStore(InfluxSettings(server.url, f"cases{next(_databases)}"))
