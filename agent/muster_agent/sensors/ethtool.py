"""Link state of network hardware and bonds by Telegraf's `ethtool`, from sysfs; rationed."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError, percent
from muster_wire.messages import Metric, Value

NET = "sys/class/net"
DUPLEX = {"half": 0, "full": 1}
UP = 0x1


class Traffic(NamedTuple):
    """Bytes received and sent at a time in seconds."""

    at: float
    received: int
    sent: int


class Ethtool(Sensor):
    """Interfaces with hardware behind them and bonds, up or not; use is the mean since last time.

    Once a minute: reading a speed takes a lock that the whole network stack shares.
    """

    name = "ethtool"
    every = 60.0

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.last: dict[str, Traffic] = {}
        self.names: list[str] = []
        self.virtual: set[str] = set()

    def read(self) -> list[Metric]:
        """One metric an interface; absent where the hardware is not shown (containers)."""
        try:
            names = self.host.names(NET)
        except FileNotFoundError as error:
            raise SensorAbsentError("no network") from error
        drivers = self._drivers(names)
        if not drivers:
            raise SensorAbsentError("no network hardware")
        last, self.last = self.last, {name: traffic(self.host, name) for name in drivers}
        return [
            Metric(
                "ethtool",
                {"driver": found, "interface": name},
                {**link(self.host, name), **self._use(last.get(name), name)},
            )
            for name, found in drivers.items()
        ]

    def _drivers(self, names: list[str]) -> dict[str, str]:
        """The driver of each interface that has one; the others are asked when names change."""
        if names != self.names:
            self.names, self.virtual = names, set()
        asked = {n: driver(self.host, n) for n in names if n not in self.virtual}
        self.virtual |= {name for name, found in asked.items() if found is None}
        return {name: found for name, found in asked.items() if found is not None}

    def _use(self, last: Traffic | None, name: str) -> dict[str, Value]:
        return use(last, self.last[name], number(self.host, name, "speed"))


def driver(host: Host, interface: str) -> str | None:
    """The driver of an interface, None where there is neither hardware nor a bond of it."""
    if host.exists(f"{NET}/{interface}/device"):
        return host.link(f"{NET}/{interface}/device/driver")
    return "bonding" if host.exists(f"{NET}/{interface}/bonding") else None


def number(host: Host, interface: str, name: str, base: int = 10) -> int:
    """A number in an interface's folder; -1 where the driver or the link's state has none."""
    try:
        return int(host.read(f"{NET}/{interface}/{name}"), base)
    except (OSError, ValueError):
        return -1


def link(host: Host, interface: str) -> dict[str, Value]:
    """State by Telegraf's numbers: 1 and 0 for yes and no, full and half; unknown is left out."""
    fields: dict[str, Value] = {
        "interface_up": number(host, interface, "flags", 16) & UP,
        "link": max(0, number(host, interface, "carrier")),
        "speed": number(host, interface, "speed"),
    }
    with suppress(OSError, KeyError):
        fields["duplex"] = DUPLEX[host.text(f"{NET}/{interface}/duplex")]
    changes = number(host, interface, "carrier_changes")
    return {**fields, "carrier_changes": changes} if changes >= 0 else fields


def traffic(host: Host, interface: str) -> Traffic:
    """The byte counters now."""
    return Traffic(
        host.monotonic(),
        number(host, interface, "statistics/rx_bytes"),
        number(host, interface, "statistics/tx_bytes"),
    )


def use(last: Traffic | None, now: Traffic, speed: int) -> dict[str, Value]:
    """Percent of the speed (Mbit/s) used in each direction; empty where it cannot be known."""
    if last is None or speed <= 0 or now.at <= last.at:
        return {}
    if now.received < last.received or now.sent < last.sent or last.received < 0:
        return {}
    capacity = speed * 1e6 / 8 * (now.at - last.at)
    return {
        "use_in": min(100.0, percent(now.received - last.received, capacity)),
        "use_out": min(100.0, percent(now.sent - last.sent, capacity)),
    }
