"""Brings the present first while the broker has a backlog for us: a second session for it alone.

A broker gives a session its messages in the order in which they came. So after an outage of the
database, or of the collector, the newest would come last. A session that begins now gets only what
is published from now on; the first one drains behind it, at the rate that is left to it. It gets
all of this too, as duplicates, and once it brings what the second one has brought before, it has
caught up, and the second one ends.

Invariants: the second session is never the only one that brings a message for which a node gets no
ack; what is missing by what it brings may be in the backlog, so nobody is asked for it before the
end.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence

from muster_collector.config import Mqtt
from muster_collector.ingest import events
from muster_collector.ingest.connection import Handler
from muster_collector.ingest.mqtt import Link

BEHIND = 5.0
"""Seconds of an outage from which on the broker may have more for us than is gone in a moment."""
SILENT = 2.0
"""Seconds in which no report comes when none is left."""
ALONE = 30.0
"""Seconds that the broker has to give us the second session."""
LOOK = 0.25
LAST = 1000
"""Messages of the present that are remembered: as many are left of the backlog when it is over."""


class Present:
    """The second session; `run` for ever, it works between `begin` and the end of the backlog."""

    def __init__(
        self,
        settings: Mqtt,
        filters: Sequence[str],
        take: Handler,
        *,
        max_packet: int,
        allowed: Callable[[], bool],
        idle: Callable[[], bool],
    ) -> None:
        own = {"client_id": f"{settings.client_id}-present", "session_expiry": 0}
        self._settings = settings.model_copy(update=own)
        self._filters = filters
        self._take_in = take
        self._max_packet = max_packet
        self._allowed = allowed
        self._idle = idle
        self._begun = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._lately: deque[int] = deque(maxlen=LAST)
        self._heard: float | None = None
        self._brought = 0.0
        self._in_hand = 0

    @property
    def active(self) -> bool:
        """Whether there is a backlog behind the present."""
        return self._begun.is_set()

    @property
    def quiet(self) -> float | None:
        """Seconds since the first session brought something; None before it did."""
        return None if self._heard is None else time.monotonic() - self._heard

    def begin(self, seconds: float) -> None:
        """Something was away for so long: there may be a backlog."""
        if seconds >= BEHIND and not self.active:
            self._lately.clear()
            self._caught_up.clear()
            self._begun.set()
            events.backlog_begins(seconds)

    def came(self, topic: str, payload: bytes) -> None:
        """The first session brought a message."""
        self._heard = time.monotonic()
        if not topic.endswith("/report"):
            # Births that ask again and again must not keep up a wait in which nobody is asked.
            return
        self._brought = self._heard
        if self._begun.is_set() and hash((topic, payload)) in self._lately:
            self._caught_up.set()

    async def run(self) -> None:
        """Work whenever there is a backlog, until cancelled."""
        while True:
            await self._begun.wait()
            link = Link(
                self._settings,
                self._filters,
                self._take,
                max_packet=self._max_packet,
                allowed=self._allowed,
                crowded=lambda: self._in_hand >= self._settings.receive_maximum,
                role="present",
            )
            try:
                async with asyncio.TaskGroup() as tasks:
                    running = tasks.create_task(link.run(), name="present")
                    await self._over(link)
                    running.cancel()
            finally:
                await link.close()
            self._begun.clear()
            events.backlog_over()

    async def _over(self, link: Link) -> None:
        """Return once the first session has caught up, has nothing more, or is the only one."""
        connected = began = time.monotonic()
        while not self._caught_up.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._caught_up.wait()
            now = time.monotonic()
            connected = now if link.connected else connected
            silent = now - max(began, self._brought)
            if (silent > SILENT and self._idle()) or now - connected > ALONE:
                return

    def _take(
        self, topic: str, payload: bytes, content_type: str, qos: int, retained: bool
    ) -> asyncio.Future[None] | None:
        self._lately.append(hash((topic, payload)))
        taken = self._take_in(topic, payload, content_type, qos, retained)
        if taken is not None:
            # A window of its own: what the first session has in hand must not hold up the present.
            self._in_hand += 1
            taken.add_done_callback(self._settled)
        return taken

    def _settled(self, _: asyncio.Future[None]) -> None:
        self._in_hand -= 1
