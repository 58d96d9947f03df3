"""A batch of points into the embedded store's tables: fast for what is new, merged for the rest.

A point newer than everything its series has cannot be there yet: it is appended. Anything else may
overwrite, so it is merged by series and time, field by field, as InfluxDB does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb

from muster_collector.store.base import Point, RefusedPoint, Value
from muster_collector.store.duck_catalog import KIND_NAMES, Catalog
from muster_collector.store.faults import (
    TIMES,
    fault,
    fields_fault,
    series_fault,
    surely_in_range,
)
from muster_collector.store.tables import Kind

KEPT: Final = 100_000
"""Plans kept; beyond, the cache begins anew."""

Shape = tuple[str, tuple[str, ...], tuple[type, ...]]
Row = tuple[Any, ...]
Late = dict[tuple[int, int], dict[str, Value]]
"""By series and time: column to value."""


@dataclass(slots=True)
class Plan:
    """Where points of one shape go, or why they are refused; and the rows of the batch at hand."""

    table: str = ""
    columns: tuple[str, ...] = ()
    refused: str | None = None
    has_text: bool = False
    new: list[Row] = field(default_factory=list)


class BatchWriter:
    """Sorts points into plans and writes those; its caches live as long as the catalogue.

    After an error the catalogue must be loaded anew and this object made anew.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._plans: dict[Shape, Plan] = {}

    def write(
        self, connection: duckdb.DuckDBPyConnection, points: Sequence[Point]
    ) -> list[RefusedPoint]:
        """Store a batch in one transaction; duckdb.Error when nothing of it is stored."""
        refused: list[RefusedPoint] = []
        used: dict[int, Plan] = {}
        late: dict[str, Late] = {}
        known = self._catalog.series
        for position, point in enumerate(points):
            name, tags, fields, time = point
            values = tuple(fields.values())
            shape = (name, tuple(fields), tuple(map(type, values)))
            plan = self._plans.get(shape) or self._plan(shape, point)
            found = known.get((name, tags))
            if reason := plan.refused or _fault(point, values, plan, new_series=found is None):
                refused.append(RefusedPoint(position, reason))
                continue
            series, measurement = found or self._catalog.place(name, tags)
            if time > measurement.newest.get(series, TIMES.start - 1):
                measurement.newest[series] = time
                plan.new.append((series, time, *values))
                used[id(plan)] = plan
            else:
                row = late.setdefault(measurement.table, {}).setdefault((series, time), {})
                row.update(zip(plan.columns, values, strict=True))
        self._store(connection, list(used.values()), late)
        return refused

    def _plan(self, shape: Shape, point: Point) -> Plan:
        if wrong := fault(point):
            # The point is at fault, not its shape: nothing to remember.
            return Plan(refused=wrong)
        if len(self._plans) >= KEPT:
            self._plans.clear()
        plan = self._plans[shape] = self._new_plan(point)
        return plan

    def _new_plan(self, point: Point) -> Plan:
        measurement = self._catalog.measurement(point.measurement)
        for key, value in point.fields.items():
            if (known := measurement.fields.get(key)) and known.kind is not type(value):
                return Plan(refused=_conflict(point.measurement, key, type(value), known.kind))
        for key, value in point.fields.items():
            if key not in measurement.fields:
                self._catalog.add_field(measurement, key, value)
        columns = tuple(measurement.fields[key].column for key in point.fields)
        return Plan(measurement.table, columns, None, str in map(type, point.fields.values()))

    def _store(
        self, connection: duckdb.DuckDBPyConnection, plans: list[Plan], late: dict[str, Late]
    ) -> None:
        connection.begin()
        self._catalog.save(connection)
        for plan in plans:
            _append(connection, plan)
        for table, rows in late.items():
            _merge(connection, table, rows)
        connection.commit()
        self._catalog.saved()
        for plan in plans:
            plan.new.clear()


def _fault(point: Point, values: tuple[Value, ...], plan: Plan, *, new_series: bool) -> str | None:
    """What is wrong with this point, once its shape is known to be right."""
    if point.time not in TIMES:
        return fault(point)
    if new_series and (wrong := series_fault(point.measurement, point.tags)):
        return wrong
    if plan.has_text or not surely_in_range(values):
        return fields_fault(point.fields)
    return None


def _append(connection: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    appender = connection.appender(plan.table, columns=["series", "time", *plan.columns])
    appender.append_rows(plan.new)
    appender.flush()


def _merge(connection: duckdb.DuckDBPyConnection, table: str, rows: Late) -> None:
    """Overwrite or insert, one statement for all rows that bring the same columns."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for (series, time), row in rows.items():
        columns = tuple(sorted(row))
        groups.setdefault(columns, []).append((series, time, *(row[name] for name in columns)))
    for columns, some in groups.items():
        names = ", ".join(("series", "time", *columns))
        updates = ", ".join(f"{name} = late.{name}" for name in columns)
        values = ", ".join(f"late.{name}" for name in ("series", "time", *columns))
        # Tables and columns have names of our own making.
        like = f"SELECT {names} FROM {table} LIMIT 0"  # noqa: S608
        connection.execute(f"CREATE OR REPLACE TEMP TABLE late AS {like}")
        appender = connection.appender("late")
        appender.append_rows(some)
        appender.flush()
        connection.execute(
            f"MERGE INTO {table} AS kept USING late "  # noqa: S608
            "ON kept.series = late.series AND kept.time = late.time "
            f"WHEN MATCHED THEN UPDATE SET {updates} "
            f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
        )


def _conflict(measurement: str, key: str, kind: Kind, known: Kind) -> str:
    """InfluxDB's words for it, so that a reason reads the same from either store."""
    return (
        f'field type conflict: input field "{key}" on measurement "{measurement}" is type '
        f"{KIND_NAMES[kind]}, already exists as type {KIND_NAMES[known]}"
    )
