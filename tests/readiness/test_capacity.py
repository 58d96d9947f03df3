"""What sites have left by the hour, and how fast their disks fill, on both stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pytest
from readiness.small_fleet import START, point
from readiness.test_scorer import stored

from muster_collector.scoring.periods import Periods
from muster_collector.store.base import Point, Query, Read, Store

MINUTE, HOUR = 60_000, 3_600_000
WINDOW = 5 * MINUTE
NODES = {"n1": "s1", "n2": "s1", "n3": "s2"}


def sample(host: str, minute: int, busy: float, used: float) -> list[Point]:
    """One report: a processor, memory as full as the processor is busy, two disks of 1000 bytes."""
    site, at = NODES[host], START + minute * MINUTE

    def disk(path: str, mode: str, percent: float) -> Point:
        tags = f"path={path},mode={mode}"
        left = {"used_percent": percent, "total": 1000, "free": 1000 - round(10 * percent)}
        return point(host, site, "disk", at, tags, **left)

    return [
        point(host, site, "cpu", at, "cpu=cpu-total", usage_idle=100.0 - busy),
        point(host, site, "cpu", at, "cpu=cpu0", usage_idle=0.0),
        point(host, site, "mem", at, "", available_percent=100.0 - busy, total=64),
        disk("/", "rw", used),
        disk("/cdrom", "ro", 100.0),
    ]


async def write_hours(store: Store, *hours: int, dirty: tuple[int, ...] = ()) -> None:
    """Every window of the hours that begin so long after START was scored."""
    periods = Periods(store, "UTC", WINDOW)
    for hour in hours:
        periods.touch(START + hour * HOUR + WINDOW)
    await periods.write_due(START + (max(hours) + 1) * HOUR, dirty)


async def of_site(store: Store, site: str, hour: int) -> Mapping[str, float]:
    names = (
        "cpu_busy", "cpu_nodes", "memory_used", "memory_nodes",
        "disk_used", "disk_total", "disk_free", "disks",
    )  # fmt: skip
    rows = await stored(store, "capacity_site_hourly", names, site=site)
    (found,) = [row for row in rows if row[0] == START + (hour + 1) * HOUR]
    return dict(zip(names, found[1:], strict=True))


class Growth(NamedTuple):
    """Hours since START, percent in use, percent a day, days to full."""

    hour: int
    used: float
    grows: float | None
    days: float | None


async def growth(store: Store, host: str) -> list[Growth]:
    """What is said of the root file system of a node."""
    names = ("used_percent", "grows", "days")
    reads = tuple(Read(name, "raw") for name in names)
    query = Query("capacity_disk_hourly", reads, 0, START * 2, ("host", "path", "site"))
    columns = (await store.select(query)).columns
    assert set(columns["path"]) == {"/"}
    without: list[None] = [None] * len(columns["time"])
    read = [columns.get(name, without) for name in names]
    rows = zip(columns["host"], columns["time"], *read, strict=True)
    return [Growth((time - START) // HOUR, *found) for name, time, *found in rows if name == host]


async def test_an_hour_of_a_site_is_the_sum_of_its_nodes_and_late_ones_are_added(
    either: Store,
) -> None:
    early = [p for minute in range(0, 60, 10) for p in sample("n1", minute, minute, 20.0)]
    early += sample("n3", 59, 50.0, 80.0)
    # Of the next hour already.
    early += sample("n1", 60, 99.0, 99.0)
    late = [p for minute in range(0, 60, 30) for p in sample("n2", minute, 40.0 + minute, 60.0)]
    assert await either.write(early) == []
    await write_hours(either, 0)
    assert await of_site(either, "s1", 0) == {
        "cpu_busy": 25.0, "cpu_nodes": 1, "memory_used": 25.0, "memory_nodes": 1,
        "disk_used": 20.0, "disk_total": 1000, "disk_free": 800, "disks": 1,
    }  # fmt: skip
    assert (await of_site(either, "s2", 0))["cpu_busy"] == 50.0
    await either.write(late)
    await write_hours(either, 0)
    assert await of_site(either, "s1", 0) == {
        "cpu_busy": 25.0 + 55.0, "cpu_nodes": 2, "memory_used": 80.0, "memory_nodes": 2,
        "disk_used": 80.0, "disk_total": 2000, "disk_free": 1200, "disks": 2,
    }  # fmt: skip


async def test_an_hour_with_a_window_that_is_due_again_waits(either: Store) -> None:
    await either.write(sample("n1", 5, 50.0, 50.0))
    await write_hours(either, 0, dirty=(START + 2 * WINDOW,))
    assert await stored(either, "capacity_site_hourly", ("cpu_busy",)) == []


async def test_how_fast_a_disk_fills_is_known_after_six_hours(either: Store) -> None:
    """Half a percent an hour; the other one becomes emptier."""
    for hour in range(8):
        points = sample("n1", hour * 60 + 59, 1.0, 40.0 + hour / 2)
        if hour < 7:
            points += sample("n2", hour * 60 + 59, 1.0, 40.0 - hour)
        await either.write(points)
        await write_hours(either, hour)
    found = await growth(either, "n1")
    assert [(row.hour, row.used) for row in found] == [(h + 1, 40.0 + h / 2) for h in range(8)]
    assert {(row.grows, row.days) for row in found[:6]} == {(None, None)}
    assert [row.grows for row in found[6:]] == pytest.approx([12.0, 12.0])
    assert found[-1].days == pytest.approx(56.5 / 12)
    emptied = (await growth(either, "n2"))[-1]
    assert emptied.grows == pytest.approx(-24.0)
    assert emptied.days is None


async def test_growth_is_that_of_the_last_week(either: Store) -> None:
    """A jump of nine days ago is forgotten."""
    day = 24
    for hour, used in (
        (0, 5.0),
        *((2 * day + step, 50.0) for step in range(8)),
        (9 * day - 1, 57.0),
    ):
        await either.write(sample("n1", hour * 60, 1.0, used))
        await write_hours(either, hour)
    newest = (await growth(either, "n1"))[-1]
    # Of the nine hours before it eight lie within the week.
    assert (newest.hour, newest.used) == (9 * day, 57.0)
    assert newest.grows == pytest.approx(7.0 / 8 * 24)


async def test_nothing_was_measured(either: Store) -> None:
    await write_hours(either, 0)
    assert await stored(either, "capacity_site_hourly", ("cpu_busy",)) == []
