"""The embedded store: DuckDB in one file, for a first look, a laptop, a small site, and tests.

Invariants: one process owns the file; all writes run on one thread and all reads on another, so the
event loop never waits for the disk; a batch is one transaction, on the disk when `write` returns.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import duckdb

from muster_collector.errors import StoreError, StoreLockedError
from muster_collector.store import tables
from muster_collector.store.base import Query, RefusedPoint, Sample, Table, whole
from muster_collector.store.duck_catalog import Catalog
from muster_collector.store.duck_select import Selector
from muster_collector.store.duck_write import BatchWriter
from muster_collector.store.tables import Arrays

MEMORY: Final = "256MB"
_OPTIONS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "memory_limit": MEMORY,
    "threads": 2,
    # Nothing is fetched from anywhere, whatever a query might want.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_LOCKED: Final = re.compile(r"Could not set lock.*?(?:\(PID (\d+)\)|$)", re.DOTALL)
_owned: set[Path] = set()
"""Files open in this process: DuckDB would share them, our catalogue in memory would not."""

T = TypeVar("T")


class EmbeddedStore:
    """A store in one file, which `open` creates where it is missing."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path).absolute()
        self.name = f"embedded store {self.path}"
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._reader: duckdb.DuckDBPyConnection | None = None
        self._catalog = Catalog()
        self._writer = BatchWriter(self._catalog)
        self._selector = Selector(self._catalog)
        self._make_threads()

    def _make_threads(self) -> None:
        """An executor starts its thread with its first work, so these cost nothing yet."""
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="store-write")
        self._read_thread = ThreadPoolExecutor(1, thread_name_prefix="store-read")

    async def open(self) -> None:
        """Take the file; StoreLockedError when another process has it."""
        await self._run(self._write_thread, self._opened)

    async def write(self, points: Sequence[Sample]) -> list[RefusedPoint]:
        """Write a batch in one transaction; what is not in the answer is stored."""
        return await self._run(self._write_thread, lambda: self._write(points))

    async def select(self, query: Query) -> Table:
        """Answer one query, beside writes that may be under way."""
        tables.check(query)
        if self._reader is None:
            await self.open()
        return await self._run(self._read_thread, lambda: self._select(query))

    async def arrays(self, query: Query) -> Arrays | None:
        """The samples that a raw query wants, as arrays; None for none."""
        tables.check(query)
        if self._reader is None:
            await self.open()
        return await self._run(self._read_thread, lambda: self._arrays(query))

    async def forget(self, before: int, measurements: Collection[str]) -> int:
        """Delete samples older than `before` (ms) of these measurements; how many went."""
        return await self._run(self._write_thread, lambda: self._forget(before, measurements))

    async def thin(self, before: int, step: int, measurements: Collection[str]) -> int:
        """Keep the last sample a `step` (ms) of what is older than `before`; how many went."""
        return await self._run(self._write_thread, lambda: self._thin(before, step, measurements))

    def measurements(self) -> list[str]:
        """The names of all measurements."""
        return list(self._catalog.measurements)

    async def close(self) -> None:
        """Finish what is under way and release the file."""
        await self._run(self._read_thread, lambda: None)
        await self._run(self._write_thread, self._drop)
        self._read_thread.shutdown()
        self._write_thread.shutdown()
        self._make_threads()

    async def _run(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, work)
        except duckdb.Error as error:
            raise StoreError(f"{self.name}: {_first_line(error)}") from error

    def _opened(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = self._connect()
            _owned.add(self.path)
            try:
                self._load(self._connection)
                self._reader = self._connection.cursor()
            except duckdb.Error:
                self._drop()
                raise
        return self._connection

    def _connect(self) -> duckdb.DuckDBPyConnection:
        if self.path in _owned:
            raise StoreLockedError(f"{self.path} is open already in this process")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return duckdb.connect(str(self.path), config=_OPTIONS)
        except OSError as error:
            raise StoreError(f"{self.name}: cannot be made: {error.strerror}") from error
        except duckdb.Error as error:
            if locked := _LOCKED.search(str(error)):
                owner = f"process {locked[1]}" if locked[1] else "another process"
                raise StoreLockedError(
                    f"{self.path} is in use by {owner}: stop that, or set another path in [store]"
                ) from error
            raise

    def _load(self, connection: duckdb.DuckDBPyConnection) -> None:
        catalog = Catalog()
        catalog.load(connection)
        self._catalog, self._writer = catalog, BatchWriter(catalog)
        self._selector = Selector(catalog)

    def _drop(self) -> None:
        for connection in (self._reader, self._connection):
            if connection is not None:
                connection.close()
        if self._connection is not None:
            _owned.discard(self.path)
        self._reader = self._connection = None

    def _write(self, points: Sequence[Sample]) -> list[RefusedPoint]:
        connection = self._opened()
        done = False
        try:
            refused = self._writer.write(connection, whole(points))
            done = True
        finally:
            if not done:
                self._recover(connection)
        return refused

    def _recover(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Back to what the file holds; where even that fails, the next call opens it anew."""
        try:
            connection.rollback()
            self._load(connection)
        except duckdb.Error:
            self._drop()

    def _select(self, query: Query) -> Table:
        if self._reader is None:
            raise StoreError(f"{self.name}: closed")
        return self._selector.select(self._reader, query)

    def _arrays(self, query: Query) -> Arrays | None:
        if self._reader is None:
            raise StoreError(f"{self.name}: closed")
        return self._selector.arrays(self._reader, query)

    def _forget(self, before: int, measurements: Collection[str]) -> int:
        connection = self._opened()
        gone = 0
        for name in measurements:
            if found := self._catalog.measurements.get(name):
                statement = f"DELETE FROM {found.table} WHERE time < ?"  # noqa: S608  # our own name
                ((count,),) = connection.execute(statement, [before]).fetchall()
                gone += count
        return gone

    def _thin(self, before: int, step: int, measurements: Collection[str]) -> int:
        connection = self._opened()
        gone = 0
        for name in measurements:
            if found := self._catalog.measurements.get(name):
                # A score's time is the end of its window: 13:00 belongs to the hour from 12:00.
                statement = (
                    f"DELETE FROM {found.table} WHERE time < $1 AND (series, time) NOT IN"  # noqa: S608  # our own name
                    f" (SELECT (series, max(time)) FROM {found.table} WHERE time < $1"
                    " GROUP BY series, (time - 1) // $2)"
                )
                ((count,),) = connection.execute(statement, [before, step]).fetchall()
                gone += count
        return gone


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
