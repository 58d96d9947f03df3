"""Disk traffic by Telegraf's `diskio`, from /proc/diskstats."""

from __future__ import annotations

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError, percent
from muster_wire.messages import Metric, Value

DISKSTATS = "proc/diskstats"
SECTOR = 512
"""Bytes of a sector in diskstats, whatever the disk's own are."""
IGNORE = ("loop", "ram", "fd", "sr")

Row = dict[str, int]


class DiskIo(Sensor):
    """Counts and milliseconds since boot; await and utilisation since the last reading.

    Whole devices that have ever been used; `partitions` adds their parts, as Telegraf would.
    """

    name = "diskio"

    def __init__(self, host: Host, *, partitions: bool = False) -> None:
        super().__init__(host)
        self.partitions = partitions
        self.whole: dict[str, bool] = {}
        self.last: dict[str, Row] = {}
        self.last_at = 0.0

    def read(self) -> list[Metric]:
        """One metric a device."""
        try:
            rows = self.host.parse(DISKSTATS, parse_diskstats)
        except FileNotFoundError as error:
            raise SensorAbsentError("no block devices") from error
        now = self.host.monotonic()
        elapsed_ms = (now - self.last_at) * 1000
        last, self.last, self.last_at = self.last, rows, now
        self.whole = {name: self._is_whole(name) for name in rows}
        return [
            Metric("diskio", {"name": name}, {**row, **derived(last.get(name), row, elapsed_ms)})
            for name, row in rows.items()
            if self.whole[name]
        ]

    def _is_whole(self, name: str) -> bool:
        """Partitions have no entry in /sys/block; asked once a name."""
        if name in self.whole:
            return self.whole[name]
        # A "/" in a device's name is a "!" in sysfs.
        return self.partitions or self.host.exists(f"sys/block/{name.replace('/', '!')}")


def parse_diskstats(data: bytes) -> dict[str, Row]:
    """Every used device's counters, by the kernel's Documentation/admin-guide/iostats.rst."""
    rows: dict[str, Row] = {}
    for line in data.splitlines():
        columns = line.split()
        name = columns[2].decode()
        if name.startswith(IGNORE):
            continue
        n = [int(column) for column in columns[3:14]]
        if len(n) < 11:
            raise ValueError(f"{name} has {len(columns)} columns instead of 14")
        if n[0] or n[4]:
            rows[name] = _row(n)
    return rows


def _row(n: list[int]) -> Row:
    return {
        "reads": n[0],
        "merged_reads": n[1],
        "read_bytes": n[2] * SECTOR,
        "read_time": n[3],
        "writes": n[4],
        "merged_writes": n[5],
        "write_bytes": n[6] * SECTOR,
        "write_time": n[7],
        "iops_in_progress": n[8],
        "io_time": n[9],
        "weighted_io_time": n[10],
    }


def derived(last: Row | None, row: Row, elapsed_ms: float) -> dict[str, Value]:
    """Mean wait and service time in ms and utilisation in percent since the last reading.

    Empty for a new device and after a counter's wrap or reset. io_util is Telegraf's: the share of
    time with any request in flight; it is cut at 100, which clock jitter would pass.
    """
    if last is None or elapsed_ms <= 0:
        return {}
    d = {key: row[key] - last[key] for key in row}
    if min(d["reads"], d["writes"], d["read_time"], d["write_time"], d["io_time"]) < 0:
        return {}
    fields: dict[str, Value] = {"io_util": min(100.0, percent(d["io_time"], elapsed_ms))}
    if requests := d["reads"] + d["writes"]:
        fields["io_await"] = round((d["read_time"] + d["write_time"]) / requests, 3)
        fields["io_svctm"] = round(d["io_time"] / requests, 3)
    return fields
