"""Updates that wait to be installed, and whether one waits for a reboot (Debian and its children).

Asking apt costs about half a second of CPU, so it is asked twice a day, at low priority and beside
the sampling; what it said is sent every minute.
"""

from __future__ import annotations

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError
from muster_agent.sensors.program import Program
from muster_wire.messages import Metric, Value

REBOOT_REQUIRED = ("run/reboot-required", "var/run/reboot-required")
SECURITY = (b"-security", b"-Security", b"/security")
HALF_A_DAY = 12 * 3600.0
AFTER_START = 60.0
"""Seconds: when a machine or an agent starts, there is more urgent work."""


class Updates(Sensor):
    """Counts of packages, and 1 or 0 for a reboot."""

    name = "updates"
    every = 60.0

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.program = Program(
            host,
            *("apt-get", "--simulate", "-o", "Debug::NoLocking=true", "dist-upgrade"),
            every=HALF_A_DAY,
            delay=AFTER_START,
            timeout=300,
        )

    def read(self) -> list[Metric]:
        """One metric; without the counts before apt's first answer."""
        if not self.program.installed():
            raise SensorAbsentError("no apt-get")
        reboot = any(self.host.exists(path) for path in REBOOT_REQUIRED)
        fields: dict[str, Value] = {"reboot_required": int(reboot)}
        output = self.program.latest()
        if output is not None:
            fields.update(parse_upgrade(output))
        return [Metric("updates", {}, fields)]


def parse_upgrade(data: bytes) -> dict[str, Value]:
    """What `apt-get --simulate dist-upgrade` would install.

    The origin stands in brackets behind the new version: `Inst bash [5.2-1] (5.2-2
    Debian-Security:12/stable-security [amd64])`.
    """
    lines = [line for line in data.splitlines() if line.startswith(b"Inst ")]
    security = sum(any(mark in line for mark in SECURITY) for line in lines)
    return {"pending": len(lines), "security": security}
