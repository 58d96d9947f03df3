"""Queries as InfluxQL text, and InfluxQL's JSON answers as rows; no input or output here.

Names and values go into a statement only through `identifier` and `text`: what a node chose as a
name cannot become a part of the statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

from msgspec import MsgspecError, Raw, Struct, json

from muster_collector.store.base import Query, Read, Statistic
from muster_collector.store.tables import PAIRED, PERCENTILES, Kind, Row, is_raw, result_kind

KINDS: Final[dict[str, Kind]] = {
    "float": float,
    "integer": int,
    "unsigned": int,
    "boolean": bool,
    "string": str,
}
_ESCAPES = {ord("\\"): r"\\", ord("\n"): r"\n"}
_IN_IDENTIFIER = str.maketrans(_ESCAPES | {ord('"'): r"\""})
_IN_TEXT = str.maketrans(_ESCAPES | {ord("'"): r"\'"})


class Series(Struct, gc=False):
    """The rows of one group: time, then a value for each column."""

    values: list[list[Any]] = []
    tags: dict[str, str | None] | None = None

    def group(self, keys: Iterable[str]) -> tuple[str, ...]:
        """The values of these tags, "" for none."""
        tags = self.tags or {}
        return tuple(tags.get(key) or "" for key in keys)


class Result(Struct, gc=False):
    """What one statement gave. Its series stay JSON until they are looked at, one by one.

    As objects, an answer about ten thousand nodes takes ten times its text.
    """

    series: list[Raw] = []
    error: str = ""

    def each(self) -> Iterator[Series]:
        """The series."""
        return map(_SERIES.decode, self.series)


class _Answer(Struct):
    results: list[Result] = []


_SERIES: Final = json.Decoder(Series)
_ANSWER: Final = json.Decoder(_Answer)


def results(body: bytes) -> list[Result] | None:
    """What the body of an answer says about each statement; None when it is no such answer."""
    try:
        return _ANSWER.decode(body).results
    except MsgspecError:
        return None


class Statement(NamedTuple):
    """A statement, the reads (positions in the query) its columns answer, and its rows' time.

    `time` is None where the answer's own times count. With `samples` the columns are samples of
    which rates are yet to be made.
    """

    text: str
    positions: tuple[int, ...]
    time: int | None
    samples: bool = False


def identifier(name: str) -> str:
    """A measurement, field or tag key, quoted."""
    return f'"{name.translate(_IN_IDENTIFIER)}"'


def text(value: str) -> str:
    """A string literal."""
    return f"'{value.translate(_IN_TEXT)}'"


def field_keys(measurement: str) -> str:
    """The statement that asks for a measurement's fields and their types."""
    return f"SHOW FIELD KEYS FROM {identifier(measurement)}"


def statements(query: Query, positions: list[int]) -> Iterator[Statement]:
    """The statements that answer the reads at `positions` together."""
    plain = [p for p in positions if query.reads[p].statistic not in PAIRED]
    paired = [p for p in positions if query.reads[p].statistic in PAIRED]
    if plain:
        yield _plain(query, plain)
    if paired and query.every is not None:
        # Differences must not reach over a bucket's edge. One statement a bucket would do it too,
        # but takes longer than fetching the samples.
        columns = ", ".join(identifier(query.reads[position].field) for position in paired)
        source = _source(query, query.start, query.end)
        statement = f"SELECT {columns} {source}{_group_by(query, [])}"
        yield Statement(statement, tuple(paired), None, samples=True)
    else:
        make = {"rate": _rate, "resets": _resets}
        yield from (make[query.reads[position].statistic](query, position) for position in paired)


def _plain(query: Query, positions: list[int]) -> Statement:
    columns = ", ".join(
        f"{_expression(query.reads[position])} AS c{index}"
        for index, position in enumerate(positions)
    )
    buckets, fill, time = [], "", None
    if query.every is not None:
        buckets, fill = [f"time({query.every}ms)"], " fill(none)"
    elif not is_raw(query):
        time = query.start
    source = _source(query, query.start, query.end)
    statement = f"SELECT {columns} {source}{_group_by(query, buckets)}{fill}"
    return Statement(statement, tuple(positions), time)


def _rate(query: Query, position: int) -> Statement:
    """The sum of `elapsed` is the time from the first to the last sample."""
    field = identifier(query.reads[position].field)
    group = _group_by(query, [])
    samples = (
        f"SELECT non_negative_difference({field}) AS d, elapsed({field}, 1ms) AS e "
        f"{_source(query, query.start, query.end)}{group}"
    )
    # Everything in `samples` went through identifier() and text().
    statement = f"SELECT sum(d) AS d, sum(e) AS e FROM ({samples}){group}"  # noqa: S608
    return Statement(statement, (position,), query.start)


