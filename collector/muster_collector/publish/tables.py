"""Rows as CSV and Parquet whose bytes depend on the rows alone (and on DuckDB's version)."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from muster_collector.api import formats
from muster_collector.publish.dictionary import Column, Resource
from muster_collector.publish.source import Row

DIGITS = 6
"""Digits after the point: far below what any score means, above the noise of another machine."""
SQL = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "date": "DATE"}


def ordered(resource: Resource, rows: Iterable[Row]) -> list[Row]:
    """Rows with exactly the columns of a resource, in the order of its key, numbers rounded."""
    plain = [{c.name: _plain(c, row.get(c.name)) for c in resource.columns} for row in rows]
    return sorted(plain, key=lambda row: tuple(str(row[name]) for name in resource.key))


def _plain(column: Column, value: Any) -> Any:
    if value is None or value == "":
        return None
    if column.kind == "number":
        # Adding zero makes -0.0 plain.
        return round(float(value), DIGITS) + 0.0
    if column.kind == "date" and isinstance(value, dt.date):
        return value.isoformat()
    return int(value) if column.kind == "integer" else str(value)


def to_csv(resource: Resource, rows: Sequence[Row]) -> bytes:
    """RFC 4180, UTF-8; numbers with a fixed number of digits; no text becomes a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(column.name for column in resource.columns)
    for row in rows:
        writer.writerow(_cell(column, row[column.name]) for column in resource.columns)
    return out.getvalue().encode()


def _cell(column: Column, value: Any) -> Any:
    """A number's minus sign makes no formula; a text's might."""
    if column.kind == "number" and value is not None:
        return f"{value:.{DIGITS}f}"
    return formats.cell(value)


def to_parquet(resource: Resource, rows: Sequence[Row]) -> bytes:
    """Through DuckDB with one thread, so that rows and row groups keep their order."""
    import duckdb  # noqa: PLC0415 - only those who publish pay for it

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "rows.json"), Path(folder, "rows.parquet")
        source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        types = {column.name: SQL[column.kind] for column in resource.columns}
        with duckdb.connect(":memory:", config={"threads": 1}) as database:
            read = database.read_json(str(source), format="newline_delimited", columns=types)
            read.write_parquet(str(target), compression="zstd")
        return target.read_bytes()


def read_parquet(path: Path) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
    """Names with types, and rows; `duckdb.Error` for what is no Parquet file."""
    import duckdb  # noqa: PLC0415 - only those who publish pay for it

    with duckdb.connect(":memory:", config={"threads": 1}) as database:
        read = database.read_parquet(str(path))
        columns = list(zip(read.columns, (str(kind) for kind in read.types), strict=True))
        return columns, read.fetchall()
