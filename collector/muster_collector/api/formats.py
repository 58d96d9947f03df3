"""Rows as files: CSV, JSON, XLSX and Parquet, in which no name becomes a formula."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from muster_collector.api.columns import Column, Columns, Row, Texts, as_rows, from_rows

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters that make a spreadsheet take a text for a formula (also in full width)."""
CHUNK = 20_000
"""Rows of a CSV that are made at a time; bounds the memory."""
GROUP_ROWS = 32_768
"""Rows of a Parquet file that are held until they are written; bounds the memory."""
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "pandas_analyze_sample": 0,
}
"""One thread holds one group of rows; objects are texts or nothing, there is no type to guess."""
QUOTE = '"'
QUOTED = (QUOTE, ",", "\r", "\n")


def cell(value: Any) -> Any:
    """A value for a spreadsheet: text that looks like a formula gets an apostrophe before it."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value


def _csv(table: Columns) -> bytes:
    """RFC 4180 with a header row; what a row lacks is an empty cell."""
    out = io.BytesIO()
    out.write((",".join(map(_quoted, table.columns)) + "\r\n").encode())
    for first in range(0, len(table), CHUNK):
        some = table.part(first, first + CHUNK)
        lines = map(",".join, zip(*map(_cells, some.columns.values()), strict=True))
        out.write(("\r\n".join(lines) + "\r\n").encode())
    return out.getvalue()


def _cells(column: Column) -> list[str]:
    if isinstance(column, Texts):
        names = [_quoted(cell(name)) for name in column.names]
        return list(map(names.__getitem__, column.code.tolist()))
    made = list(map(cell if column.dtype == bool else repr, column.data.tolist()))
    for row in np.flatnonzero(np.ma.getmaskarray(column)).tolist():
        made[row] = ""
    return made


def _quoted(text: str) -> str:
    if any(character in text for character in QUOTED):
        return '"' + text.replace('"', '""') + '"'
    return text


def _xlsx(table: Columns) -> bytes:
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
        sheet.write_row(0, 0, table.columns, book.add_format({"bold": True}))
        sheet.freeze_panes(1, 0)
        for line, row in enumerate(table.rows(), start=1):
            sheet.write_row(line, 0, [cell(row.get(name)) for name in table.columns])
    return out.getvalue()


def _parquet(table: Columns) -> bytes:
    """Through DuckDB, which takes arrays as they are."""
    import duckdb  # noqa: PLC0415 - only those who ask for Parquet pay for it

    given = {
        f"c{place}": column.objects() if isinstance(column, Texts) else column
        for place, column in enumerate(table.columns.values())
    }
    named = ", ".join(
        f"{name}{'::VARCHAR' if isinstance(column, Texts) else ''} AS {_identifier(title)}"
        for name, (title, column) in zip(given, table.columns.items(), strict=True)
    )
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "rows.parquet")
        with duckdb.connect(":memory:", config=SETTINGS) as database:
            database.register("given", given)
            made = database.sql(f"SELECT {named} FROM given")  # noqa: S608 - names are quoted
            made.write_parquet(str(target), compression="zstd", row_group_size=GROUP_ROWS)
        return target.read_bytes()


def _identifier(title: str) -> str:
    """A name quoted for SQL."""
    return QUOTE + title.replace(QUOTE, 2 * QUOTE) + QUOTE


FILES: Mapping[str, Callable[[Columns], bytes]] = {
    "csv": _csv,
    "parquet": _parquet,
    "xlsx": _xlsx,
}
"""Format to the function that makes a whole file."""


def to_file(form: str, rows: Columns | Sequence[Row], names: Sequence[str]) -> bytes:
    """Rows as a whole file with these columns."""
    if form != "json":
        return FILES[form](rows if isinstance(rows, Columns) else from_rows(rows, names))
    picked = [{name: row.get(name) for name in names} for row in as_rows(rows)]
    return (json.dumps(picked, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8; header=present",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
