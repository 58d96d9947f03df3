"""Rows as files: CSV, JSON, XLSX and Parquet, in which no name becomes a formula."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters that make a spreadsheet take a text for a formula (also in full width)."""


def cell(value: Any) -> Any:
    """A value for a spreadsheet: text that looks like a formula gets an apostrophe before it."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value


def to_csv(rows: Iterable[Row], columns: Sequence[str]) -> str:
    """RFC 4180 with a header row; what a row lacks is an empty cell."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue()


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    return to_csv(rows, columns).encode()


def _json(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    picked = [{column: row.get(column) for column in columns} for row in rows]
    return (json.dumps(picked, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


def _xlsx(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    import xlsxwriter  # noqa: PLC0415 - only those who ask for a workbook pay for it

    out = io.BytesIO()
    # Nothing is guessed: a text stays a text, whatever it begins with.
    settings = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(out, settings) as book:
        sheet = book.add_worksheet("muster")
        sheet.write_row(0, 0, columns, book.add_format({"bold": True}))
        sheet.freeze_panes(1, 0)
        for line, row in enumerate(rows, start=1):
            sheet.write_row(line, 0, [cell(_flat(row.get(column))) for column in columns])
    return out.getvalue()


def _flat(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _parquet(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """Through DuckDB, which reads the rows as JSON lines and finds the types itself."""
    import duckdb  # noqa: PLC0415 - only those who ask for Parquet pay for it

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "rows.json"), Path(folder, "rows.parquet")
        names = {f"c{i}": column for i, column in enumerate(columns)}
        types = {c: _sql_type([row.get(column) for row in rows]) for c, column in names.items()}
        source.write_text(
            "".join(
                json.dumps({c: _flat(row.get(column)) for c, column in names.items()}) + "\n"
                for row in rows
            )
        )
        quoted = ", ".join(
            f'{c} AS "{name.replace(chr(34), chr(34) * 2)}"' for c, name in names.items()
        )
        with duckdb.connect(":memory:") as database:
            read = database.read_json(str(source), format="newline_delimited", columns=types)
            read.project(quoted).write_parquet(str(target), compression="zstd")
        return target.read_bytes()


def _sql_type(values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "BOOLEAN"
    if kinds == {int}:
        return "BIGINT"
    return "DOUBLE" if kinds and kinds <= {int, float} else "VARCHAR"


FILES: Mapping[str, Callable[[Sequence[Row], Sequence[str]], bytes]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
    "xlsx": _xlsx,
}
"""Format to the function that makes a whole file of rows and columns."""
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8; header=present",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
