"""Memory by Telegraf's `mem`, from /proc/meminfo."""

from __future__ import annotations

from muster_agent.host import Host
from muster_agent.sensors import Sensor, percent
from muster_wire.messages import Metric, Value

MEMINFO = "proc/meminfo"
FIELDS = {
    "free": b"MemFree",
    "buffered": b"Buffers",
    "active": b"Active",
    "inactive": b"Inactive",
    "shared": b"Shmem",
    "mapped": b"Mapped",
    "dirty": b"Dirty",
    "write_back": b"Writeback",
    "slab": b"Slab",
    "sreclaimable": b"SReclaimable",
    "sunreclaim": b"SUnreclaim",
    "page_tables": b"PageTables",
    "swap_cached": b"SwapCached",
    "commit_limit": b"CommitLimit",
    "committed_as": b"Committed_AS",
    "huge_pages_total": b"HugePages_Total",
    "huge_pages_free": b"HugePages_Free",
}
SELDOM = {
    "high_free": b"HighFree",
    "high_total": b"HighTotal",
    "huge_page_size": b"Hugepagesize",
    "low_free": b"LowFree",
    "low_total": b"LowTotal",
    "swap_free": b"SwapFree",
    "swap_total": b"SwapTotal",
    "vmalloc_chunk": b"VmallocChunk",
    "vmalloc_total": b"VmallocTotal",
    "vmalloc_used": b"VmallocUsed",
    "write_back_tmp": b"WritebackTmp",
}
"""Telegraf's other fields: constants, copies of `swap`, and what only 32-bit kernels have."""
PAGES = frozenset(f"HugePages_{of}".encode() for of in ("Total", "Free", "Rsvd", "Surp"))
"""The rows that are not in kB."""


class Mem(Sensor):
    """Bytes (pages for huge_pages_*); `all_fields` adds what Telegraf also sends."""

    name = "mem"

    def __init__(self, host: Host, *, all_fields: bool = False) -> None:
        super().__init__(host)
        self.fields = FIELDS | SELDOM if all_fields else FIELDS

    def read(self) -> list[Metric]:
        """One metric; fields that the kernel has not got are left out."""
        info = self.host.parse(MEMINFO, parse_meminfo)
        fields: dict[str, Value] = {f: info[k] for f, k in self.fields.items() if k in info}
        return [Metric("mem", {}, {**usage(info), **fields})]


def parse_meminfo(data: bytes) -> dict[bytes, int]:
    """Every row of /proc/meminfo, in bytes where the kernel says kB."""
    words = data.replace(b" kB", b"").replace(b":", b"").split()
    kib = map(int, words[1::2])
    info = dict(zip(words[::2], map((1024).__mul__, kib), strict=True))
    for name in PAGES & info.keys():
        info[name] >>= 10
    if not info.get(b"MemTotal"):
        raise ValueError("no MemTotal")
    return info


def usage(info: dict[bytes, int]) -> dict[str, Value]:
    """What is used and what is left.

    used = total - available, as procps 4, psutil 7 and Telegraf since 1.36 count; cached includes
    reclaimable slab, as they do. Kernels before 3.14 have no MemAvailable.
    """
    total = info[b"MemTotal"]
    cached = info.get(b"Cached", 0) + info.get(b"SReclaimable", 0)
    available = info.get(b"MemAvailable")
    if available is None:
        available = info[b"MemFree"] + info.get(b"Buffers", 0) + cached
    available = min(available, total)
    return {
        "total": total,
        "available": available,
        "available_percent": percent(available, total),
        "used": total - available,
        "used_percent": percent(total - available, total),
        "cached": cached,
    }
