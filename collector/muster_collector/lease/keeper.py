"""Holds the lease of a collector's partitions at the broker, beside the session that works.

The session that brings reports has a client id that all candidates share, so the broker itself
ends the connection of whoever had it before: what a deposed owner still sends goes nowhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from muster_collector.config import Config
from muster_collector.errors import LeaseError
from muster_collector.ingest import events
from muster_collector.ingest.mqtt import Link
from muster_collector.lease.rules import Candidate, State, decode

FILE_NAME = "lease.term"
QUIET = 0.2
"""Seconds without a state that end the reading, for brokers that send retained ones at leisure."""
LARGEST = 1 << 20


def boottime() -> float:
    """Seconds that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def last_term(directory: Path) -> int:
    """The last term that the ledger in a data directory was at work in, 0 for never."""
    try:
        return int((directory / FILE_NAME).read_text())
    except (OSError, ValueError):
        return 0


def save_term(directory: Path, term: int) -> None:
    """Write it, whole or not at all; `LeaseError` when the disk will not."""
    new = directory / (FILE_NAME + ".new")
    try:
        with new.open("w") as file:
            file.write(f"{term}\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(directory / FILE_NAME)
    except OSError as error:
        raise LeaseError(f"{new}: {error.strerror}; the lease is left to others") from error


class Keeper:
    """The lease as the rest of the collector sees it."""

    def __init__(self, config: Config) -> None:
        settings = config.collector
        if settings.lease is None:
            raise ValueError("[collector] lease is not set")
        self._directory = settings.data
        self.before = last_term(settings.data)
        """The term of what the ledger's file holds."""
        name = settings.name or socket.gethostname()
        self._candidate = Candidate(uuid.uuid4().hex, name, settings.lease, settings.partitions)
        base = f"{config.mqtt.root}/collector"
        self._topic = f"{base}/lease/{config.mqtt.client_id}"
        self._prefix = f"{base}/lease/"
        self._states = f"{base}/ledger/"
        self._wanted = [f"{self._states}{number:02d}/+" for number in sorted(settings.partitions)]
        self._found: dict[str, bytes] | None = {}
        """Accounts by node as they are heard while standing by: a broker may lose its own."""
        self._heard = 0
        self._connections = 0
        self._changed = asyncio.Event()
        self._won = asyncio.Event()
        watcher = {"client_id": f"{config.mqtt.client_id}.{name}", "session_expiry": 0}
        self._link = Link(
            config.mqtt.model_copy(update=watcher),
            [self._prefix + "+", *self._wanted],
            self._take,
            max_packet=LARGEST,
            on_connected=self._connected,
            role="lease",
        )

    @property
    def term(self) -> int:
        """The term of the lease that is held."""
        return self._candidate.term

    def holds(self) -> bool:
        """Whether this collector may work and speak now."""
        return self._candidate.holds(boottime())

    async def run(self) -> None:
        """Watch, claim and renew until cancelled; `LeaseError` when what was held is lost."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.run(), name="lease")
            while True:
                now = boottime()
                message = self._candidate.due(now, time.time_ns() // 1_000_000)
                if self._candidate.state is State.LOST:
                    raise LeaseError("the lease could not be renewed in time: another one may work")
                if message is not None:
                    self._link.keep(self._topic, message.encode(), message.seconds)
                if self.holds():
                    self._won.set()
                self._say()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._candidate.wake(boottime())):
                        await self._changed.wait()
                self._changed.clear()

    async def won(self) -> None:
        """Return once the lease is held."""
        await self._won.wait()
        events.lease_won(self._topic, self.term)

    def taken_over(self) -> None:
        """The ledger's file holds from now on what this term knows; `LeaseError` if it will not."""
        save_term(self._directory, self.term)

    async def release(self) -> None:
        """Give the lease back, so that a standby need not wait."""
        message = self._candidate.give_back(boottime())
        if message is not None:
            self._link.keep(self._topic, message.encode(), message.seconds)
        await self._link.close()

    def state_topic(self, partition: int, node: str) -> str:
        """Where the account of a node is kept for whoever comes after."""
        return f"{self._states}{partition:02d}/{node}"

    async def states(self) -> dict[str, bytes]:
        """The accounts that former owners left at the broker, also before it forgot them, by node.

        To be called once nobody else can add to them: when the shared session is ours.
        """
        while True:
            connections = self._connections
            self._link.subscribe(self._wanted)
            if await self._heard_all() and connections == self._connections:
                break
        found, self._found = self._found or {}, None
        self._link.stop_wanting(self._wanted)
        return found

    async def _heard_all(self) -> bool:
        """Wait until something of ours that was published now has come back, and for quiet."""
        candidate = self._candidate
        message = candidate.renew(boottime())
        self._link.keep(self._topic, message.encode(), message.seconds)
        try:
            async with asyncio.timeout(candidate.seconds):
                while candidate.echoed < message.beat:  # noqa: ASYNC110 - for a moment
                    await asyncio.sleep(0.01)
        except TimeoutError:
            return False
        count = -1
        while self._heard != count:
            count = self._heard
            await asyncio.sleep(QUIET)
        return True

    def _connected(self, _resumed: bool) -> None:
        self._connections += 1
        self._candidate.connected(boottime())
        self._changed.set()

    def _take(self, topic: str, payload: bytes, _type: str, _qos: int, _retained: bool) -> None:
        now = boottime()
        if topic.startswith(self._states):
            if self._found is not None:
                self._heard += 1
                node = topic.rpartition("/")[2]
                if payload:
                    self._found[node] = payload
                else:
                    self._found.pop(node, None)
            return
        if not payload:
            return
        try:
            lease = decode(payload)
        except ValueError as error:
            events.refused(topic, "lease", str(error))
            return
        if topic == self._topic:
            self._candidate.heard(lease, now)
        else:
            self._candidate.heard_of_others(topic, lease, now)
        self._changed.set()

    def _say(self) -> None:
        """One line for each change of what we wait for."""
        candidate, now = self._candidate, boottime()
        if candidate.state is State.STANDBY:
            holder = candidate.rival(now) or candidate.holder
            events.standby(self._topic, holder.name if holder else "", bool(candidate.rival(now)))


@asynccontextmanager
async def held(config: Config, stop: asyncio.Event) -> AsyncIterator[Keeper | None]:
    """The body runs once the lease is held, which is given back at the end; None at `stop` before.

    The body is cancelled, and `LeaseError` raised in a group, when the lease is lost.
    """
    keeper = Keeper(config)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(keeper.run(), name="lease keeper")
        won = tasks.create_task(keeper.won(), name="lease won")
        stopped = tasks.create_task(stop.wait(), name="stop")
        await asyncio.wait([won, stopped], return_when=asyncio.FIRST_COMPLETED)
        yield keeper if won.done() else None
        for task in (running, won, stopped):
            task.cancel()
        await asyncio.wait([running])
        await keeper.release()
