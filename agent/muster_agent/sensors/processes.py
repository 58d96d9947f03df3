"""How many processes there are in each state, by Telegraf's `processes`; rationed."""

from __future__ import annotations

from collections import Counter

from muster_agent.host import Host
from muster_agent.sensors import Sensor
from muster_agent.sensors.remembered import Remembered
from muster_wire.messages import Metric, Value

STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "blocked",
    "Z": "zombies",
    "X": "dead",
    "x": "dead",
    "T": "stopped",
    "t": "stopped",
    "W": "paging",
    "I": "idle",
    "P": "parked",
}
COUNTED = (
    "blocked",
    "dead",
    "idle",
    "paging",
    "running",
    "sleeping",
    "stopped",
    "total",
    "total_threads",
    "unknown",
    "zombies",
)
THREADS = 17
"""The column of the thread count in /proc/PID/stat, counted behind the command."""


class Processes(Sensor):
    """Counts; every process costs a read of some 10 us, so every two minutes is enough."""

    name = "processes"
    every = 120.0

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.remembered = Remembered(parse_stat)

    def read(self) -> list[Metric]:
        """One metric."""
        found = self.remembered.parse(self.host.processes().values())
        states = [state for state, _ in found]
        fields: dict[str, Value] = {**dict.fromkeys(COUNTED, 0), **Counter(states)}
        fields["total"] = len(states)
        fields["total_threads"] = sum(threads for _, threads in found)
        return [Metric("processes", {}, fields)]


def parse_stat(data: bytes) -> tuple[str, int]:
    """State's name and thread count; the command may hold anything, so count from its end."""
    end = data.rfind(b")")
    columns = data[end + 2 :].split(None, THREADS + 1)
    if end < 0 or len(columns) <= THREADS:
        raise ValueError(f"process status cut short: {data[:60]!r}")
    return STATES.get(chr(columns[0][0]), "unknown"), int(columns[THREADS])
