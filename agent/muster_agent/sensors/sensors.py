"""Fans, power and current by Telegraf's `sensors`, from sysfs instead of the tool of that name.

Temperatures are `temp`'s; voltages are left out, because without a chip's wiring they mean nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError
from muster_agent.sensors.temp import HWMON, SEARCH_EVERY, entries, label
from muster_wire.messages import Metric

SCALES = {"fan": 1, "power": 1_000_000, "curr": 1000}
"""Kind of feature to what its number must be divided by for rpm, W and A."""
FEATURE = re.compile(r"((fan|power|curr)\d+)_(input|average)")
PCI = re.compile(r"[0-9a-f]{4}:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])")
I2C = re.compile(r"(\d+)-([0-9a-f]{4})")
PLATFORM = re.compile(r".*\.(\d+)")


class Feature(NamedTuple):
    """One thing that a chip measures."""

    file: str
    tags: dict[str, str]
    field: str
    scale: int


class Sensors(Sensor):
    """Fans in rpm, power in W, currents in A; twice a minute."""

    name = "sensors"
    every = 30.0

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.features: list[Feature] = []
        self.search_at = 0.0

    def read(self) -> list[Metric]:
        """One metric a feature; one that does not answer is left out."""
        now = self.host.monotonic()
        if not self.features or now >= self.search_at:
            self.features = list(features(self.host))
            self.search_at = now + SEARCH_EVERY
        if not self.features:
            raise SensorAbsentError("no fans or power meters")
        found: list[Metric] = []
        for one in self.features:
            with suppress(OSError, ValueError):
                value = int(self.host.read(one.file)) / one.scale
                found.append(Metric("sensors", one.tags, {one.field: value}))
        return found


def features(host: Host) -> Iterator[Feature]:
    """Every fan, power and current below /sys/class/hwmon."""
    for monitor in entries(host, HWMON):
        folder = f"{HWMON}/{monitor}"
        chip = chip_name(label(host, f"{folder}/name") or monitor, host.link(f"{folder}/device"))
        for name in entries(host, folder):
            if match := FEATURE.fullmatch(name):
                feature, kind, what = match.groups()
                tags = {
                    "chip": chip,
                    "feature": label(host, f"{folder}/{feature}_label") or feature,
                }
                yield Feature(f"{folder}/{name}", tags, f"{kind}_{what}", SCALES[kind])


def chip_name(name: str, device: str) -> str:
    """A chip's name as lm-sensors writes it: with its bus and its address on it."""
    if match := PCI.fullmatch(device):
        bus, slot, function = (int(part, 16) for part in match.groups())
        return f"{name}-pci-{bus << 8 | slot << 3 | function:04x}"
    if match := I2C.fullmatch(device):
        return f"{name}-i2c-{match[1]}-{int(match[2], 16):02x}"
    if device.startswith(("ACPI", "PNP")):
        return f"{name}-acpi-0"
    if match := PLATFORM.fullmatch(device):
        return f"{name}-isa-{int(match[1]):04x}"
    return f"{name}-isa-0000" if device else f"{name}-virtual-0"
