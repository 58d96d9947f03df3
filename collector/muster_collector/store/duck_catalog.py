"""What the embedded store's file holds: a wide table per measurement, its fields, its series.

Names from nodes never become SQL names: tables are m0, m1, ... and columns f0, f1, ..., so no name
needs escaping and fields that differ only in case stay apart.

Invariants: the catalogue in memory equals the one in the file between transactions; a field's type
and a series' number never change; `readable` holds only what is committed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import duckdb

from muster_collector.store.base import Value
from muster_collector.store.faults import Tags, canonical
from muster_collector.store.tables import Kind

SQL_TYPES: Final[Mapping[Kind, str]] = {
    float: "DOUBLE",
    int: "BIGINT",
    bool: "BOOLEAN",
    str: "VARCHAR",
}
KIND_NAMES: Final[Mapping[Kind, str]] = {
    float: "float",
    int: "integer",
    bool: "boolean",
    str: "string",
}
_KINDS: Final[Mapping[str, Kind]] = {name: kind for kind, name in KIND_NAMES.items()}
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS muster_fields
    (measurement VARCHAR, field VARCHAR, kind VARCHAR, tab INTEGER, col INTEGER);
CREATE TABLE IF NOT EXISTS muster_series (id INTEGER, measurement VARCHAR, tags VARCHAR);
"""


class Field(NamedTuple):
    """Where a field's values are, and their type."""

    column: str
    kind: Kind


@dataclass(slots=True)
class Measurement:
    """One measurement: its table, its fields, its series, and each series' newest time (ms)."""

    name: str
    number: int
    fields: dict[str, Field] = field(default_factory=dict)
    readable: dict[str, Field] = field(default_factory=dict)
    series: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    newest: dict[int, int] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """The SQL name."""
        return f"m{self.number}"


class Catalog:
    """All measurements; changes are noted here first and reach the file with `save`."""

    def __init__(self) -> None:
        self.measurements: dict[str, Measurement] = {}
        self.series: dict[tuple[str, Tags], tuple[int, Measurement]] = {}
        self._new_fields: list[tuple[Measurement, str, Field]] = []
        self._new_series: list[tuple[int, str, str]] = []
        self._next_series = 0

    def load(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Read what the file holds into a catalogue that is still empty."""
        connection.execute(_SCHEMA)
        for name, key, kind, table, column in connection.execute(
            "SELECT measurement, field, kind, tab, col FROM muster_fields ORDER BY tab, col"
        ).fetchall():
            measurement = self.measurements.setdefault(name, Measurement(name, table))
            measurement.fields[key] = Field(f"f{column}", _KINDS[kind])
        for number, name, tags in connection.execute(
            "SELECT id, measurement, tags FROM muster_series ORDER BY id"
        ).fetchall():
            self._remember(number, self.measurements[name], tuple(map(tuple, json.loads(tags))))
        for measurement in self.measurements.values():
            measurement.readable = dict(measurement.fields)
            newest = f"SELECT series, max(time) FROM {measurement.table} GROUP BY series"  # noqa: S608  # a number
            measurement.newest.update(connection.execute(newest).fetchall())

    def _remember(
        self, number: int, measurement: Measurement, tags: Tags
    ) -> tuple[int, Measurement]:
        found = self.series[measurement.name, tags] = (number, measurement)
        measurement.series.append((number, dict(tags)))
        self._next_series = max(self._next_series, number + 1)
        return found

    def place(self, name: str, tags: Tags) -> tuple[int, Measurement]:
        """The number and measurement of a series, new or known."""
        known = canonical(tags)
        if found := self.series.get((name, known)):
            if known != tags:
                self.series[name, tags] = found
            return found
        number = self._next_series
        self._new_series.append((number, name, json.dumps(known)))
        return self._remember(number, self.measurement(name), known)

    def measurement(self, name: str) -> Measurement:
        """A measurement, new or known."""
        if name not in self.measurements:
            self.measurements[name] = Measurement(name, len(self.measurements))
        return self.measurements[name]

    def add_field(self, measurement: Measurement, key: str, value: Value) -> None:
        """Note a new field with the type of its first value."""
        added = Field(f"f{len(measurement.fields)}", type(value))
        measurement.fields[key] = added
        self._new_fields.append((measurement, key, added))

    def save(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Bring what is new into the file, within the caller's transaction."""
        for measurement, key, added in self._new_fields:
            for statement in _definitions(measurement, added):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO muster_fields VALUES (?, ?, ?, ?, ?)",
                [
                    measurement.name,
                    key,
                    KIND_NAMES[added.kind],
                    measurement.number,
                    added.column[1:],
                ],
            )
        if self._new_series:
            appender = connection.appender("muster_series")
            appender.append_rows(self._new_series)
            appender.flush()

    def saved(self) -> None:
        """The transaction is committed: what was new can be read."""
        for measurement, _, _ in self._new_fields:
            measurement.readable = dict(measurement.fields)
        self._new_fields.clear()
        self._new_series.clear()


def _definitions(measurement: Measurement, added: Field) -> Iterator[str]:
    yield f"CREATE TABLE IF NOT EXISTS {measurement.table} (series INTEGER, time BIGINT)"
    yield f"ALTER TABLE {measurement.table} ADD COLUMN {added.column} {SQL_TYPES[added.kind]}"
