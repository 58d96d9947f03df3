"""How many processes there are in each state, by Telegraf's `processes`; rationed."""

from __future__ import annotations

from muster_agent.sensors import Sensor
from muster_wire.messages import Metric

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
    """Counts; every process costs a read of some 15 us, so once a minute is enough."""

    name = "processes"
    every = 60.0

    def read(self) -> list[Metric]:
        """One metric."""
        fields = dict.fromkeys(COUNTED, 0)
        for stat in self.host.processes().values():
            state, threads = parse_stat(stat)
            fields["total"] += 1
            fields["total_threads"] += threads
            fields[state] = fields.get(state, 0) + 1
        return [Metric("processes", {}, {**fields})]


def parse_stat(data: bytes) -> tuple[str, int]:
    """State's name and thread count; the command may hold anything, so count from its end."""
    end = data.rfind(b")")
    columns = data[end + 2 :].split(None, THREADS + 1)
    if end < 0 or len(columns) <= THREADS:
        raise ValueError(f"process status cut short: {data[:60]!r}")
    return STATES.get(chr(columns[0][0]), "unknown"), int(columns[THREADS])
