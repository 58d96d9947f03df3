"""What became of reports by the time they were sampled: a row a node and five minutes, then hours.

Invariants: a row is changed only in the transaction that changes the accounts, so restarts neither
lose nor repeat a count; rows of five minutes are gathered into hours once they are `FINE_FOR` old,
and hours are dropped after the time that the configuration gives, which bounds the file. `hour` has
the hours of nodes that changed and that the store does not have yet.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

SLOT, HOUR = 300_000, 3_600_000
FINE_FOR = 3 * 24 * HOUR
SCHEMA = """
CREATE TABLE slot (
    width INTEGER, start INTEGER, node TEXT, stored INTEGER, late INTEGER, duplicate INTEGER,
    refused INTEGER, moved INTEGER, covered INTEGER, PRIMARY KEY (width, start, node)
) WITHOUT ROWID;
CREATE TABLE identity (id TEXT);
INSERT INTO identity VALUES (lower(hex(randomblob(4))));
CREATE TABLE hour (start INTEGER, node TEXT, PRIMARY KEY (start, node)) WITHOUT ROWID;
CREATE TABLE given_up (
    start INTEGER, node TEXT, reason TEXT, count INTEGER, PRIMARY KEY (start, node, reason)
) WITHOUT ROWID;
"""
STORED, LATE, DUPLICATE, REFUSED, MOVED, COVERED = range(6)
"""Positions in a row of counts; `COVERED` is ms: the intervals of stored and refused reports."""
NAMES = ("stored", "late", "duplicate", "refused", "moved", "covered")
_ADD = ", ".join(f"{name} = {name} + excluded.{name}" for name in NAMES)
_SUMS = ", ".join(f"sum({name})" for name in NAMES)
PUT = f"""INSERT INTO slot VALUES ({SLOT}, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET {_ADD}"""  # noqa: S608 - constants
PUT_LOST = """INSERT INTO given_up VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count"""
GATHER = f"""INSERT INTO slot SELECT {HOUR}, start / {HOUR} * {HOUR}, node, {", ".join(NAMES)}
    FROM slot WHERE width = {SLOT} AND start < ?
    ON CONFLICT DO UPDATE SET {_ADD}"""  # noqa: S608 - constants
SUM = f"SELECT node, {_SUMS} FROM slot WHERE width = ? AND start >= ? AND start < ? GROUP BY node"  # noqa: S608 - constants
SUM_ONE = f"""WITH RECURSIVE at (t) AS (SELECT ?2 UNION ALL SELECT t + ?1 FROM at WHERE t + ?1 < ?3)
    SELECT node, {_SUMS} FROM at CROSS JOIN slot
    WHERE width = ?1 AND start = t AND start < ?3 AND node = ?4 GROUP BY node"""  # noqa: S608 - constants

Counts = list[int]
Bookings = dict[tuple[int, str], Counts]
"""By start of the slot (ms) and node."""
GivenUp = dict[tuple[int, str, str], int]
"""By start of the hour (ms), node and reason: losses whose seqs are forgotten."""


class Sums(NamedTuple):
    """What the rows of one node in a range come to; `lost` are losses whose seqs are forgotten."""

    counts: Sequence[int]
    lost: dict[str, int]

    def plus(self, other: Sums | None) -> Sums:
        """Both together."""
        if other is None:
            return self
        counts = list(map(sum, zip(self.counts, other.counts, strict=True)))
        return Sums(
            counts, {r: n + other.lost.get(r, 0) for r, n in (other.lost | self.lost).items()}
        )


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of what is done within, or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except sqlite3.Error:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def fine_since(now: int) -> int:
    """From when on (ms) there are five minutes; before it there are hours."""
    return (now - FINE_FOR) // HOUR * HOUR


def widen(start: int, end: int, now: int) -> tuple[int, int]:
    """The smallest range around another one that begins and ends with rows."""
    fine = fine_since(now)
    first = start // SLOT * SLOT if start >= fine else start // HOUR * HOUR
    last = -(-end // SLOT) * SLOT if end > fine else -(-end // HOUR) * HOUR
    return first, last


class Booked(NamedTuple):
    """What a transaction adds."""

    bookings: Bookings
    given_up: GivenUp
    hours: Iterable[tuple[int, str]]


def book(db: sqlite3.Connection, booked: Booked) -> None:
    """Add counts to rows, within the caller's transaction."""
    db.executemany(PUT, [(*key, *counts) for key, counts in booked.bookings.items()])
    db.executemany(PUT_LOST, [(*key, count) for key, count in booked.given_up.items()])
    db.executemany("INSERT OR IGNORE INTO hour VALUES (?, ?)", booked.hours)


def gather(db: sqlite3.Connection, now: int, keep: int) -> None:
    """Turn old five minutes into hours and drop what is older than `keep` ms; one transaction."""
    fine = fine_since(now)
    oldest = (now - keep) // HOUR * HOUR
    with transaction(db):
        db.execute(GATHER, (fine,))
        db.execute("DELETE FROM slot WHERE width = ? AND start < ?", (SLOT, fine))
        db.execute("DELETE FROM slot WHERE width = ? AND start < ?", (HOUR, oldest))
        db.execute("DELETE FROM given_up WHERE start < ?", (oldest,))


def sums(db: sqlite3.Connection, start: int, end: int, node: str | None = None) -> dict[str, Sums]:
    """The sums of `start <= t < end` (ms, on the edges of rows) of each node, or of one."""
    found: dict[str, list[int]] = {}
    for width in (HOUR, SLOT):
        first = -(-start // width) * width
        if node is None:
            rows = db.execute(SUM, (width, start, end))
        else:
            rows = db.execute(SUM_ONE, (width, first, end, node))
        for name, *counts in rows:
            known = found.get(name)
            found[name] = (
                counts if known is None else list(map(sum, zip(known, counts, strict=True)))
            )
    lost: dict[str, dict[str, int]] = {}
    chosen = "SELECT node, reason, sum(count) FROM given_up WHERE start >= ?1 AND start < ?2"
    query = f"{chosen} AND (?3 IS NULL OR node = ?3) GROUP BY node, reason"
    for name, reason, count in db.execute(query, (start, end, node)):
        lost.setdefault(name, {})[reason] = count
    names = found.keys() | lost.keys()
    empty = [0] * len(NAMES)
    return {name: Sums(found.get(name, empty), lost.get(name, {})) for name in names}
