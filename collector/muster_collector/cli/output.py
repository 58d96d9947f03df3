"""Rows to the format asked for: a table for people, CSV, JSON, Parquet or XLSX for programs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from muster_collector.api.formats import to_file
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
    check(options)
    deliver(_text(rows, columns) if kind == "table" else to_file(kind, rows, columns), options)


def check(options: argparse.Namespace) -> None:
    """Refuse to write what is not text to a terminal."""
    if options.format in BINARY and options.output is None and sys.stdout.isatty():
        raise ConfigError(f"--format {options.format}: name a file with --output, or pipe it on")


def deliver(content: bytes, options: argparse.Namespace) -> None:
    """Write what is made already where the options want it."""
    if options.output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        options.output.write_bytes(content)
    except OSError as error:
        raise MusterError(f"--output {options.output}: {error.strerror}") from error


def shown(value: Any) -> str:
    """A value for people: a dash where there is none, and digits that can be read at a glance."""
    if value is None:
        return "-"
    if isinstance(value, float):
        digits = 2 if abs(value) <= 1 else 1
        return f"{value:.{digits}f}" if abs(value) < 1e6 else f"{value:.4g}"
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
