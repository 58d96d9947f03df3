"""Failed and chosen units by Telegraf's `systemd_units`, and how many have failed."""

from __future__ import annotations

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError
from muster_agent.sensors.program import Program
from muster_wire.messages import Metric

BOOTED = "run/systemd/system"
"""The folder that says, by sd_booted(3), that systemd is in charge."""
LOAD = ("loaded", "stub", "not-found", "bad-setting", "error", "merged", "masked")
ACTIVE = ("active", "reloading", "inactive", "failed", "activating", "deactivating")
SERVICE = """running dead start-pre start exited reload stop stop-watchdog stop-sigterm
    stop-sigkill stop-post final-sigterm failed auto-restart condition cleaning waiting
    reload-signal reload-notify final-watchdog dead-before-auto-restart
    failed-before-auto-restart dead-resources-pinned auto-restart-queued"""
MOUNT = """mounting mounting-done mounted remounting unmounting remounting-sigterm
    remounting-sigkill unmounting-sigterm unmounting-sigkill"""
SOCKET = """start-chown start-post listening stop-pre stop-pre-sigterm stop-pre-sigkill
    final-sigkill"""
SWAP = "activating activating-done deactivating deactivating-sigterm deactivating-sigkill"
GROUPS = {
    0x00: SERVICE,
    0x20: "tentative plugged",
    0x30: MOUNT,
    0x50: "abandoned",
    0x60: "active",
    0x70: SOCKET,
    0x80: SWAP,
    0xA0: "elapsed",
}
SUB = {state: at for start, text in GROUPS.items() for at, state in enumerate(text.split(), start)}
"""Sub state to Telegraf's number."""

Unit = tuple[str, str, str, str]
"""Name, load, active and sub state."""


class SystemdUnits(Sensor):
    """Every failed unit, those named in `units`, and the count; listed anew every five minutes.

    Sent every minute, so that a window of some minutes always holds the count.
    """

    name = "systemd_units"
    every = 60.0

    def __init__(self, host: Host, *, units: tuple[str, ...] = ()) -> None:
        super().__init__(host)
        self.units = frozenset(units)
        self.program = Program(
            host,
            *("systemctl", "list-units", "--all", "--plain", "--no-legend", "--no-pager"),
            every=300,
            timeout=20,
        )

    def read(self) -> list[Metric]:
        """A `systemd` metric and one metric a unit; none before systemctl's first answer."""
        if not self._in_charge():
            raise SensorAbsentError("systemd is not in charge here", self._in_charge)
        units = self.program.parsed(parse_units)
        return [] if units is None else report(units, self.units)

    def _in_charge(self) -> bool:
        return self.host.exists(BOOTED) and self.program.installed()


def parse_units(data: bytes) -> list[Unit]:
    """The units of `systemctl list-units --plain --no-legend`."""
    units: list[Unit] = []
    for line in data.decode("utf-8", "replace").splitlines():
        name, load, active, sub, *_ = line.split(None, 4)
        units.append((name, load, active, sub))
    if not units:
        raise ValueError("systemctl lists no units")
    return units


def report(units: list[Unit], chosen: frozenset[str]) -> list[Metric]:
    """The count and the units that matter; unknown states have no number."""
    failed = sum(active == "failed" for _, _, active, _ in units)
    counts = Metric("systemd", {}, {"units_failed": failed, "units_total": len(units)})
    return [counts, *(state(unit) for unit in units if unit[0] in chosen or unit[2] == "failed")]


def state(unit: Unit) -> Metric:
    """One unit with its states as tags and, where Telegraf numbers them, as codes."""
    name, load, active, sub = unit
    codes = {
        "load_code": LOAD.index(load) if load in LOAD else None,
        "active_code": ACTIVE.index(active) if active in ACTIVE else None,
        "sub_code": SUB.get(sub),
    }
    tags = {"name": name, "load": load, "active": active, "sub": sub}
    known = {field: code for field, code in codes.items() if code is not None}
    return Metric("systemd_units", tags, {**known})
