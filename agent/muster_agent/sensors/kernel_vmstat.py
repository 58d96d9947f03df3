"""Out-of-memory kills and paging by Telegraf's `kernel_vmstat`: the essentials of its 150 rows."""

from __future__ import annotations

from muster_agent.sensors import Sensor
from muster_agent.sensors.swap import VMSTAT
from muster_wire.messages import Metric, Value

WANTED = ("oom_kill", "pgfault", "pgmajfault", "pgscan_direct")
KEYS = {name: f"\n{name} ".encode() for name in WANTED}


class KernelVmstat(Sensor):
    """Counts since boot."""

    name = "kernel_vmstat"

    def read(self) -> list[Metric]:
        """One metric; rows that the kernel has not got are left out."""
        fields = self.host.parse(VMSTAT, parse_vmstat)
        if not fields:
            raise ValueError(f"/{VMSTAT}: none of {', '.join(WANTED)}")
        return [Metric("kernel_vmstat", {}, fields)]


def parse_vmstat(data: bytes) -> dict[str, Value]:
    """The wanted rows, found by name because the file is long."""
    found: dict[str, Value] = {}
    for name, key in KEYS.items():
        start = data.find(key)
        if start >= 0:
            start += len(key)
            found[name] = int(data[start : data.index(b"\n", start)])
    return found
