"""Rows to the format asked for: a table for people, CSV, JSON, Parquet or XLSX for programs."""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from muster_collector.api.formats import cell, to_csv
from muster_collector.errors import ConfigError, MusterError

Row = dict[str, Any]
FORMATS = ("table", "csv", "json", "parquet", "xlsx")
BINARY = ("parquet", "xlsx")


def add_options(parser: argparse.ArgumentParser, formats: Sequence[str] = FORMATS) -> None:
    """Declare format and destination."""
    parser.add_argument("--format", choices=formats, default="table")
    parser.add_argument("--output", type=Path, metavar="FILE", help="instead of standard output")


def write(rows: Sequence[Row], columns: Sequence[str], options: argparse.Namespace) -> None:
    """Write rows of a fixed list of columns; binary formats never go to a terminal."""
    kind: str = options.format
    if kind == "table" and options.output is None:
        _table(rows, columns)
        return
    if kind in BINARY and options.output is None and sys.stdout.isatty():
        raise ConfigError(f"--format {kind}: name a file with --output, or pipe it on")
    makers = {"table": _text, "csv": _csv, "json": _json, "parquet": _parquet, "xlsx": _xlsx}
    content = makers[kind](rows, columns)
    if options.output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        options.output.write_bytes(content)
    except OSError as error:
        raise MusterError(f"--output {options.output}: {error.strerror}") from error


def shown(value: Any) -> str:
    """A value for people: a dash where there is none, numbers with one digit after the point."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) < 1e6 else f"{value:.4g}"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    # Names come from anywhere: nothing in them may steer the terminal.
    return "".join(c if c.isprintable() else "�" for c in text)


def _table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    if not sys.stdout.isatty():
        sys.stdout.write(_text(rows, columns).decode())
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        numeric = any(isinstance(row.get(column), int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(row.get(column))) for column in columns))
    Console().print(table)


def _text(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """Tab-separated, as `cut` and `awk` like it."""
    lines = ["\t".join(columns)]
    lines += ["\t".join(shown(row.get(column)) for column in columns) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    return to_csv(rows, columns).encode()


def _json(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    picked = [{column: row.get(column) for column in columns} for row in rows]
    return (json.dumps(picked, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


def _xlsx(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    import xlsxwriter

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
    import duckdb

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
