"""The programs that use most CPU and memory, by Telegraf's `procstat`; rationed.

Processes of one name are one series, and only the foremost are sent: a series a process would
never end.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from muster_agent.host import Host
from muster_agent.sensors import INT_LIMIT, Sensor, percent
from muster_agent.sensors.remembered import Remembered
from muster_wire.messages import Metric, Value

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")
UTIME, STIME, THREADS, RSS = 11, 12, 17, 21
"""Columns of /proc/PID/stat, counted behind the command."""


class Use(NamedTuple):
    """What the processes of one name use: CPU seconds so far, bytes, threads, processes."""

    cpu: float
    rss: int
    threads: int
    processes: int


Named = tuple[str, Use]
"""A process by its name."""


class Procstat(Sensor):
    """CPU in percent of one core since the last reading, memory in bytes.

    `top` names by CPU and as many by memory.
    """

    name = "procstat"
    every = 120.0

    def __init__(self, host: Host, *, top: int = 5) -> None:
        super().__init__(host)
        self.top = top
        self.remembered = Remembered(parse_use)
        self.last: dict[int, Named] = {}
        self.last_at = 0.0

    def read(self) -> list[Metric]:
        """At most twice `top` metrics; the first time there is no CPU use."""
        now = self.host.monotonic()
        stats = self.host.processes()
        found = dict(zip(stats, self.remembered.parse(stats.values()), strict=True))
        busy = used_since(self.last, found) if self.last else {}
        elapsed, self.last_at = now - self.last_at, now
        self.last = found
        totals = together(found.values())
        memory = {name: float(use.rss) for name, use in totals.items()}
        return [
            Metric(
                "procstat", {"process_name": name}, fields(totals[name], busy.get(name), elapsed)
            )
            for name in dict.fromkeys(foremost(busy, self.top) + foremost(memory, self.top))
        ]


def parse_use(data: bytes) -> tuple[str, Use]:
    """Name and use of one process; the name may hold anything, so the last ")" ends it.

    Kernel workers are named after what they do ("kworker/0:1"): they count together.
    """
    start, end = data.find(b"("), data.rfind(b")")
    columns = data[end + 2 :].split(None, RSS + 1)
    if start < 0 or len(columns) <= RSS:
        raise ValueError(f"process status cut short: {data[:60]!r}")
    ticks = int(columns[UTIME]) + int(columns[STIME])
    if abs(ticks) >= INT_LIMIT:
        raise ValueError("more ticks of CPU than 64 bits hold")
    cpu = ticks / TICK
    name = data[start + 1 : end].decode("utf-8", "replace").partition("/")[0]
    return name, Use(cpu, int(columns[RSS]) * PAGE, int(columns[THREADS]), 1)


def together(processes: Iterable[tuple[str, Use]]) -> dict[str, Use]:
    """The use of all processes of each name."""
    names: dict[str, list[Use]] = {}
    for name, use in processes:
        names.setdefault(name, []).append(use)
    return {
        name: uses[0] if len(uses) == 1 else Use(*map(sum, zip(*uses, strict=True)))
        for name, uses in names.items()
    }


def used_since(last: dict[int, Named], now: dict[int, Named]) -> dict[str, float]:
    """CPU seconds since the last reading by name; a process that is new counts from its start."""
    busy = dict.fromkeys((name for name, _ in now.values()), 0.0)
    for pid, one in now.items():
        if one is not (before := last.get(pid)):  # the same has done nothing
            name, use = one
            had = before[1].cpu if before is not None and before[0] == name else 0.0
            busy[name] += max(0.0, use.cpu - had)
    return busy


def foremost(amounts: dict[str, float], top: int) -> list[str]:
    """The names with the greatest amounts; those with nothing are not among them."""
    used = [name for name, amount in amounts.items() if amount > 0]
    return sorted(used, key=lambda name: (-amounts[name], name))[:top]


def fields(use: Use, busy: float | None, elapsed: float) -> dict[str, Value]:
    """One name's fields; CPU use only where a former reading makes a difference of it."""
    found: dict[str, Value] = {
        "memory_rss": use.rss,
        "num_threads": use.threads,
        "processes": use.processes,
    }
    if busy is not None and elapsed > 0:
        found["cpu_usage"] = percent(busy, elapsed)
    return found
