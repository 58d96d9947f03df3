"""InfluxQL's answers to raw queries as arrays: no object for each row of a long range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from muster_collector.store.base import Query
from muster_collector.store.influxql import Result
from muster_collector.store.tables import Arrays, Kind

EXACT = 2.0**53
"""From here on a float does not hold every whole number."""


def arrays(
    query: Query, kinds: Mapping[str, Kind], fields: Sequence[str], result: Result
) -> Arrays | None:
    """The samples of a result whose columns are time and `fields`; None for none."""
    found: dict[tuple[str, ...], list[Any]] = {}
    for series in result.each():
        found.setdefault(series.group(query.group), []).extend(series.values)
    if not found:
        return None
    groups = sorted(found)
    lines = [line for one in groups for line in found[one]]
    group = np.repeat(np.arange(len(groups), dtype=np.int32), [len(found[one]) for one in groups])
    numbers = [name for name in fields if kinds[name] in (int, float)]
    if len(numbers) == len(fields):
        # None becomes NaN; times in ms are whole in a float.
        table = np.array(lines, dtype=np.float64).T
        time = table[0].astype(np.int64)
        columns = dict(zip(fields, table[1:], strict=True))
    else:
        by_column = list(zip(*lines, strict=True))
        time = np.array(by_column[0], dtype=np.int64)
        columns = {
            name: np.array(values, dtype=np.float64 if name in numbers else object)
            for name, values in zip(fields, by_column[1:], strict=True)
        }
    values = {
        name: _typed(column, kinds[name], lines, place)
        for place, (name, column) in enumerate(columns.items(), 1)
    }
    return Arrays(groups, group, time, values)


def _typed(column: Any, kind: Kind, lines: Sequence[Sequence[Any]], place: int) -> Any:
    """A column of the field's type, masked where there is nothing."""
    if column.dtype == object:
        return np.ma.MaskedArray(column, mask=[value is None for value in column])
    missing = np.isnan(column)
    if kind is float:
        return np.ma.MaskedArray(column, mask=missing)
    if (np.abs(column[~missing]) < EXACT).all():
        return np.ma.MaskedArray(np.where(missing, 0, column).astype(np.int64), mask=missing)
    return np.ma.MaskedArray([line[place] or 0 for line in lines], mask=missing, dtype=np.int64)
