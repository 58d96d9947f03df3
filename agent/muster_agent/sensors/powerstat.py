"""Power of processor packages and memory, by the `powerstat_package` of Telegraf's intel_powerstat.

RAPL counts energy; AMD's processors show it under the same names. Reading it takes root.
"""

from __future__ import annotations

from typing import NamedTuple

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError
from muster_agent.sensors.temp import entries
from muster_wire.messages import Metric, Value

POWERCAP = "sys/class/powercap"
FIELDS = {"package": "current_power_consumption", "dram": "current_dram_power_consumption"}


class Zone(NamedTuple):
    """One energy counter: its folder, its package, what it counts, and where it wraps (uJ)."""

    folder: str
    package: str
    field: str
    wrap: int


class Powerstat(Sensor):
    """Watts, the mean since the last reading."""

    name = "powerstat"

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.zones: list[Zone] | None = None
        self.last: dict[str, tuple[float, int]] = {}

    def read(self) -> list[Metric]:
        """One metric a package, from the second reading on."""
        if self.zones is None:
            self.zones = zones(self.host)
        if not self.zones:
            raise SensorAbsentError("no energy counters")
        packages: dict[str, dict[str, Value]] = {}
        for zone in self.zones:
            watts = self._watts(zone)
            if watts is not None:
                packages.setdefault(zone.package, {})[zone.field] = watts
        return [
            Metric("powerstat_package", {"package_id": package}, fields)
            for package, fields in packages.items()
        ]

    def _watts(self, zone: Zone) -> float | None:
        try:
            now = self.host.monotonic(), self.host.parse(f"{zone.folder}/energy_uj", int)
        except PermissionError as error:
            raise SensorAbsentError(f"energy counters take root: {error}") from error
        last = self.last.get(zone.folder)
        self.last[zone.folder] = now
        return None if last is None else watts(last, now, zone.wrap)


def zones(host: Host) -> list[Zone]:
    """The counters of packages and of memory; cores and graphics are parts of a package."""
    found: list[Zone] = []
    for name in entries(host, POWERCAP):
        if not name.startswith("intel-rapl:"):
            continue
        folder = f"{POWERCAP}/{name}"
        kind = host.text(f"{folder}/name").partition("-")[0]
        if kind in FIELDS:
            wrap = int(host.read(f"{folder}/max_energy_range_uj"))
            found.append(Zone(folder, name.split(":")[1], FIELDS[kind], wrap))
    return found


def watts(last: tuple[float, int], now: tuple[float, int], wrap: int) -> float | None:
    """Mean power between two (seconds, uJ); None when no time has passed.

    A counter that has stepped back has wrapped once: at 200 W that takes minutes.
    """
    seconds = now[0] - last[0]
    energy = now[1] - last[1]
    if energy < 0:
        energy += wrap
    return round(energy / 1e6 / seconds, 3) if seconds > 0 else None
