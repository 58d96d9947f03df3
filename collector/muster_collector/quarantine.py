"""Looks into the quarantine of a data directory; a running collector may own it meanwhile."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from muster_collector.errors import MusterError
from muster_collector.ledger.file import FILE_NAME

COLUMNS = ("id", "time", "topic", "node", "reason", "detail", "content_type", "size")
Row = dict[str, Any]


class Kept(NamedTuple):
    """A record with its bytes, of which `size` were sent; time in ms."""

    id: int
    time: int
    topic: str
    node: str
    reason: str
    detail: str
    content_type: str
    size: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which records: those of whom all that is given holds; times in ms, `topic` its beginning."""

    ids: tuple[int, ...] = ()
    node: str | None = None
    reason: str | None = None
    topic: str | None = None
    since: int | None = None
    after: int = 0
    """Only ids above this one."""
    limit: int = 1000


def listing(directory: Path, chosen: Chosen) -> list[Row]:
    """Refused messages, newest first, without their bytes; time in ms."""
    found = _select(directory, COLUMNS, chosen, "DESC")
    return [dict(zip(COLUMNS, row, strict=True)) for row in found]


def chosen(directory: Path, wanted: Chosen) -> list[Kept]:
    """Refused messages with their bytes, oldest first."""
    return [Kept(*row) for row in _select(directory, Kept._fields, wanted, "ASC")]


def one(directory: Path, number: int) -> Row | None:
    """One refused message with its bytes (`payload`)."""
    found = chosen(directory, Chosen(ids=(number,)))
    return found[0]._asdict() if found else None


def _select(
    directory: Path, columns: tuple[str, ...], wanted: Chosen, order: str
) -> list[tuple[Any, ...]]:
    conditions: dict[str, Any] = {
        "id > ?": wanted.after,
        "node = ?": wanted.node,
        "reason = ?": wanted.reason,
        "time >= ?": wanted.since,
        "substr(topic, 1, length(?)) = ?": wanted.topic,
    }
    given = {text: value for text, value in conditions.items() if value is not None}
    where = " AND ".join(given)
    values = [value for text, value in given.items() for _ in range(text.count("?"))]
    if wanted.ids:
        where += f" AND id IN ({', '.join('?' * len(wanted.ids))})"
        values += wanted.ids
    query = f"SELECT {', '.join(columns)} FROM quarantine WHERE {where} ORDER BY id {order} LIMIT ?"  # noqa: S608 - constants
    return _ask(directory, query, (*values, wanted.limit))


def _ask(directory: Path, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    path = directory / FILE_NAME
    if not path.exists():
        raise MusterError(f"{path}: no such file; is [collector] data right?")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return db.execute(query, values).fetchall()
    except sqlite3.Error as error:
        raise MusterError(f"{path}: {error}") from error
