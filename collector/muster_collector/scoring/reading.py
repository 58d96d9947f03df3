"""From a scorecard's sources to few store queries, and from their answers to one value a node.

Series of a node are told apart by the tags in `per`, `where` and `without`. Every sum runs in the
order in which the store answers (by group), so that the same points give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from muster_collector.readiness.schema import Read as CardRead
from muster_collector.readiness.schema import Source
from muster_collector.readiness.scorecard import Scorecard
from muster_collector.store.base import Query, Read, Store, Table

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
HOST = "host"
EXTREMES = {"max": np.fmax, "min": np.fmin}


class Selection(NamedTuple):
    """What sources must agree on to be answered by one query."""

    measurement: str
    where: tuple[tuple[str, tuple[str, ...]], ...]
    group: tuple[str, ...]


class Series(NamedTuple):
    """One number for each series: the key of its series, the row of its node, the value.

    `node` is -1 for nodes that are not scored; `bare` marks series that lack every tag of `per`.
    """

    keys: list[tuple[str, ...]]
    node: Integers
    value: Floats


class Answer(NamedTuple):
    """What the store answered to a query, by column, without the times; NaN where no value is.

    As objects, what the twenty answers about ten thousand nodes say takes ten times the memory.
    """

    tags: dict[str, list[str]]
    numbers: dict[str, Floats]


Tables = Mapping[Selection, Answer]


def selection(read: CardRead, per: Sequence[str]) -> Selection:
    """The query that a read belongs to."""
    where = tuple(sorted((tag, tuple(sorted(values))) for tag, values in read.where.items()))
    group = (HOST, *sorted({*per, *read.where, *read.without}))
    return Selection(read.measurement, where, group)


def queries(card: Scorecard, start: int, end: int) -> dict[Selection, Query]:
    """All queries of a card over `start <= time < end` (ms), one for each selection."""
    reads: dict[Selection, dict[Read, None]] = {}
    for source in sources(card):
        for read in (source, source.over):
            if read is not None:
                wanted = reads.setdefault(selection(read, source.per), {})
                wanted.update(dict.fromkeys(Read(f, read.statistic) for f in read.fields))
    return {
        key: Query(
            measurement=key.measurement,
            reads=tuple(sorted(wanted)),
            start=start,
            end=end,
            group=key.group,
            where=dict(key.where),
        )
        for key, wanted in reads.items()
    }


def sources(card: Scorecard) -> Iterable[Source]:
    """The live sources of a card, in the order of its indicators."""
    for node in card.indicators:
        if node.indicator is not None and node.indicator.source is not None:
            yield node.indicator.source


async def read_tables(store: Store, card: Scorecard, start: int, end: int) -> Tables:
    """The answers of all queries of a card over `start <= time < end` (ms)."""
    names: dict[str, str] = {}
    return {
        key: _answer(await store.select(query), query.group, names)
        for key, query in queries(card, start, end).items()
    }


def _answer(table: Table, tags: Sequence[str], names: dict[str, str]) -> Answer:
    """The table with one object for all equal names, and none for a number."""
    columns = dict(table.columns)
    columns.pop("time", None)
    texts = {tag: [names.setdefault(name, name) for name in columns.pop(tag, [])] for tag in tags}
    numbers = {name: np.array(column, dtype=np.float64) for name, column in columns.items()}
    return Answer(texts, numbers)


def hosts(tables: Tables) -> set[str]:
    """The nodes that have any data in the answers."""
    return {host for table in tables.values() for host in table.tags[HOST]}


def values(card: Scorecard, nodes: Sequence[str], tables: Tables) -> Floats:
    """Nodes x indicators in the indicators' own units; NaN where a node has no value."""
    rows = {node: row for row, node in enumerate(nodes)}
    found = np.full((len(nodes), len(card.indicators)), np.nan)
    for column, node in enumerate(card.indicators):
        if node.indicator is not None and (source := node.indicator.source) is not None:
            worst = "max" if node.indicator.direction == "down" else "min"
            found[:, column] = _value(source, tables, rows, worst=worst)
    return found


def _value(source: Source, tables: Tables, rows: Mapping[str, int], *, worst: str) -> Floats:
    """One number for each node."""
    series = _series(source, source.per, tables, rows)
    value = series.value
    if source.over is not None:
        divisor = _divisor(series, _series(source.over, source.per, tables, rows), len(rows))
        value = np.divide(value, divisor, out=np.full_like(value, np.nan), where=divisor > 0)
    value = value * source.scale + source.offset
    how = worst if source.combine == "worst" else source.combine
    good = (series.node >= 0) & np.isfinite(value)
    return _combine(how, series.node[good], value[good], len(rows))


def _series(
    read: CardRead,
    per: Sequence[str],
    tables: Tables,
    rows: Mapping[str, int],
) -> Series:
    """The sum of a read's fields for each series that passes `without`."""
    tags, numbers = tables[selection(read, per)]
    hosts = tags[HOST]
    total = np.zeros(len(hosts))
    for field in read.fields:
        total = total + numbers.get(f"{field}_{read.statistic}", np.nan)
    node = np.fromiter((rows.get(host, -1) for host in hosts), np.int64, len(hosts))
    for tag, unwanted in read.without.items():
        found = (value in unwanted for value in tags[tag])
        node[np.fromiter(found, np.bool_, len(hosts))] = -1
    keys = list(zip(*(tags[tag] for tag in per), strict=True)) if per else []
    return Series(keys or [()] * len(hosts), node, total)


def _divisor(series: Series, over: Series, nodes: int) -> Floats:
    """What to divide each series by: the same series of `over`, else its node's one value."""
    kept = over.node >= 0
    of_node = np.full(nodes + 1, np.nan)
    bare = kept & np.fromiter((not any(key) for key in over.keys), np.bool_, len(over.keys))
    of_node[over.node[bare]] = over.value[bare]
    divisor = of_node[series.node]
    if not bare.all():
        pairs = zip(over.node.tolist(), over.keys, strict=True)
        same = dict(zip(pairs, over.value.tolist(), strict=True))
        own = zip(series.node.tolist(), series.keys, strict=True)
        exact = np.fromiter((same.get(pair, np.nan) for pair in own), np.float64, len(series.keys))
        divisor = np.where(np.isnan(exact), divisor, exact)
    return divisor


def _combine(how: str, node: Integers, value: Floats, nodes: int) -> Floats:
    """One number for each of `nodes` from its series; NaN for a node without any."""
    result = np.full(nodes, np.nan)
    if how in EXTREMES:
        EXTREMES[how].at(result, node, value)
        return result
    count = np.bincount(node, minlength=nodes)
    total = np.bincount(node, weights=value, minlength=nodes)
    np.divide(total, count if how == "mean" else 1.0, out=result, where=count > 0)
    return result