def _resets(query: Query, position: int) -> Statement:
    field = identifier(query.reads[position].field)
    group = _group_by(query, [])
    differences = f"SELECT difference({field}) AS d {_source(query, query.start, query.end)}{group}"
    # Everything in `differences` went through identifier() and text().
    statement = f"SELECT count(d) AS n FROM ({differences}) WHERE d < 0{group}"  # noqa: S608
    return Statement(statement, (position,), query.start)


def _expression(read: Read) -> str:
    field = identifier(read.field)
    if read.statistic == "raw":
        return field
    if read.statistic in PERCENTILES:
        return f"percentile({field}, {PERCENTILES[read.statistic]})"
    return f"{read.statistic}({field})"


def _source(query: Query, start: int, end: int) -> str:
    parts = [f"time >= {start}ms", f"time < {end}ms"]
    for tag, values in query.where.items():
        alternatives = " OR ".join(f"{identifier(tag)}::tag = {text(value)}" for value in values)
        parts.append(f"({alternatives})")
    return f"FROM {identifier(query.measurement)} WHERE {' AND '.join(parts)}"


def _group_by(query: Query, more: list[str]) -> str:
    names = [*map(identifier, query.group), *more]
    return f" GROUP BY {', '.join(names)}" if names else ""


def rows(
    query: Query, kinds: dict[str, Kind], answers: list[tuple[Statement, Result]]
) -> list[Row]:
    """The rows of all statements' results, with those of one group and time brought together."""
    found: list[Row] = []
    merged: dict[tuple[tuple[str, ...], int], Row] = {}
    raw = is_raw(query)
    for statement, result in answers:
        for series in result.each():
            group = series.group(query.group)
            lines = series.values
            if statement.samples:
                statistics = [query.reads[p].statistic for p in statement.positions]
                lines = list(_of_neighbours(lines, query.every or 1, statistics))
            for time, *values in lines:
                moment = time if statement.time is None else statement.time
                row = None if raw else merged.get((group, moment))
                if row is None:
                    row = merged[group, moment] = Row(group, moment, [None] * len(query.reads))
                    found.append(row)
                _fill(row, query, kinds, statement, values)
    return found


def _fill(
    row: Row, query: Query, kinds: dict[str, Kind], statement: Statement, values: list[Any]
) -> None:
    """JSON writes 5.0 as 5: give such values the type their field has."""
    first = query.reads[statement.positions[0]]
    if first.statistic == "rate" and not statement.samples:
        difference, elapsed = values
        values = [1000 * (difference or 0) / elapsed if elapsed else None]
    for position, value in zip(statement.positions, values, strict=True):
        read = query.reads[position]
        whole = type(value) is int and result_kind(read, kinds[read.field]) is float
        row.values[position] = float(value) if whole else value


def _of_neighbours(
    samples: list[list[Any]], every: int, statistics: list[Statistic]
) -> Iterator[list[Any]]:
    """From rows of time and a sample per field to rows of bucket and a statistic per field."""
    buckets: dict[int, list[list[Any]]] = {}
    for sample in samples:
        buckets.setdefault(sample[0] // every * every, []).append(sample)
    for bucket, some in buckets.items():
        yield [
            bucket,
            *(
                NEIGHBOURS[statistic]([(row[0], row[i]) for row in some])
                for i, statistic in enumerate(statistics, 1)
            ),
        ]


def _known(samples: list[tuple[int, Any]]) -> tuple[list[int], dict[int, Any]]:
    """The times of samples in order, and the value at each; at one time the first counts."""
    known = {time: value for time, value in reversed(samples) if value is not None}
    return sorted(known), known


def _rate_of(samples: list[tuple[int, Any]]) -> float | None:
    """base.py's `rate` of samples in order of time."""
    times, known = _known(samples)
    if len(times) < 2:
        return None
    total = float(sum(max(known[b] - known[a], 0) for a, b in pairwise(times)))
    seconds: float = (times[-1] - times[0]) / 1000
    return total / seconds


def _resets_of(samples: list[tuple[int, Any]]) -> int | None:
    """base.py's `resets` of samples in order of time."""
    times, known = _known(samples)
    return sum(known[b] < known[a] for a, b in pairwise(times)) or None


NEIGHBOURS: Final = {"rate": _rate_of, "resets": _resets_of}
