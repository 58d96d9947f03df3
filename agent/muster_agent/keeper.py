"""The spool whatever the disk does: one process a file, corrupt files set aside, memory when full.

Invariants:
- an epoch lives in exactly one place, the file or the memory;
- while the file takes no writes, new reports belong to an epoch in memory that the file has never
  heard of, so no seq of the file's epoch is used for what a crash would forget; once the file
  takes writes again the epoch moves there as a whole and goes on;
- reports that this process made in the file's epoch have seqs from `_found` of it on;
- a clock that is set ahead makes no report old: ages go on by running time from what the newest
  report says (a machine that is off for long keeps its reports for longer, within `max_mb`).
"""

from __future__ import annotations

import fcntl
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator

from muster_agent import logs, settings
from muster_agent.bases import Base, BrokenReportError
from muster_agent.clock import Clock
from muster_agent.errors import SpoolLockedError
from muster_agent.spool import Edges, Spool
from muster_wire.messages import Lost

MEMORY_BYTES = 1 << 20
"""What is kept in memory at most: about an hour of ordinary reports at 10 s."""
MEGABYTE = 1_000_000
CORRUPT = "corrupt"
"""Why a report is given up that cannot be made whole."""


class Keeper:
    """Reports that wait, in the file while it works and in memory while it does not.

    `begun` counts the epochs that began since the process did.
    """

    def __init__(self, limits: settings.Spool, clock: Clock) -> None:
        self.limits = limits
        self.clock = clock
        self.memory: Spool | None = None
        self.disk: Spool | None = None
        self.trouble = ""
        self.begun = 0
        self._found: dict[int, int] = {}
        self._began: int | None = None
        self._lock = lock(limits.path)
        try:
            self.disk = self._open()
        except (sqlite3.Error, OSError) as error:
            self._failed(error)

    def close(self) -> None:
        """Close the file and let another process have it; what is only in memory is lost."""
        if self.trouble:
            self._heal()
        if self.memory is not None:
            logs.warning(f"spool: {self.memory.depth} reports kept only in memory are lost")
            self.memory.close()
        if self.disk is not None:
            try:
                self.disk.close()
            except sqlite3.Error as error:
                logs.warning(f"spool {self.limits.path}: {error}")
        if self._lock is not None:
            os.close(self._lock)

    @property
    def depth(self) -> int:
        """Reports that are not settled."""
        return sum(spool.depth for spool in self._spools())

    @property
    def epoch(self) -> int:
        """The epoch that the next report will belong to."""
        epoch = self._current().epoch
        if epoch is None:
            raise ValueError("a spool has an epoch once it is open")
        return epoch

    def epochs(self) -> list[int]:
        """Every epoch that is known, oldest first."""
        return [epoch for spool in self._spools() for epoch in spool.edges]

    def edges(self, epoch: int) -> Edges | None:
        """The edges of an epoch; None for one that is not known (any more)."""
        for spool in (self.disk, self.memory):
            if spool is not None and (found := spool.edges.get(epoch)) is not None:
                return found
        return None

    def lost(self, epoch: int) -> list[Lost]:
        """What was given up of an epoch and is not settled."""
        for spool in (self.disk, self.memory):
            if spool is not None and (found := spool.lost.get(epoch)) is not None:
                return found
        return []

    def age(self, now: int) -> float:
        """Seconds since the oldest unsettled report was sampled, 0 without any; `now` in ms."""
        found = [ts for spool in self._spools() if (ts := spool.oldest_ts()) is not None]
        return max(0.0, (now - min(found)) / 1000) if found else 0.0

    def append(self, ts: int, body: bytes, base: Base | None = None) -> tuple[int, int]:
        """Store the next report (see `Spool.append`), on disk if that is possible at all."""
        if self.trouble:
            self._heal()
        if not self.trouble and self.disk is not None:
            try:
                return self.disk.append(ts, body, now=self._now(ts), base=base)
            except sqlite3.Error as error:
                self._failed(error)
        return self._current().append(ts, body, now=self._now(ts), base=base)

    def _now(self, ts: int) -> int:
        """The time (ms) by which ages count, at the append of a report sampled at `ts`."""
        running = int(self.clock.monotonic() * 1000)
        if self._began is None:
            newest = self.disk.newest_ts() if self.disk is not None else None
            self._began = min(ts, ts if newest is None else newest) - running
        return self._began + running

    def silenced(self) -> list[int]:
        """Epochs that have ended without a report left that could tell what of them is lost."""
        return [
            epoch
            for spool in self._spools()
            for epoch, (oldest, end) in spool.edges.items()
            if oldest == end and spool.lost[epoch] and epoch != self.epoch
        ]

    def last_words(self, epoch: int, ts: int, body: bytes) -> None:
        """Store one more report of an epoch that has ended."""

        def work(spool: Spool) -> None:
            spool.append(ts, body, epoch)

        self._try(epoch, work)

    def renumber(self) -> int | None:
        """Begin a new epoch with what this process made in the current one, and is not settled.

        Returns the seq that the first of these had; None when the disk would not do it.
        """
        spool, epoch = self._current(), self.epoch
        first = max(self._found.get(epoch, 0), spool.edges[epoch].oldest)
        try:
            spool.split(first, self._new_epoch())
        except sqlite3.Error as error:
            self._failed(error)
            return None
        return first

    def body(self, epoch: int, seq: int) -> bytes | None:
        """A report in full; None when it cannot be had. One that is damaged is set aside."""
        try:
            return self._try(epoch, lambda spool: spool.body(epoch, seq))
        except BrokenReportError as error:
            logs.error(f"spool {self.limits.path}: report {epoch}/{seq}: {error}: set aside")
            self._put_aside(f"{self.limits.path}.corrupt-{epoch}-{seq}", error)
            self.give_up(epoch, seq, seq, CORRUPT)
            self.drop(epoch, seq)
            return None

    def _put_aside(self, path: str, broken: BrokenReportError) -> None:
        """Write down what is left of a report and of its base, so that somebody can look at it."""
        for name, content in ((path, broken.body), (path + ".base", broken.base)):
            try:
                with open(name, "wb") as file:  # noqa: PTH123 - pathlib costs memory
                    file.write(content)
            except OSError as error:
                logs.warning(f"{name}: {error.strerror}")

    def settle(self, epoch: int, through: int) -> None:
        """Forget the reports of an epoch up to and including `through`."""
        self._try(epoch, lambda spool: spool.settle(epoch, through))

    def drop(self, epoch: int, seq: int) -> None:
        """Forget one report that was refused for good."""
        self._try(epoch, lambda spool: spool.drop(epoch, seq))

    def give_up(self, epoch: int, first: int, last: int, reason: str) -> None:
        """Record that first..last cannot be had from this node."""
        self._try(epoch, lambda spool: spool.give_up(epoch, first, last, reason))

    def _try(self, epoch: int, work: Callable[[Spool], bytes | None]) -> bytes | None:
        """Work with the spool that holds an epoch; a disk that fails is noted, not raised."""
        for spool in self._spools():
            if epoch in spool.edges:
                try:
                    return work(spool)
                except sqlite3.Error as error:
                    self._failed(error)
        return None

    def _spools(self) -> Iterator[Spool]:
        return (spool for spool in (self.disk, self.memory) if spool is not None)

    def _current(self) -> Spool:
        """The spool that new reports go to."""
        spool = self.disk if self.memory is None else self.memory
        if spool is None:
            raise ValueError("a spool is open as soon as there is a keeper")
        return spool

    def _open(self) -> Spool:
        """Open the file, setting it aside if it is damaged; it may lack an epoch only for now."""
        path = self.limits.path
        os.makedirs(os.path.dirname(path) or ".", mode=0o750, exist_ok=True)  # noqa: PTH103, PTH120 - pathlib costs memory
        if self._lock is None:
            self._lock = lock(path)
        try:
            spool = self._connect()
        except sqlite3.DatabaseError as error:
            if not damaged(error):
                raise
            set_aside(path, error)
            spool = self._connect()
        if spool.epoch is None and self.memory is None:
            spool.begin(self._new_epoch())
        self._found |= {epoch: edges.next for epoch, edges in spool.edges.items()}
        return spool

    def _connect(self) -> Spool:
        limits = self.limits
        return Spool(limits.path, max_bytes=limits.max_mb * MEGABYTE, max_age=limits.max_age)

    def _new_epoch(self) -> int:
        """A number that no other epoch of this node has had: seconds, then 20 random bits."""
        self.begun += 1
        return self.clock.wall() // 1000 << 20 | random.getrandbits(20)

    def _failed(self, error: sqlite3.Error | OSError) -> None:
        """Note that the file is of no use now, and let new reports go to memory."""
        if self.disk is not None and damaged(error):
            self.disk.db.close()
            self.disk = None
            try:
                set_aside(self.limits.path, error)
            except OSError as worse:
                error = worse
        if self.memory is None:
            self.memory = Spool(":memory:", max_bytes=MEMORY_BYTES, max_age=self.limits.max_age)
            self.memory.begin(self._new_epoch())
        if not self.trouble:
            logs.error(
                f"spool {self.limits.path}: {error}: new reports are kept in memory only, "
                "until the disk takes them"
            )
        self.trouble = str(error)

    def _heal(self) -> None:
        """Try to go back from memory to the file."""
        try:
            if self.disk is None:
                self.disk = self._open()
            if self.memory is not None:
                self.disk.adopt(self.memory)
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            return
        moved = 0 if self.memory is None else self.memory.depth
        self.memory = None
        self.trouble = ""
        logs.info(f"spool {self.limits.path}: takes reports again, {moved} moved from memory")


def damaged(error: Exception) -> bool:
    """Whether a file's content is wrong, not only the disk or the permissions around it."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error, sqlite3.OperationalError
    )


def set_aside(path: str, error: Exception) -> None:
    """Rename a damaged spool and its journal, so that somebody can look at them."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = f"{path}.corrupt-{stamp}"
    for suffix in ("", "-wal", "-shm"):
        try:
            os.rename(path + suffix, aside + suffix)  # noqa: PTH104 - pathlib costs memory
        except FileNotFoundError:
            continue
    logs.error(f"spool {path}: {error}: set aside as {aside}, a new epoch begins")


def lock(path: str) -> int | None:
    """Take the spool for this process; None where there can be no lock file.

    Raises `SpoolLockedError` when another process has it.
    """
    for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        try:
            descriptor = os.open(path + ".lock", flags | os.O_CLOEXEC, 0o640)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise SpoolLockedError(
                f"{path}: another process uses this spool: stop it, or set another [spool] path"
            ) from error
        return descriptor
    return None
