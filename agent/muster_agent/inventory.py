"""What a birth says about the machine; whatever cannot be read is left out."""

from __future__ import annotations

import os
from collections.abc import Callable

from muster_agent.host import Host

Value = int | float | bool | str


def take(host: Host) -> dict[str, Value]:
    """The machine in a few words and numbers."""
    reads: dict[str, Callable[[], Value]] = {
        "hostname": host.hostname,
        "os": lambda: release(host.text("etc/os-release")),
        "kernel": lambda: host.text("proc/sys/kernel/osrelease"),
        "boot_id": host.boot_id,
        "cpus": lambda: len(host.cpus()),
        "memory": lambda: total(host.text("proc/meminfo")),
        "model": lambda: host.text("sys/class/dmi/id/product_name"),
    }
    found: dict[str, Value] = {"arch": os.uname().machine} if host.live else {}
    for name, read in reads.items():
        try:
            found[name] = read()
        except (OSError, ValueError, StopIteration):
            continue  # the machine has no such file
    return found


def release(text: str) -> str:
    """The name of the system in os-release(5)."""
    lines = (line for line in text.splitlines() if line.startswith("PRETTY_NAME="))
    return next(lines).partition("=")[2].strip("\"'")


def total(text: str) -> int:
    """Bytes of memory in /proc/meminfo."""
    line = next(line for line in text.splitlines() if line.startswith("MemTotal:"))
    return int(line.split()[1]) * 1024
