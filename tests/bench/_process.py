"""What a process costs: processor time, memory, TCP segments; the same for every agent."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

SEGMENTS = re.compile(r"data_segs_out:(\d+)")


class Memory(NamedTuple):
    """MB: resident, shared pages divided by who shares them, and what nobody shares."""

    rss: float
    pss: float
    uss: float


def memory(pid: int) -> Memory:
    """What a process holds now."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kb = {name: int(rest.split()[0]) for name, rest in (line.split(":", 1) for line in lines)}
    own = kb["Private_Clean"] + kb["Private_Dirty"]
    return Memory(kb["Rss"] / 1000, kb["Pss"] / 1000, own / 1000)


def cpu_ms(pid: int) -> float:
    """Processor time of all threads so far."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def segments(port: int) -> int:
    """TCP segments with data that have gone to a port of this machine over its connections."""
    command = ["ss", "--tcp", "--info", "--no-header", "--oneline", "dport", "=", f":{port}"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return sum(int(count) for count in SEGMENTS.findall(told))


class Cost(NamedTuple):
    """What one interval costs, and what the process holds."""

    cpu_ms: float
    memory: Memory
    values: float


def heading() -> str:
    """The columns of `line`."""
    return f"{'':<36}{'CPU ms':>7}{'RSS MB':>8}{'PSS MB':>8}{'USS MB':>8}{'values':>8}"


def line(name: str, cost: Cost) -> str:
    """One row of the table."""
    rss, pss, uss = cost.memory
    return f"{name:<36}{cost.cpu_ms:7.2f}{rss:8.1f}{pss:8.1f}{uss:8.1f}{cost.values:8.0f}"
