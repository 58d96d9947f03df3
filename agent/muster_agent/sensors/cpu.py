"""CPU use in percent since the last sample, by Telegraf's `cpu`.

Only the total by default: ten fields a CPU would make a 64-core server's report 640 values longer,
and the total and the load tell whether it is worth looking closer.
"""

from __future__ import annotations

from muster_agent.host import Host
from muster_agent.sensors import Sensor, percent
from muster_wire.messages import Metric

STAT = "proc/stat"
USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, GUEST, GUEST_NICE = range(10)

Times = list[int]
"""The ten columns of a cpu line in proc(5), in clock ticks."""


class Cpu(Sensor):
    """Use since the last reading; the first counts from when the sensor was made."""

    name = "cpu"

    def __init__(self, host: Host, *, percpu: bool = False) -> None:
        super().__init__(host)
        self.percpu = percpu
        self.last: dict[str, Times] = {}
        try:
            self.last = self._times()
        except (OSError, ValueError):
            self.last = {}  # the first reading says what is wrong

    def read(self) -> list[Metric]:
        """One metric a CPU that has run since the last reading."""
        now, last = self._times(), self.last
        self.last = now
        return [
            Metric("cpu", {"cpu": cpu}, fields)
            for cpu, times in now.items()
            if cpu in last and (fields := usage(last[cpu], times))
        ]

    def _times(self) -> dict[str, Times]:
        return self.host.parse(STAT, parse_all if self.percpu else parse_total)


def parse_total(data: bytes) -> dict[str, Times]:
    """The times of all CPUs together."""
    return {"cpu-total": _times(data[: data.index(b"\n")])}


def parse_all(data: bytes) -> dict[str, Times]:
    """The times of all CPUs together and of each."""
    lines = data.split(b"\n")
    each = {line.split(b" ", 1)[0].decode(): line for line in lines[1:] if line[:3] == b"cpu"}
    return parse_total(data) | {name: _times(line) for name, line in each.items()}


def _times(line: bytes) -> Times:
    columns = line.split()
    if columns[0][:3] != b"cpu" or len(columns) < 5:
        raise ValueError(f"no cpu line: {line[:60]!r}")
    # Old kernels lack the last columns.
    return [*map(int, columns[1:11]), *([0] * (11 - len(columns)))]


def usage(last: Times, now: Times) -> dict[str, int | float | bool | str]:
    """Percentages of the time between two readings; empty when the counters stood or restarted.

    A guest's time is part of user (and nice) in proc(5) and is taken out, as Telegraf does. Single
    columns may step back a little (iowait is an estimate): they count as standing.
    """
    if sum(now[:8]) <= sum(last[:8]):
        return {}
    d = [max(0, b - a) for a, b in zip(last, now, strict=True)]
    total = sum(d[:8])
    return {
        "usage_user": percent(max(0, d[USER] - d[GUEST]), total),
        "usage_system": percent(d[SYSTEM], total),
        "usage_idle": percent(d[IDLE], total),
        "usage_nice": percent(max(0, d[NICE] - d[GUEST_NICE]), total),
        "usage_iowait": percent(d[IOWAIT], total),
        "usage_irq": percent(d[IRQ], total),
        "usage_softirq": percent(d[SOFTIRQ], total),
        "usage_steal": percent(d[STEAL], total),
        "usage_guest": percent(d[GUEST], total),
        "usage_guest_nice": percent(d[GUEST_NICE], total),
    }
