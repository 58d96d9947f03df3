"""Looks into the quarantine of a data directory; a running collector may own it meanwhile."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from muster_collector.errors import MusterError
from muster_collector.ledger.file import FILE_NAME

COLUMNS = ("id", "time", "topic", "node", "reason", "detail", "content_type", "size")
Row = dict[str, Any]


def listing(directory: Path, *, node: str | None, reason: str | None, limit: int) -> list[Row]:
    """Refused messages, newest first, without their bytes; time in ms."""
    found = _ask(
        directory,
        f"SELECT {', '.join(COLUMNS)} FROM quarantine"  # noqa: S608 - constants
        " WHERE (?1 IS NULL OR node = ?1) AND (?2 IS NULL OR reason = ?2)"
        " ORDER BY id DESC LIMIT ?3",
        (node, reason, limit),
    )
    return [dict(zip(COLUMNS, row, strict=True)) for row in found]


def one(directory: Path, number: int) -> Row | None:
    """One refused message with its bytes (`payload`)."""
    columns = (*COLUMNS, "payload")
    query = f"SELECT {', '.join(columns)} FROM quarantine WHERE id = ?"  # noqa: S608 - constants
    found = _ask(directory, query, (number,))
    return dict(zip(columns, found[0], strict=True)) if found else None


def _ask(directory: Path, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    path = directory / FILE_NAME
    if not path.exists():
        raise MusterError(f"{path}: no such file; is [collector] data right?")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return db.execute(query, values).fetchall()
    except sqlite3.Error as error:
        raise MusterError(f"{path}: {error}") from error
