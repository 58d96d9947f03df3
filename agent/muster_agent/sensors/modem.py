"""Signal and state of mobile modems (2G to 5G), asked of ModemManager by mmcli."""

from __future__ import annotations

import json
from typing import Any

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError, finite
from muster_agent.sensors.program import Program
from muster_wire.messages import Metric, Value

SELDOM, OFTEN = 600.0, 60.0
"""Seconds between looks for modems, and at each; a look costs some 10 ms of CPU."""
STRENGTHS = {"rssi": "rssi", "rsrp": "rsrp", "rsrq": "rsrq", "snr": "snr"}
TECHNOLOGIES = ("5g", "lte", "umts", "gsm")
"""The newest first: it is the one that matters where a modem names several."""
ROAMING, HOME = "roaming", "home"


class Modem(Sensor):
    """Percent; dBm and dB where somebody has told ModemManager to ask for them (--signal-setup)."""

    name = "modem"
    every = 60.0

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.list = Program(host, "mmcli", "-J", "-L", every=SELDOM, timeout=20)
        self.asked: dict[str, tuple[Program, Program]] = {}

    def read(self) -> list[Metric]:
        """One metric a modem that has answered; absent without a modem or its manager."""
        if not self.list.installed():
            raise SensorAbsentError("no mmcli", self.list.installed)
        try:
            listed = self.list.latest()
        except OSError as error:
            raise SensorAbsentError("ModemManager does not run") from error
        if listed is None:
            return []
        paths = parse_list(listed)
        if not paths:
            raise SensorAbsentError("no modem")
        self.asked = {path: self.asked.get(path) or self._programs(path) for path in paths}
        return [metric for path in paths for metric in self._modem(*self.asked[path])]

    def _programs(self, path: str) -> tuple[Program, Program]:
        state = Program(self.host, "mmcli", "-J", "-m", path, every=OFTEN, timeout=20)
        signal = ("mmcli", "-J", "-m", path, "--signal-get")
        return state, Program(self.host, *signal, every=OFTEN, timeout=20)

    def _modem(self, state: Program, signal: Program) -> list[Metric]:
        output = state.latest()
        if output is None:
            return []
        metric = parse_modem(output)
        try:
            metric.fields |= parse_signal(signal.latest() or b"{}")
        except OSError:
            signal.due += SELDOM  # this modem, or this version of mmcli, tells no more
        return [metric]


def parse_list(data: bytes) -> list[str]:
    """The D-Bus paths of the modems."""
    raw = json.loads(data)
    paths = raw.get("modem-list") if isinstance(raw, dict) else None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ValueError("mmcli: modem-list is no list of paths")
    return paths


def parse_modem(data: bytes) -> Metric:
    """What mmcli says of one modem; "--" stands for nothing."""
    modem = part(json.loads(data), "modem")
    generic, network = part(modem, "generic"), part(modem, "3gpp")
    state = text(generic, "state")
    if not state:
        raise ValueError("mmcli: a modem without a state")
    registration = text(network, "registration-state")
    fields: dict[str, Value] = {
        "connected": int(state == "connected"),
        "registered": int(registration in (HOME, ROAMING)),
        "roaming": int(registration == ROAMING),
    }
    if quality := text(part(generic, "signal-quality"), "value"):
        fields["signal_quality"] = int(quality)
    technologies = generic.get("access-technologies")
    if isinstance(technologies, list) and technologies:
        fields["access_technology"] = "+".join(str(t)[:20] for t in technologies[:4])
    tags = {
        "modem": text(generic, "primary-port") or "modem",
        "model": text(generic, "model"),
        "operator": text(network, "operator-name"),
    }
    return Metric("modem", {name: value for name, value in tags.items() if value}, fields)


def parse_signal(data: bytes) -> dict[str, Value]:
    """The strengths of the newest technology that has any."""
    signal = part(part(json.loads(data), "modem"), "signal")
    for technology in TECHNOLOGIES:
        values = part(signal, technology)
        found = {name: text(values, key) for name, key in STRENGTHS.items()}
        if any(found.values()):
            return {name: finite(value.encode()) for name, value in found.items() if value}
    return {}


def part(table: Any, name: str) -> dict[str, Any]:
    """A table inside a table, empty where there is none."""
    found = table.get(name) if isinstance(table, dict) else None
    return found if isinstance(found, dict) else {}


def text(table: dict[str, Any], name: str) -> str:
    """A text of one line in a table, "" for nothing."""
    found = table.get(name)
    if not isinstance(found, str) or found == "--":
        return ""
    return "".join(c for c in found if c.isprintable())[:64]
