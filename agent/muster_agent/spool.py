"""Keeps reports in an SQLite file until they are settled, bounded in bytes and age.

Invariants:
- a seq is handed out only in the same transaction that stores its report and counts `next` up, so
  it is never used twice, whatever is killed when (journal in WAL mode, synced at each commit);
- `edges[epoch].oldest <= seq < edges[epoch].next` for every report that can be read;
- what `settle` drops is gone for every reader at once, but leaves the file with the next append:
  forgetting an ack costs a question, not a report, and one commit an interval is enough;
- the newest body is also in memory, because it is sent at once; `_newest` is never another's;
- whatever is given up is in `lost` until it is settled, and nothing else is; an epoch that has
  ended is forgotten when neither a report nor a loss is left to tell;
- a report that is told against another one can be made whole as long as it is here (`bases`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple

from muster_agent.bases import OVERHEAD, Base, Bases
from muster_agent.schema import prepare
from muster_wire.messages import Lost

MOVE = (
    "UPDATE report SET epoch = :new, seq = seq - :first WHERE epoch = :old AND seq >= :first",
    (
        "UPDATE lost SET epoch = :new, first = first - :first, last = last - :first"
        " WHERE epoch = :old AND first >= :first"
    ),
)
JOURNAL = 100
"""Pages after which the journal begins anew: while it grows, each sync costs the disk more."""
SOME = 64
"""Rows that are looked at together when making room."""
FULL, AGE, GONE = "spool full", "age", "not in spool"
"""Reasons for giving a report up."""


class Edges(NamedTuple):
    """The oldest seq of an epoch that is not settled, and the one that its next report will get."""

    oldest: int
    next: int


class Spool:
    """One file of reports; ":memory:" keeps them in memory. Raises sqlite3's exceptions."""

    def __init__(self, path: str, *, max_bytes: int, max_age: float) -> None:
        self.max_bytes = max_bytes
        self.max_age_ms = int(max_age * 1000)
        self.db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
        try:
            self._open()
        except sqlite3.Error:
            self.db.close()
            raise

    def _open(self) -> None:
        prepare(self.db)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("PRAGMA cache_size = -256")
        self.db.execute(f"PRAGMA wal_autocheckpoint = {JOURNAL}")
        if (verdict := self._one("PRAGMA quick_check(1)")) != "ok":
            raise sqlite3.DatabaseError(str(verdict))
        self.edges: dict[int, Edges] = {}
        self.lost: dict[int, list[Lost]] = {}
        self._settled: dict[int, int] = {}
        self._newest: tuple[int, int, bytes] | None = None
        for epoch, end in self.db.execute("SELECT epoch, next FROM epoch ORDER BY place"):
            first = self._one("SELECT min(seq) FROM report WHERE epoch = ?", epoch)
            self.edges[epoch] = Edges(end if first is None else first, end)
            self.lost[epoch] = []
        for epoch, *row in self.db.execute("SELECT * FROM lost ORDER BY first"):
            self.lost[epoch].append(Lost(*row))
        self._told = any(self.lost.values())
        self.bytes = int(self._one("SELECT total(length(body) + ?) FROM report", OVERHEAD))
        self.bases = Bases(self.db)

    def close(self) -> None:
        """Write what is settled, and close the file."""
        try:
            self._transaction(self._sweep)
        finally:
            self.db.close()

    @property
    def epoch(self) -> int | None:
        """The newest epoch; None before the first."""
        return next(reversed(self.edges), None)

    @property
    def depth(self) -> int:
        """Reports that are not settled."""
        return sum(end - oldest for oldest, end in self.edges.values())

    def begin(self, epoch: int) -> None:
        """Start a new epoch."""
        self._transaction(
            lambda: self.db.execute("INSERT INTO epoch (epoch, next) VALUES (?, 0)", (epoch,))
        )
        self.edges[epoch] = Edges(0, 0)
        self.lost[epoch] = []

    def split(self, first: int, new: int) -> None:
        """Begin epoch `new` with the unsettled reports of the newest epoch from seq `first` on."""
        old = self.epoch
        if old is None:
            raise ValueError("a spool needs an epoch first")
        oldest, end = self.edges[old]
        first = max(first, oldest)

        def work() -> None:
            self._newest = None
            self.bases.split(old, first, new)
            self.db.execute("INSERT INTO epoch (epoch, next) VALUES (?, ?)", (new, end - first))
            self.db.execute("UPDATE epoch SET next = ? WHERE epoch = ?", (first, old))
            for move in MOVE:
                self.db.execute(move, {"old": old, "new": new, "first": first})

        self._transaction(work)
        self.edges[old] = Edges(oldest, first)
        self.edges[new] = Edges(0, end - first)
        told = self.lost[old]
        self.lost[old] = [r for r in told if r.first < first]
        self.lost[new] = [
            Lost(r.first - first, r.last - first, r.reason) for r in told if r.first >= first
        ]

    def append(
        self,
        ts: int,
        body: bytes,
        epoch: int | None = None,
        *,
        now: int | None = None,
        base: Base | None = None,
    ) -> tuple[int, int]:
        """Store the next report of an epoch, the newest by default, sampled at `ts` (ms).

        With a `base` the body is the message that is told against it, else it is in full. Returns
        epoch and seq once they are safe on disk; gives up the oldest reports when there are too
        many bytes, and those that are too old at `now` (`ts` by default).
        """
        epoch = self.epoch if epoch is None else epoch
        if epoch is None:
            raise ValueError("a spool needs an epoch first")
        seq = self.edges[epoch].next

        def work() -> None:
            self._sweep()
            self._bound(ts if now is None else now, len(body) + OVERHEAD)
            row = (epoch, seq, ts, body, self.bases.row(base, epoch, seq))
            self.db.execute("INSERT INTO report VALUES (?, ?, ?, ?, ?)", row)
            self.db.execute("UPDATE epoch SET next = ? WHERE epoch = ?", (seq + 1, epoch))
            self.bytes += len(body) + OVERHEAD
            self.edges[epoch] = Edges(self.edges[epoch].oldest, seq + 1)

        self._transaction(work)
        self._settled.clear()
        self._newest = None if base else (epoch, seq, body)
        return epoch, seq

    def body(self, epoch: int, seq: int) -> bytes | None:
        """A report in full; None when it is not there (any more).

        Raises `BrokenReportError` when it cannot be made whole.
        """
        edges = self.edges.get(epoch)
        if edges is None or not edges.oldest <= seq < edges.next:
            return None
        if self._newest is not None and self._newest[:2] == (epoch, seq):
            return self._newest[2]
        query = "SELECT body, base FROM report WHERE epoch = ? AND seq = ?"
        found = self.db.execute(query, (epoch, seq)).fetchone()
        if found is None or found[1] is None:
            return found and bytes(found[0])
        return self.bases.whole(*found)

    def newest_ts(self) -> int | None:
        """When the newest report was sampled (ms); None when there is none."""
        for epoch, (oldest, end) in reversed(self.edges.items()):
            if oldest < end:
                query = "SELECT ts FROM report WHERE epoch = ? ORDER BY seq DESC LIMIT 1"
                found = self._one(query, epoch)
                return None if found is None else int(found)
        return None

    def oldest_ts(self) -> int | None:
        """When the oldest unsettled report was sampled (ms); None when there is none."""
        for epoch, (oldest, end) in self.edges.items():
            if oldest < end:
                query = "SELECT ts FROM report WHERE epoch = ? AND seq >= ? ORDER BY seq LIMIT 1"
                found = self._one(query, epoch, oldest)
                return None if found is None else int(found)
        return None

    def settle(self, epoch: int, through: int) -> None:
        """Forget all reports of an epoch up to and including `through`."""
        oldest, end = self.edges[epoch]
        self._settled[epoch] = max(through, self._settled.get(epoch, -1))
        self.edges[epoch] = Edges(min(max(oldest, through + 1), end), end)
        self.lost[epoch] = [r for r in self.lost[epoch] if r.last > through]

    def drop(self, epoch: int, seq: int) -> None:
        """Forget one report that was refused for good; its seq is the centre's to settle."""
        self._transaction(lambda: self._delete(epoch, seq, seq))

    def give_up(self, epoch: int, first: int, last: int, reason: str) -> None:
        """Record that first..last cannot be had from this node, joining what is recorded."""
        self._transaction(lambda: self._lose(epoch, first, last, reason))

    def adopt(self, other: Spool) -> None:
        """Take over all epochs of another spool, as the newest ones."""

        def work() -> None:
            rows = self.bases.adopt(other.bases)
            for epoch, (_, end) in other.edges.items():
                self.db.execute("INSERT INTO epoch (epoch, next) VALUES (?, ?)", (epoch, end))
                query = "SELECT * FROM report WHERE epoch = ?"
                for *row, base in other.db.execute(query, (epoch,)):
                    insert = "INSERT INTO report VALUES (?, ?, ?, ?, ?)"
                    self.db.execute(insert, (*row, rows.get(base)))
                for r in other.lost[epoch]:
                    self._insert_lost(epoch, r)

        self._transaction(work)
        self.edges |= other.edges
        self.lost |= other.lost
        self.bytes += other.bytes

    def _transaction(self, work: Callable[[], object]) -> None:
        """Run `work`, all or nothing: on disk, and in what we remember."""
        before = (dict(self.edges), {e: list(rs) for e, rs in self.lost.items()}, self.bytes)
        bases = self.bases.state()
        try:
            self.db.execute("BEGIN IMMEDIATE")
            work()
            self.db.execute("COMMIT")
        except BaseException:
            self.edges, self.lost, self.bytes = before
            self.bases.back_to(bases)
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def _sweep(self) -> None:
        """Delete what is settled, and epochs that have ended and have nothing to tell."""
        for epoch, through in self._settled.items():
            self._delete(epoch, 0, through)
            if self._told:
                self.db.execute("DELETE FROM lost WHERE epoch = ? AND last <= ?", (epoch, through))
        for epoch, (oldest, end) in list(self.edges.items()):
            if oldest == end and epoch != self.epoch and not self.lost[epoch]:
                self.db.execute("DELETE FROM epoch WHERE epoch = ?", (epoch,))
                del self.edges[epoch], self.lost[epoch]
        self.bases.release(self.edges)

    def _bound(self, now: int, more: int) -> None:
        """Give up what is too old, and the oldest for as long as there is too much."""
        young = now - self.max_age_ms
        for epoch, (oldest, end) in list(self.edges.items()):
            if oldest < end and self._oldest_row_ts(epoch, oldest) < young:
                query = "SELECT min(seq) FROM report WHERE epoch = ? AND seq >= ? AND ts >= ?"
                first = self._one(query, epoch, oldest, young)
                self._forget(epoch, (end if first is None else first) - 1, AGE)
        while (excess := self.bytes + self.bases.bytes + more - self.max_bytes) > 0 and self.depth:
            epoch = next(e for e, (oldest, end) in self.edges.items() if oldest < end)
            self._forget(epoch, self._enough(epoch, excess), FULL)
            self.bases.release(self.edges)

    def _oldest_row_ts(self, epoch: int, oldest: int) -> int:
        query = "SELECT ts FROM report WHERE epoch = ? AND seq >= ? ORDER BY seq LIMIT 1"
        found = self._one(query, epoch, oldest)
        return 1 << 62 if found is None else int(found)

    def _enough(self, epoch: int, excess: int) -> int:
        """The seq up to which deleting frees `excess` bytes, or as far as we look at once."""
        oldest, end = self.edges[epoch]
        query = (
            "SELECT seq, length(body) FROM report WHERE epoch = ? AND seq >= ? ORDER BY seq LIMIT ?"
        )
        last = end - 1
        for last, size in self.db.execute(query, (epoch, oldest, SOME)):  # noqa: B007 - is used
            excess -= size + OVERHEAD
            if excess <= 0:
                break
        return int(last)

    def _forget(self, epoch: int, last: int, reason: str) -> None:
        """Give up the reports of an epoch up to `last`."""
        oldest, end = self.edges[epoch]
        self._lose(epoch, oldest, last, reason)
        self._delete(epoch, oldest, last)
        self.edges[epoch] = Edges(last + 1, end)

    def _delete(self, epoch: int, first: int, last: int) -> None:
        self._newest = None
        size = "SELECT total(length(body) + ?) FROM report WHERE epoch = ? AND seq BETWEEN ? AND ?"
        self.bytes -= int(self._one(size, OVERHEAD, epoch, first, last))
        delete = "DELETE FROM report WHERE epoch = ? AND seq BETWEEN ? AND ?"
        self.db.execute(delete, (epoch, first, last))

    def _lose(self, epoch: int, first: int, last: int, reason: str) -> None:
        known = self.lost[epoch]
        if known and known[-1].reason == reason and known[-1].last + 1 == first:
            new = Lost(known[-1].first, last, reason)
            self.db.execute(
                "DELETE FROM lost WHERE epoch = ? AND first = ?", (epoch, known.pop().first)
            )
        else:
            new = Lost(first, last, reason)
        self._insert_lost(epoch, new)
        known.append(new)

    def _insert_lost(self, epoch: int, r: Lost) -> None:
        self._told = True
        row = (epoch, r.first, r.last, r.reason)
        self.db.execute("INSERT INTO lost VALUES (?, ?, ?, ?)", row)

    def _one(self, query: str, *values: int) -> Any:
        """The single value that a query gives."""
        row = self.db.execute(query, values).fetchone()
        return None if row is None else row[0]
