"""The busiest interrupt lines by Telegraf's `interrupts`: their totals, not a number a CPU."""

from __future__ import annotations

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError
from muster_wire.messages import Metric

INTERRUPTS = "proc/interrupts"

Line = tuple[str, str, str]
"""Telegraf's tags: irq, type and device ("" for none)."""


class Interrupts(Sensor):
    """Counts since boot of the `top` lines that have counted most; a large file, so rationed."""

    name = "interrupts"
    every = 60.0

    def __init__(self, host: Host, *, top: int = 16) -> None:
        super().__init__(host)
        self.top = top

    def read(self) -> list[Metric]:
        """One metric a line, in the order of the file."""
        try:
            totals = self.host.parse(INTERRUPTS, parse_interrupts)
        except FileNotFoundError as error:
            raise SensorAbsentError("no interrupts") from error
        counted = [line for line, total in totals.items() if total]
        kept = set(sorted(counted, key=lambda line: -totals[line])[: self.top])
        return [
            Metric("interrupts", _tags(line), {"total": totals[line]})
            for line in counted
            if line in kept
        ]


def _tags(line: Line) -> dict[str, str]:
    names = ("irq", "type", "device")
    return {name: value for name, value in zip(names, line, strict=True) if value}


def parse_interrupts(data: bytes) -> dict[Line, int]:
    """The total of every line of proc(5)'s /proc/interrupts, over all CPUs."""
    head, *lines = data.splitlines() or [b""]
    cpus = len(head.split())
    if not cpus or not head.lstrip().startswith(b"CPU"):
        raise ValueError(f"no CPUs in {head[:40]!r}")
    totals: dict[Line, int] = {}
    for line in lines:
        irq, colon, rest = line.decode("utf-8", "replace").partition(":")
        words = rest.split()
        if not colon or not words:
            raise ValueError(f"no counts in {line[:40]!r}")
        numbers = []
        for word in words[:cpus]:
            if not word.isdecimal():
                break  # ERR and MIS have one number, whatever there are of CPUs
            numbers.append(int(word))
        name, about = irq.strip(), words[len(numbers) :]
        if name.isdecimal():
            totals[name, about[0] if about else "", " ".join(about[1:])] = sum(numbers)
        else:
            totals[name, " ".join(about), ""] = sum(numbers)
    return totals
