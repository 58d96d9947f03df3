"""Swap space and traffic by Telegraf's `swap`."""

from __future__ import annotations

import os

from muster_agent.sensors import Sensor, percent
from muster_agent.sensors.mem import MEMINFO
from muster_wire.messages import Metric, Value

VMSTAT = "proc/vmstat"
PAGE = os.sysconf("SC_PAGESIZE")


class Swap(Sensor):
    """Bytes; `in` and `out` count since boot."""

    name = "swap"

    def read(self) -> list[Metric]:
        """One metric; a machine without swap has zeros, as in Telegraf."""
        total, free = self.host.parse(MEMINFO, parse_space)
        pages_in, pages_out = self.host.parse(VMSTAT, parse_traffic)
        fields: dict[str, Value] = {
            "total": total,
            "used": total - free,
            "free": free,
            "used_percent": percent(total - free, total),
            "in": pages_in * PAGE,
            "out": pages_out * PAGE,
        }
        return [Metric("swap", {}, fields)]


def parse_space(data: bytes) -> tuple[int, int]:
    """Bytes of swap and of free swap, of /proc/meminfo; zeros in a kernel without swap."""
    if not data:
        raise ValueError("empty")
    return row(data, b"SwapTotal:") << 10, row(data, b"SwapFree:") << 10


def parse_traffic(data: bytes) -> tuple[int, int]:
    """Pages swapped in and out since boot, of /proc/vmstat; zeros in a kernel without swap."""
    return row(data, b"pswpin"), row(data, b"pswpout")


def row(data: bytes, name: bytes) -> int:
    """The number behind a name that begins a line, 0 if the kernel has not got it.

    The files are long and two numbers are wanted, so they are searched instead of split.
    """
    key = b"\n" + name + b" "
    start = data.find(key)
    if start < 0:
        return 0
    start += len(key)
    return int(data[start : data.index(b"\n", start)].removesuffix(b" kB"))
