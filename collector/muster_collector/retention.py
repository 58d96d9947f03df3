"""What the embedded store may forget, and when: measurements soon, scores and accounts thinned."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from muster_collector.errors import StoreError
from muster_collector.ingest import events

if TYPE_CHECKING:
    from muster_collector.store.embedded import EmbeddedStore

HOUR, DAY = 3_600_000, 86_400_000
KEPT = ("readiness", "completeness", "capacity", "imported", "target")
"""What the names of lasting measurements begin with."""
ADDED_UP = ("completeness_hourly", "completeness_site_hourly")
"""Measurements whose points people add up, so that none of them may go alone."""
EVERY = 3600.0
"""Seconds between two sweeps."""


class Settings(Protocol):
    """What this needs of the [store] section, in seconds."""

    @property
    def keep(self) -> float:
        """Measurements."""

    @property
    def keep_scores(self) -> float:
        """Every score and account."""

    @property
    def keep_hourly(self) -> float:
        """The last one of each hour."""


async def sweep(store: EmbeddedStore, settings: Settings, now: int) -> int:
    """Delete what is too old at `now` (ms); how many samples went. A second sweep finds nothing."""

    def before(seconds: float, step: int) -> int:
        return (now - round(seconds * 1000)) // step * step + 1

    lasting = [name for name in store.measurements() if name.startswith(KEPT)]
    others = [name for name in store.measurements() if not name.startswith(KEPT)]
    thinned = [name for name in lasting if name not in ADDED_UP]
    whole = [name for name in lasting if name in ADDED_UP]
    return (
        await store.forget(now - round(settings.keep * 1000), others)
        + await store.forget(now - round(settings.keep_hourly * 1000), whole)
        + await store.thin(before(settings.keep_scores, HOUR), HOUR, thinned)
        + await store.thin(before(settings.keep_hourly, DAY), DAY, thinned)
    )


async def sweep_for_ever(store: EmbeddedStore, settings: Settings) -> None:
    """Sweep now and every hour; a store that cannot is asked again the next hour."""
    while True:
        try:
            gone = await sweep(store, settings, time.time_ns() // 1_000_000)
        except StoreError as error:
            events.store_away(store.name, error)
        else:
            events.forgotten(store.name, gone)
        await asyncio.sleep(EVERY)
