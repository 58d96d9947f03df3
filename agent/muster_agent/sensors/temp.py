"""Temperatures by Telegraf's `temp`: hardware monitors, else thermal zones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError
from muster_wire.messages import Metric

HWMON = "sys/class/hwmon"
THERMAL = "sys/class/thermal"
SEARCH_EVERY = 600.0
"""Seconds until new hardware is looked for."""

NOTHING = -100.0
"""Colder is no temperature but a chip that has none, such as a sleeping NVMe's absolute zero."""


class Probe(NamedTuple):
    """One thermometer: the file that holds thousandths of a degree, and its tags."""

    file: str
    tags: dict[str, str]


class Temp(Sensor):
    """Degrees Celsius; twice a minute, because some chips answer slowly and none changes fast."""

    name = "temp"
    every = 30.0

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.probes: list[Probe] = []
        self.search_at = 0.0

    def read(self) -> list[Metric]:
        """One metric a thermometer; one that does not answer (asleep, unplugged) is left out."""
        now = self.host.monotonic()
        if not self.probes or now >= self.search_at:
            self.probes = list(monitors(self.host)) or list(zones(self.host))
            self.search_at = now + SEARCH_EVERY
        if not self.probes:
            raise SensorAbsentError("no thermometers")
        found: list[Metric] = []
        for probe in self.probes:
            with suppress(OSError, ValueError):
                degrees = int(self.host.read(probe.file)) / 1000
                if degrees > NOTHING:
                    found.append(Metric("temp", probe.tags, {"temp": degrees}))
        return found


def entries(host: Host, folder: str) -> list[str]:
    """The names in a folder, none when there is no such folder."""
    try:
        return host.names(folder)
    except OSError:
        return []


def label(host: Host, file: str) -> str:
    """A label as Telegraf writes it, "" where the chip has none."""
    try:
        return host.text(file).lower().replace(" ", "_")
    except OSError:
        return ""


def monitors(host: Host) -> Iterator[Probe]:
    """The thermometers below /sys/class/hwmon; `device` tells two of the same chip apart."""
    for monitor in entries(host, HWMON):
        folder = f"{HWMON}/{monitor}"
        device = host.link(f"{folder}/device")
        chip = label(host, f"{folder}/name") or device or monitor
        for name in entries(host, folder):
            if name.startswith("temp") and name.endswith("_input"):
                part = label(host, f"{folder}/{name.removesuffix('_input')}_label")
                sensor = f"{chip}_{part}" if part else chip
                device_tag = {"device": device} if device else {}
                yield Probe(f"{folder}/{name}", {"sensor": sensor, **device_tag})


def zones(host: Host) -> Iterator[Probe]:
    """The thermal zones, which small boards have instead."""
    for zone in entries(host, THERMAL):
        if zone.startswith("thermal_zone"):
            kind = label(host, f"{THERMAL}/{zone}/type") or zone
            yield Probe(f"{THERMAL}/{zone}/temp", {"sensor": kind, "device": zone})
