"""The ledger's file: SQLite with nodes, accounts and the quarantine, one transaction a batch.

Invariants: one process owns it (a lock on the data directory, see `owner`); what a transaction says
was in the store before, so the file never claims more than the store holds; a transaction is on
the disk when `commit` returns (WAL, synchronous FULL), since the node forgets a report after the
ack, and a ledger that forgot in a power cut would call it lost.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from muster_collector.errors import ConfigError, MusterError
from muster_collector.ledger import slots
from muster_collector.ledger.account import Account, Era
from muster_collector.ledger.marks import Marks
from muster_collector.ledger.nodes import Ledger, Node
from muster_wire import topics
from muster_wire.ranges import Ranges

FILE_NAME = "ledger.db"
SCHEMA = """
CREATE TABLE node (
    node TEXT PRIMARY KEY, site TEXT, first_seen INTEGER, every REAL, last_report_ts INTEGER,
    last_arrival INTEGER, epoch INTEGER, simulated INTEGER, agent TEXT, inventory TEXT,
    former TEXT, unreadable INTEGER
) WITHOUT ROWID;
CREATE TABLE account (
    node TEXT, epoch INTEGER, through INTEGER, highest INTEGER, beyond TEXT, lost TEXT,
    forgotten TEXT, stored INTEGER, duplicate INTEGER, refused INTEGER, late INTEGER,
    first_ts INTEGER, last_ts INTEGER, last_arrival INTEGER, closed INTEGER,
    PRIMARY KEY (node, epoch)
) WITHOUT ROWID;
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER, topic TEXT, node TEXT, reason TEXT,
    detail TEXT, content_type TEXT, size INTEGER, payload BLOB
);
CREATE TABLE quarantine_total (bytes INTEGER, dropped INTEGER);
INSERT INTO quarantine_total VALUES (0, 0);
"""
UPGRADES = (
    SCHEMA,
    """
    ALTER TABLE account ADD COLUMN refusals TEXT DEFAULT '';
    ALTER TABLE node ADD COLUMN source TEXT DEFAULT '';
    """,
    f"""
    ALTER TABLE account ADD COLUMN top INTEGER DEFAULT -1;
    ALTER TABLE account ADD COLUMN top_ts INTEGER DEFAULT 0;
    ALTER TABLE account ADD COLUMN marks TEXT DEFAULT '';
    ALTER TABLE account ADD COLUMN eras TEXT DEFAULT '';
    ALTER TABLE account ADD COLUMN moved INTEGER DEFAULT 0;
    ALTER TABLE node ADD COLUMN last_stored INTEGER;
    ALTER TABLE node ADD COLUMN last_refused INTEGER;
    {slots.SCHEMA}
    """,
    """
    ALTER TABLE node ADD COLUMN forgotten INTEGER;
    """,
    """
    ALTER TABLE node ADD COLUMN left TEXT DEFAULT '';
    """,
)
"""From an empty file to the present one, a step a version; only ever added to."""
VERSION = len(UPGRADES)
PUT_NODE = f"INSERT OR REPLACE INTO node VALUES ({', '.join('?' * 17)})"  # noqa: S608 - constant
PUT_ACCOUNT = f"INSERT OR REPLACE INTO account VALUES ({', '.join('?' * 21)})"  # noqa: S608
PUT_REASON = "UPDATE quarantine SET reason = ?, detail = ? WHERE id = ?"
OVERHEAD = 256
"""Bytes that a refused message costs in the file beside its payload."""


class Quarantined(NamedTuple):
    """A refused message or line: when (ms), where from, why, and its bytes (cut at `KEEP`)."""

    time: int
    topic: str
    node: str
    reason: str
    detail: str
    content_type: str
    size: int
    payload: bytes


class Changes(NamedTuple):
    """What one transaction writes."""

    nodes: list[tuple[Any, ...]]
    accounts: list[tuple[Any, ...]]
    gone: list[tuple[str, int]]
    quarantined: list[Quarantined]
    released: list[int]
    """Records that leave the quarantine."""
    refused_again: list[tuple[str, str, int]]
    """New reason, new detail, and the record that they are of."""
    booked: slots.Booked


@contextlib.contextmanager
def owner(directory: Path) -> Iterator[None]:
    """Own a data directory; `MusterError` when another collector does, `ConfigError` if it cannot.

    The lock goes with the process, however that ends.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = (directory / "collector.lock").open("a+")
    except OSError as error:
        raise ConfigError(
            f'[collector] data = "{directory}": {error.strerror}; use a directory that this user'
            " may write to"
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            handle.seek(0)
            raise MusterError(
                f"{directory} is in use by another collector (process {handle.read(20).strip()}):"
                " stop that, or set another [collector] data"
            ) from error
        # Only a help to people: a disk that is full must not keep the collector from its work.
        with contextlib.suppress(OSError):
            handle.truncate(0)
            os.write(handle.fileno(), b"%d\n" % os.getpid())
        yield


class LedgerFile:
    """The file, open; its methods raise `sqlite3.Error`."""

    def __init__(self, path: Path, *, quarantine_bytes: int) -> None:
        self.path = path
        self.quarantine_bytes = quarantine_bytes
        self._lock = threading.Lock()
        try:
            self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._prepare()
        except sqlite3.Error as error:
            raise MusterError(f"{path}: {error}; move it away to begin a new ledger") from error
        self.held, self.dropped = self.db.execute("SELECT * FROM quarantine_total").fetchone()
        (self.id,) = self.db.execute("SELECT id FROM identity").fetchone()

    def _prepare(self) -> None:
        (found,) = self.db.execute("PRAGMA user_version").fetchone()
        if found > VERSION:
            raise sqlite3.DatabaseError(f"a ledger of version {found}, this is {VERSION}")
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        for version, step in enumerate(UPGRADES[found:], found + 1):
            self.db.executescript(f"BEGIN; {step} PRAGMA user_version = {version}; COMMIT;")

    def sums(
        self, ranges: Iterable[tuple[int, int]], node: str | None = None
    ) -> list[dict[str, slots.Sums]]:
        """What is booked of every node (or of one) in each range; may be asked in any thread.

        A reader of its own: it waits for no transaction, and none waits for it.
        """
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as reader:
            return [slots.sums(reader, *span, node) for span in ranges]

    def hours(self) -> list[tuple[int, str]]:
        """The hours of nodes that the store does not have yet as they are."""
        return self.db.execute("SELECT start, node FROM hour").fetchall()

    def told(self, hours: Iterable[tuple[int, str]]) -> None:
        """The store has these hours now."""
        with self._lock, slots.transaction(self.db):
            self.db.executemany("DELETE FROM hour WHERE start = ? AND node = ?", hours)

    def gather(self, now: int, keep: int) -> None:
        """Gather what is booked into hours, and drop what is older than `keep` ms."""
        with self._lock:
            slots.gather(self.db, now, keep)

    def close(self) -> None:
        """Let the file go, after the transaction that a thread may be in: SQLite would crash."""
        with self._lock:
            self.db.close()

    def load(self, partitions: Collection[int] = range(topics.PARTITIONS)) -> Ledger:
        """What the file holds of the nodes in some partitions; others' stay in the file."""
        ledger = Ledger()
        for row in self.db.execute("SELECT * FROM node"):
            node = node_of(row)
            if topics.partition(node.node) in partitions:
                ledger.nodes[node.node] = node
        for row in self.db.execute("SELECT * FROM account"):
            account = account_of(row)
            if account.node in ledger.nodes:
                ledger.nodes[account.node].accounts[account.epoch] = account
        return ledger

    def commit(self, changes: Changes) -> None:
        """Write it all, or nothing."""
        db = self.db
        with self._lock, slots.transaction(db):
            db.executemany(PUT_NODE, changes.nodes)
            db.executemany(PUT_ACCOUNT, changes.accounts)
            db.executemany("DELETE FROM account WHERE node = ? AND epoch = ?", changes.gone)
            slots.book(db, changes.booked)
            db.executemany(PUT_REASON, changes.refused_again)
            held, dropped = self.held, self.dropped
            if changes.quarantined or changes.released:
                held = self._release(changes.released)
                held, dropped = self._quarantine(changes.quarantined, held)
        self.held, self.dropped = held, dropped

    def _release(self, numbers: Iterable[int]) -> int:
        """Take records out of quarantine; bytes held afterwards."""
        held: int = self.held
        for number in numbers:
            for (size,) in self.db.execute(
                "DELETE FROM quarantine WHERE id = ? RETURNING length(payload)", (number,)
            ):
                held -= size + OVERHEAD
        return held

    def _quarantine(self, records: Iterable[Quarantined], held: int) -> tuple[int, int]:
        """Keep refused messages, the newest; bytes held and messages dropped afterwards."""
        dropped = self.dropped
        for record in records:
            self.db.execute("INSERT INTO quarantine VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", record)
            held += len(record.payload) + OVERHEAD
        while held > self.quarantine_bytes:
            found = self.db.execute(
                "SELECT id, length(payload) FROM quarantine ORDER BY id LIMIT 1"
            ).fetchone()
            if found is None:
                held = 0
                break
            self.db.execute("DELETE FROM quarantine WHERE id = ?", (found[0],))
            held -= found[1] + OVERHEAD
            dropped += 1
        self.db.execute("UPDATE quarantine_total SET bytes = ?, dropped = ?", (held, dropped))
        return held, dropped


def node_row(node: Node) -> tuple[Any, ...]:
    """A node for the file."""
    return (
        node.node, node.site, node.first_seen, node.every, node.last_report_ts, node.last_arrival,
        node.epoch, node.simulated, node.agent, json.dumps(node.inventory),
        json.dumps(node.former), node.unreadable, node.source,
        node.last_stored, node.last_refused, node.forgotten,
        json.dumps(node.left) if node.left else "",
    )  # fmt: skip


def node_of(row: Sequence[Any]) -> Node:
    """A node out of its row."""
    return Node(
        node=row[0], site=row[1], first_seen=row[2], every=row[3], last_report_ts=row[4],
        last_arrival=row[5], epoch=row[6], simulated=bool(row[7]), agent=row[8],
        inventory=json.loads(row[9]), former=Counter(json.loads(row[10])), unreadable=row[11],
        source=row[12], last_stored=row[13], last_refused=row[14], forgotten=row[15],
        left=tuple((site, until) for site, until in json.loads(row[16] or "[]")),
    )  # fmt: skip


def account_row(account: Account) -> tuple[Any, ...]:
    """An account for the file."""
    beyond = account.beyond.spans
    lost = {reason: ranges.spans for reason, ranges in account.lost.items() if ranges.spans}
    return (
        account.node, account.epoch, account.through, account.highest,
        json.dumps(beyond) if beyond else "", json.dumps(lost) if lost else "",
        json.dumps(account.forgotten) if account.forgotten else "",
        account.stored, account.duplicate, account.refused, account.late,
        account.first_ts, account.last_ts, account.last_arrival, account.closed,
        json.dumps(account.refusals.spans) if account.refusals else "",
        account.marks.top, account.marks.top_ts,
        json.dumps(account.marks.times) if account.marks.times else "",
        json.dumps(account.eras) if account.eras else "", account.moved,
    )  # fmt: skip


def account_of(row: Sequence[Any]) -> Account:
    """An account out of its row."""
    account = Account(row[0], row[1], 0)
    account.through, account.highest = row[2], row[3]
    account.beyond = Ranges(json.loads(row[4] or "[]"))
    lost = json.loads(row[5] or "{}")
    account.lost |= {reason: Ranges(spans) for reason, spans in lost.items()}
    account.forgotten = json.loads(row[6] or "{}")
    account.stored, account.duplicate, account.refused, account.late = row[7:11]
    account.first_ts, account.last_ts, account.last_arrival = row[11:14]
    account.closed = bool(row[14])
    account.refusals = Ranges(json.loads(row[15] or "[]"))
    account.eras = [Era(*era) for era in json.loads(row[19] or "[]")]
    account.moved = row[20]
    times = {int(seq): ts for seq, ts in json.loads(row[18] or "{}").items()}
    account.marks = Marks(row[16], row[17], times) if row[17] else Marks(account.highest)
    return account
