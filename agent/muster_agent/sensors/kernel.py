"""Interrupts, context switches, forks, boot time and entropy by Telegraf's `kernel`."""

from __future__ import annotations

from contextlib import suppress

from muster_agent.host import Host
from muster_agent.sensors import Sensor
from muster_wire.messages import Metric, Value

STAT = "proc/stat"
ENTROPY = "proc/sys/kernel/random/entropy_avail"
POOL = "proc/sys/kernel/random/poolsize"
FULL, KEPT = 256, 60.0
"""Bits of the pool since Linux 5.18; once full it stays so, and is asked after these seconds."""
ROWS = {
    "interrupts": b"\nintr ",
    "context_switches": b"\nctxt ",
    "boot_time": b"\nbtime ",
    "processes_forked": b"\nprocesses ",
}


class Kernel(Sensor):
    """Counts since boot; boot_time is Unix seconds, entropy_avail is bits."""

    name = "kernel"

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.entropy: int | None = None
        self.until = 0.0
        self.pool = 0
        with suppress(OSError, ValueError):
            self.pool = int(host.read(POOL))

    def read(self) -> list[Metric]:
        """One metric; entropy is left out where it may not be read (some containers)."""
        fields: dict[str, Value] = {**self.host.parse(STAT, parse_stat)}
        now = self.host.monotonic()
        if now >= self.until or not self.entropy == self.pool == FULL:
            self.until, self.entropy = now + KEPT, None
            with suppress(OSError):
                self.entropy = self.host.parse(ENTROPY, int)
        if self.entropy is not None:
            fields["entropy_avail"] = self.entropy
        return [Metric("kernel", {}, fields)]


def parse_stat(data: bytes) -> dict[str, int]:
    """The single rows of /proc/stat, found by name: its interrupt row is long."""
    return {field: _first(data, key) for field, key in ROWS.items()}


def _first(data: bytes, key: bytes) -> int:
    start = data.find(key)
    if start < 0:
        raise ValueError(f"no row {key.strip().decode()}")
    return int(data[start + len(key) : start + len(key) + 24].split(None, 1)[0])
