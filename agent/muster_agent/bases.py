"""Keeps the reports that others in the spool are told against, while there are such others.

Invariants: a base comes into the file in the same transaction as the first that is told against it,
at the latest; it leaves when all of those are settled or given up, whatever has become of the base
as a report of its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from muster_agent.body import whole
from muster_agent.together import Key

OVERHEAD = 32
"""Bytes that a row costs beside its body."""

State = tuple[dict[int, dict[int, int]], int]


class Base(NamedTuple):
    """A report that others are told against, in full."""

    key: Key
    body: bytes


class BrokenReportError(Exception):
    """A report cannot be made whole: what is stored of it, `body`, and of its `base`."""

    def __init__(self, why: str, body: bytes, base: bytes) -> None:
        super().__init__(why)
        self.body = body
        self.base = base


class Bases:
    """The table of them, of which `bytes` are in use. Raises sqlite3's exceptions."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._newest: tuple[Key, int] | None = None
        sizes = dict(db.execute("SELECT id, length(body) FROM base"))
        self.bytes = sum(sizes.values()) + OVERHEAD * len(sizes)
        # Row to epoch to the last seq that may need it.
        self._users: dict[int, dict[int, int]] = {row: {} for row in sizes}
        query = "SELECT base, epoch, max(seq) FROM report WHERE base IS NOT NULL GROUP BY 1, 2"
        for row, epoch, last in db.execute(query):
            self._users.setdefault(row, {})[epoch] = last

    def state(self) -> State:
        """What `back_to` goes back to when a transaction fails."""
        return dict(self._users), self.bytes

    def back_to(self, state: State) -> None:
        """Remember nothing that did not come into the file."""
        self._users, self.bytes = state
        self._newest = None

    def row(self, base: Base | None, epoch: int, seq: int) -> int | None:
        """The row of what a new report is told against, made if need be; None for nothing."""
        if base is None:
            return None
        if self._newest is None or self._newest[0] != base.key:
            self._newest = (base.key, self._insert(base.body))
        row = self._newest[1]
        self._users[row] = {**self._users[row], epoch: seq}
        return row

    def whole(self, message: bytes, row: int) -> bytes:
        """A report in full that was told against the base of a row."""
        found = self.db.execute("SELECT body FROM base WHERE id = ?", (row,)).fetchone()
        base = found[0] if found else b""
        try:
            return whole(message, base)
        except ValueError as error:
            raise BrokenReportError(str(error), message, base) from error

    def release(self, edges: Mapping[int, tuple[int, int]]) -> None:
        """Forget what no unsettled report needs, but the newest, which the next one will."""
        if len(self._users) < 2:
            return
        newest = self._newest[1] if self._newest else None
        for row, users in list(self._users.items()):
            needed = any(e in edges and edges[e][0] <= last for e, last in users.items())
            if not needed and row != newest:
                ((size,),) = self.db.execute("SELECT length(body) FROM base WHERE id = ?", (row,))
                self.db.execute("DELETE FROM base WHERE id = ?", (row,))
                self.bytes -= size + OVERHEAD
                del self._users[row]

    def split(self, old: int, first: int, new: int) -> None:
        """Reports of an epoch, from a seq on, are those of a new one from 0 on."""
        for row, users in self._users.items():
            if users.get(old, -1) >= first:
                self._users[row] = {**users, old: first - 1, new: users[old] - first}
        self._newest = None

    def adopt(self, other: Bases) -> dict[int, int]:
        """Take over another spool's; what their rows are here."""
        rows: dict[int, int] = {}
        for row, body in other.db.execute("SELECT id, body FROM base"):
            rows[row] = self._insert(body)
            self._users[rows[row]] = other._users[row]
        return rows

    def _insert(self, body: bytes) -> int:
        row = self.db.execute("INSERT INTO base (body) VALUES (?)", (body,)).lastrowid or 0
        self._users[row] = {}
        self.bytes += len(body) + OVERHEAD
        return row
