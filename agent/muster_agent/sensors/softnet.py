"""Packets that the kernel had no time or room for, of all CPUs together."""

from __future__ import annotations

from muster_agent.sensors import Sensor, SensorAbsentError
from muster_wire.messages import Metric, Value

SOFTNET_STAT = "proc/net/softnet_stat"
COLUMNS = {"processed": 0, "dropped": 1, "time_squeeze": 2}


class Softnet(Sensor):
    """Counts since boot, each the sum of 32-bit counters of every CPU."""

    name = "softnet"

    def read(self) -> list[Metric]:
        """One metric."""
        try:
            return [Metric("softnet", {}, self.host.parse(SOFTNET_STAT, parse_softnet))]
        except FileNotFoundError as error:
            raise SensorAbsentError("no network") from error


def parse_softnet(data: bytes) -> dict[str, Value]:
    """The sums over the lines (one a CPU) of /proc/net/softnet_stat; its numbers are hex."""
    rows = [line.split() for line in data.splitlines()]
    if not rows:
        raise ValueError("empty")
    return {name: sum(int(row[at], 16) for row in rows) for name, at in COLUMNS.items()}
