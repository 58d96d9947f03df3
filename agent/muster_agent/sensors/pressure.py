"""Pressure stall information by the `pressure` of Telegraf's `kernel` plugin."""

from __future__ import annotations

from muster_agent.sensors import Sensor, SensorAbsentError, finite
from muster_wire.messages import Metric, Value

RESOURCES = ("cpu", "memory", "io")


class Pressure(Sensor):
    """Percent of time in which some or all tasks waited; `total` is microseconds since boot."""

    name = "pressure"

    def read(self) -> list[Metric]:
        """One metric a resource and type; `full` of cpu means nothing system-wide and is left out.

        Kernels built or booted without PSI have no files, or files that answer EOPNOTSUPP.
        """
        found: list[Metric] = []
        for resource in RESOURCES:
            try:
                lines = self.host.parse(f"proc/pressure/{resource}", parse_pressure)
            except OSError as error:
                why = "no pressure stall information: the kernel has none, or wants psi=1 to begin"
                raise SensorAbsentError(why) from error
            found += [
                Metric("pressure", {"resource": resource, "type": kind}, fields)
                for kind, fields in lines.items()
                if (resource, kind) != ("cpu", "full")
            ]
        return found


def parse_pressure(data: bytes) -> dict[str, dict[str, Value]]:
    """The lines `some` and `full` with avg10, avg60, avg300 and total."""
    lines: dict[str, dict[str, Value]] = {}
    for line in data.splitlines():
        kind, *words = line.replace(b"=", b" ").split()
        values = dict(zip(words[::2], words[1::2], strict=True))
        lines[kind.decode()] = {
            "avg10": finite(values[b"avg10"]),
            "avg60": finite(values[b"avg60"]),
            "avg300": finite(values[b"avg300"]),
            "total": int(values[b"total"]),
        }
    if "some" not in lines:
        raise ValueError("no line 'some'")
    return lines
