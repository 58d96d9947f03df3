"""What chronyd knows of the clock, by Telegraf's `chrony`."""

from __future__ import annotations

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError, finite
from muster_agent.sensors.program import Program
from muster_wire.messages import Metric, Value

FIELDS = {
    "system_time": 4,
    "last_offset": 5,
    "rms_offset": 6,
    "frequency": 7,
    "residual_freq": 8,
    "skew": 9,
    "root_delay": 10,
    "root_dispersion": 11,
    "update_interval": 12,
}
"""Field to column of `chronyc -c tracking`."""


class Chrony(Sensor):
    """Seconds and ppm, as of the last minute."""

    name = "chrony"
    every = 60.0

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.program = Program(host, "chronyc", "-n", "-c", "tracking", every=60, timeout=20)

    def read(self) -> list[Metric]:
        """One metric, none before chronyc's first answer."""
        if not self.program.installed():
            raise SensorAbsentError("no chronyc", self.program.installed)
        output = self.program.latest()
        return [] if output is None else [parse_tracking(output)]


def parse_tracking(data: bytes) -> Metric:
    """The line of `chronyc -c tracking`."""
    columns = data.decode().strip().split(",")
    if len(columns) != 14:
        raise ValueError(f"chronyc tracking: {len(columns)} columns instead of 14")
    fields: dict[str, Value] = {name: finite(columns[at]) for name, at in FIELDS.items()}
    tags = {
        "leap_status": columns[13].lower(),
        "reference_id": columns[0],
        "stratum": columns[2],
    }
    return Metric("chrony", tags, fields)
