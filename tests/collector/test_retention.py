"""What the embedded store forgets: old measurements, and old scores down to one an hour or day."""

from __future__ import annotations

from pathlib import Path

from muster_collector import retention
from muster_collector.config import Store as Settings
from muster_collector.store.base import Point, Query, Read
from muster_collector.store.embedded import EmbeddedStore

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = 1_900_000_000_000 // DAY * DAY + 5 * HOUR


def points(name: str, times: list[int], host: str = "a") -> list[Point]:
    return [Point(name, (("host", host),), {"v": float(t % 1000)}, t) for t in times]


async def times(store: EmbeddedStore, name: str) -> list[int]:
    table = await store.select(Query(name, (Read("v", "raw"),), 0, NOW + 1, group=("host",)))
    return table.columns.get("time", [])


async def test_measurements_go_and_scores_are_thinned_by_age(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "store.duckdb")
    await store.open()
    new, month, quarter, years = NOW, NOW - 31 * DAY, NOW - 91 * DAY, NOW - 731 * DAY
    hour = [quarter + step * 5 * MINUTE for step in range(1, 13)]
    day = [years // DAY * DAY - step * HOUR for step in range(24)]
    await store.write(points("mem", [years, month, new]))
    await store.write(points("readiness", [*day, *hour, month, month + 1, new]))
    await store.write(points("completeness", hour, "a") + points("completeness", hour[:3], "b"))

    await store.write(points("completeness_hourly", [*day, *hour, new]))

    settings = Settings()
    assert await retention.sweep(store, settings, NOW) == 2 + 23 + 11 + 11 + 2 + 24
    assert await times(store, "mem") == [new]
    assert await times(store, "readiness") == [day[0], hour[-1], month, month + 1, new]
    assert await times(store, "completeness") == [hour[-1], hour[2]]
    assert await times(store, "completeness_hourly") == [*hour, new], "these are added up"
    assert await retention.sweep(store, settings, NOW) == 0
    await store.close()


async def test_an_empty_store_has_nothing_to_forget(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "store.duckdb")
    await store.open()
    assert await retention.sweep(store, Settings(), NOW) == 0
    await store.close()
