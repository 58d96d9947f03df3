"""What machines have left, by the hour: the sums of each site, and how fast each file system fills.

Points lie at the hour's end and are written again when late data changes the hour.
`capacity_site_hourly` has one for each site. Its fields can be added up over places and time: the
sums over its nodes of `cpu_busy` and `memory_used` (percent, means of the hour), over its writable
file systems of `disk_used` (percent), `disk_total` and `disk_free` (bytes, at the hour's end), and
of how many these are (`cpu_nodes`, `memory_nodes`, `disks`).
`capacity_disk_hourly` has one for each writable file system: `used_percent` at the hour's end; from
six hours of data on `grows`, by how much of it that changed a day in the week before; and where it
grows `days`, after how many it is full if it goes on like this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from muster_collector.scoring.steps import WEEK
from muster_collector.store.base import Point, Query, Read, Store, Table

SITES, DISKS = "capacity_site_hourly", "capacity_disk_hourly"
DISK = ("host", "path", "site")
"""The tags of a file system."""
BUSY: tuple[tuple[str, str, Mapping[str, tuple[str, ...]], str, str], ...] = (
    ("cpu", "usage_idle", {"cpu": ("cpu-total",)}, "cpu_busy", "cpu_nodes"),
    ("mem", "available_percent", {}, "memory_used", "memory_nodes"),
)
"""Measurement, what of it is free, where; the field that its rest adds to, and that of nodes."""
USED = "used_percent"
DISK_READS = tuple(Read(name, "last") for name in (USED, "total", "free"))
LOOK_BACK = WEEK
"""A file system grows as it did in this time: what comes back every week does not count."""
LEAST_HOURS = 6
HOURS_A_DAY = 24
Sums = dict[str, dict[str, float]]


async def points(store: Store, start: int, end: int) -> list[Point]:
    """The points of the hour `start <= time < end` (ms); `StoreError`."""
    before = Query(DISKS, (Read(USED, "first"), Read(USED, "count")), end - LOOK_BACK, end, DISK)
    disk = Query("disk", DISK_READS, start, end, DISK, {"mode": ["rw"]})
    sums: Sums = {}
    for measurement, idle, where, busy, nodes in BUSY:
        reads = (Read(idle, "mean"),)
        query = Query(measurement, reads, start, end, ("host", "site"), where)
        for row in _rows(await store.select(query)):
            if (mean := row[f"{idle}_mean"]) is not None:
                _add(sums, row["site"], {busy: 100.0 - mean, nodes: 1.0})
    disks = await store.select(disk)
    _add_disks(sums, disks)
    made = [Point(SITES, (("site", site),), sums[site], end) for site in sums if site]
    return made + list(_disks(disks, await store.select(before), end))


def _add_disks(sums: Sums, table: Table) -> None:
    for row in _rows(table):
        used, total, free = (row.get(f"{read.field}_last") for read in DISK_READS)
        if used is not None and total is not None and free is not None:
            counts = {"disk_used": used, "disk_total": total, "disk_free": free, "disks": 1.0}
            _add(sums, row["site"], counts)


def _add(sums: Sums, site: str, values: Mapping[str, float]) -> None:
    of_site = sums.setdefault(site, {})
    for name, value in values.items():
        of_site[name] = of_site.get(name, 0.0) + float(value)


def _disks(now: Table, before: Table, end: int) -> Iterator[Point]:
    """The use and the growth of each file system."""
    past = {
        tuple(row[tag] for tag in DISK): (row[f"{USED}_first"], row[f"{USED}_count"])
        for row in _rows(before)
    }
    for row in _rows(now):
        key = tuple(row[tag] for tag in DISK)
        used = row.get(f"{USED}_last")
        if used is None or not all(key):
            continue
        fields = {USED: float(used)}
        # Hours that have data count: gaps and young data make the time to full shorter.
        first, hours = past.get(key, (None, 0))
        if first is not None and hours >= LEAST_HOURS:
            grows = fields["grows"] = (used - first) / hours * HOURS_A_DAY
            if grows > 0:
                fields["days"] = (100.0 - used) / grows
        yield Point(DISKS, tuple(zip(DISK, key, strict=True)), fields, end)


def _rows(table: Table) -> Iterator[dict[str, Any]]:
    names = list(table.columns)
    for values in zip(*table.columns.values(), strict=True):
        yield dict(zip(names, values, strict=True))
