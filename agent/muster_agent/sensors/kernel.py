"""Interrupts, context switches, forks, boot time and entropy by Telegraf's `kernel`."""

from __future__ import annotations

from contextlib import suppress

from muster_agent.sensors import Sensor
from muster_wire.messages import Metric, Value

STAT = "proc/stat"
ENTROPY = "proc/sys/kernel/random/entropy_avail"
ROWS = {
    "interrupts": b"\nintr ",
    "context_switches": b"\nctxt ",
    "boot_time": b"\nbtime ",
    "processes_forked": b"\nprocesses ",
}


class Kernel(Sensor):
    """Counts since boot; boot_time is Unix seconds, entropy_avail is bits."""

    name = "kernel"

    def read(self) -> list[Metric]:
        """One metric; entropy is left out where it may not be read (some containers)."""
        fields: dict[str, Value] = {**self.host.parse(STAT, parse_stat)}
        with suppress(OSError):
            fields["entropy_avail"] = self.host.parse(ENTROPY, int)
        return [Metric("kernel", {}, fields)]


def parse_stat(data: bytes) -> dict[str, int]:
    """The single rows of /proc/stat, found by name: its interrupt row is long."""
    return {field: _first(data, key) for field, key in ROWS.items()}


def _first(data: bytes, key: bytes) -> int:
    start = data.find(key)
    if start < 0:
        raise ValueError(f"no row {key.strip().decode()}")
    return int(data[start + len(key) : start + len(key) + 24].split(None, 1)[0])
