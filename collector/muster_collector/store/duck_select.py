"""Queries as SQL over the embedded store's tables; the meaning of each statistic is base.py's.

Which series a query wants, and in which group each is, is found in the catalogue in memory and
handed to DuckDB as a small table `wanted` (series, g, r): r orders series that share a group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import duckdb
import numpy as np
from numpy.typing import NDArray

from muster_collector.store.base import Query, Read, Table
from muster_collector.store.duck_catalog import Catalog, Field, Measurement
from muster_collector.store.tables import (
    PAIRED,
    PERCENTILES,
    Arrays,
    Row,
    answerable,
    build,
    is_raw,
)

KEPT: Final = 64
"""Selections kept: the scorer asks the same of the same series again and again."""


class Wanted(NamedTuple):
    """The series of a query: the groups' tag values, and numpy columns for DuckDB."""

    groups: list[tuple[str, ...]]
    columns: dict[str, NDArray[np.int32]]
    merged: bool
    """Whether some group has several series."""


class Selector:
    """Answers queries; remembers selections until their measurement gets another series."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._wanted: dict[tuple[Any, ...], Wanted] = {}

    def select(self, connection: duckdb.DuckDBPyConnection, query: Query) -> Table:
        """The answer; duckdb.Error when the file cannot be read."""
        if is_raw(query):
            samples = self.arrays(connection, query)
            return build(query, []) if samples is None else _samples(samples, query)
        ready = self._ready(connection, query)
        if ready is None:
            return build(query, [])
        measurement, positions, wanted = ready
        found: dict[tuple[int, int], Row] = {}
        rows: list[Row] = []
        for sql, some in _statements(query, positions, measurement, wanted.merged):
            for group, time, *values in connection.execute(sql).fetchall():
                row = found.get((group, time))
                if row is None:
                    row = Row(wanted.groups[group], time, [None] * len(query.reads))
                    found[group, time] = row
                    rows.append(row)
                for position, value in zip(some, values, strict=True):
                    row.values[position] = value
        return build(query, rows)

    def arrays(self, connection: duckdb.DuckDBPyConnection, query: Query) -> Arrays | None:
        """The samples that a raw query wants, as arrays; None for none."""
        ready = self._ready(connection, query)
        if ready is None:
            return None
        measurement, positions, wanted = ready
        ((sql, _),) = _statements(query, positions, measurement, wanted.merged)
        found = connection.execute(sql).fetchnumpy()
        values = {query.reads[position].field: found[f"v{position}"] for position in positions}
        rows = _in_order(found, list(values.values()))
        kept = {name: column[rows] for name, column in values.items()}
        return Arrays(wanted.groups, found["g"][rows], found["time"][rows], kept)

    def _ready(
        self, connection: duckdb.DuckDBPyConnection, query: Query
    ) -> tuple[Measurement, list[int], Wanted] | None:
        """What there is to read, with the table `wanted` in place; None where there is nothing."""
        measurement = self._catalog.measurements.get(query.measurement)
        if measurement is None or query.start >= query.end:
            return None
        fields = measurement.readable
        positions = answerable(query, {key: found.kind for key, found in fields.items()})
        wanted = self._select_series(measurement, query)
        if not positions or not wanted.groups:
            return None
        connection.register("wanted", wanted.columns)
        return measurement, positions, wanted

    def _select_series(self, measurement: Measurement, query: Query) -> Wanted:
        where = tuple((tag, frozenset(values)) for tag, values in query.where.items())
        key = (measurement.name, len(measurement.series), query.group, where)
        if key not in self._wanted:
            if len(self._wanted) >= KEPT:
                self._wanted.clear()
            self._wanted[key] = _matching(measurement.series[: key[1]], query)
        return self._wanted[key]


def _in_order(found: Mapping[str, Any], values: Sequence[Any]) -> NDArray[np.int64]:
    """The rows that have any value, by group and time; DuckDB would move wide rows to sort them."""
    rows = np.lexsort((found["r"], found["time"], found["g"]))
    empty = np.logical_and.reduce([np.ma.getmaskarray(column) for column in values])
    return rows[~empty[rows]] if empty.any() else rows


def _samples(found: Arrays, query: Query) -> Table:
    """Samples as lists, column by column: much faster than row by row."""
    group = found.group.tolist()
    columns: dict[str, list[Any]] = {}
    for place, tag in enumerate(query.group):
        names = [tags[place] for tags in found.groups]
        columns[tag] = [names[number] for number in group]
    columns["time"] = found.time.tolist()
    for read in query.reads:
        # Masked where NULL, and then None in the list.
        values = found.values.get(read.field)
        columns[read.field] = [None] * len(group) if values is None else values.tolist()
    return Table(columns)


def _matching(series: Sequence[tuple[int, Mapping[str, str]]], query: Query) -> Wanted:
    where = {tag: frozenset(values) for tag, values in query.where.items()}
    matching = sorted(
        (tuple(tags.get(tag, "") for tag in query.group), sorted(tags.items()), number)
        for number, tags in series
        if all(tags.get(tag, "") in values for tag, values in where.items())
    )
    groups = list(dict.fromkeys(group for group, _, _ in matching))
    index = {group: number for number, group in enumerate(groups)}
    columns = {
        "series": np.array([number for _, _, number in matching], dtype=np.int32),
        "g": np.array([index[group] for group, _, _ in matching], dtype=np.int32),
        "r": np.arange(len(matching), dtype=np.int32),
    }
    return Wanted(groups, columns, len(groups) < len(matching))


def _statements(
    query: Query, positions: list[int], measurement: Measurement, merged: bool
) -> Iterator[tuple[str, list[int]]]:
    """SQL whose rows are group, time and a value for each of the reads at these positions.

    Samples are named, have `r` beside them, and come in no order.
    """
    every = query.every
    time = str(query.start) if every is None else f"time - ((time % {every}) + {every}) % {every}"
    source = (
        f"FROM {measurement.table} JOIN wanted USING (series) "
        f"WHERE time >= {query.start} AND time < {query.end}"
    )
    columns = {p: measurement.readable[query.reads[p].field].column for p in positions}
    if is_raw(query):
        values = ", ".join(f"{column} AS v{position}" for position, column in columns.items())
        yield f"SELECT g, r, time, {values} {source}", positions
        return
    plain = [position for position in positions if query.reads[position].statistic not in PAIRED]
    if plain:
        values = ", ".join(
            _expression(query.reads[p], measurement.readable[query.reads[p].field], merged)
            for p in plain
        )
        yield f"SELECT g, {time} AS t, {values} {source} GROUP BY g, t", plain
    for position in positions:
        if (statistic := query.reads[position].statistic) in PAIRED:
            yield _paired(statistic, columns[position], time, source, merged), [position]


def _expression(read: Read, field: Field, merged: bool) -> str:
    column = field.column
    if percent := PERCENTILES.get(read.statistic):
        # Lists begin at 1; element 0 is NULL, which is InfluxQL's answer too.
        samples = f"list_sort(list({column}) FILTER ({column} IS NOT NULL))"
        return f"{samples}[(count({column}) * {percent} + 50) // 100]"
    if read.statistic in ("first", "last"):
        # Of several series' samples at one time InfluxQL takes the largest.
        moment = "-time" if read.statistic == "first" else "time"
        order = f"{{'t': {moment}, 'v': {column}}}" if merged else moment
        return f"max_by({column}, {order})"
    if read.statistic == "count":
        return f"nullif(count({column}), 0)"
    name = "avg" if read.statistic == "mean" else read.statistic
    if name in ("avg", "sum") and field.kind is float:
        # Floats do not add up to the same bits in every order, and threads take turns as they like.
        return f"{name}({column} ORDER BY {'time, r' if merged else 'time'})"
    return f"{name}({column})"


def _paired(statistic: str, column: str, time: str, source: str, merged: bool) -> str:
    """Differences between neighbours, as base.py says; of samples at one time the first counts.

    HUGEINT, because the difference of two 64-bit counters may not fit 64 bits.
    """
    samples = f"SELECT g, {time} AS t, time, {column} AS v {source} AND {column} IS NOT NULL"
    if merged:
        samples += " QUALIFY row_number() OVER (PARTITION BY g, time ORDER BY r) = 1"
    # Tables and columns have names of our own making.
    differences = (
        "SELECT g, t, time, CASE WHEN typeof(v) = 'BIGINT' THEN v::HUGEINT ELSE v END - lag(v) "  # noqa: S608
        f"OVER (PARTITION BY g, t ORDER BY time) AS d FROM ({samples})"
    )
    value = {
        "rate": "1000 * sum(greatest(d, 0) ORDER BY time)::DOUBLE / (max(time) - min(time))",
        "resets": "nullif(count_if(d < 0), 0)",
    }[statistic]
    return f"SELECT g, t, {value} FROM ({differences}) GROUP BY g, t HAVING count(*) > 1"  # noqa: S608
