"""Bonded interfaces by Telegraf's `bond`, from /proc/net/bonding."""

from __future__ import annotations

from functools import partial

from muster_agent.sensors import Sensor, SensorAbsentError
from muster_wire.messages import Metric, Value

BONDING = "proc/net/bonding"


class Bond(Sensor):
    """Status 1 is up, 0 is down."""

    name = "bond"

    def read(self) -> list[Metric]:
        """A `bond` metric a bond and a `bond_slave` metric a member."""
        try:
            bonds = self.host.names(BONDING)
        except FileNotFoundError as error:
            back = partial(self.host.exists, BONDING)
            raise SensorAbsentError("no bonded interfaces", back) from error
        found: list[Metric] = []
        for bond in bonds:
            head, *members = self.host.parse(f"{BONDING}/{bond}", parse_bonding)
            found.append(Metric("bond", {"bond": bond}, bond_fields(head)))
            found += [
                Metric(
                    "bond_slave",
                    {"bond": bond, "interface": member["Slave Interface"]},
                    {"status": up(member), "failures": int(member["Link Failure Count"])},
                )
                for member in members
            ]
            found.append(Metric("bond_slave", {"bond": bond}, {"count": len(members)}))
        return found


def parse_bonding(data: bytes) -> list[dict[str, str]]:
    """The bond's own settings, then each member's."""
    sections: list[dict[str, str]] = [{}]
    for line in data.decode("utf-8", "replace").splitlines():
        key, _, value = line.strip().partition(": ")
        if key == "Slave Interface":
            sections.append({})
        # A section repeats keys in an indented part on LACP partners: the first one is meant.
        sections[-1].setdefault(key, value)
    if "MII Status" not in sections[0]:
        raise ValueError("no MII Status")
    for member in sections[1:]:
        int(member["Link Failure Count"])
    return sections


def bond_fields(head: dict[str, str]) -> dict[str, Value]:
    """Status, and the member in use where only one is."""
    active = head.get("Currently Active Slave", "")
    return {"status": up(head), **({"active_slave": active} if active else {})}


def up(section: dict[str, str]) -> int:
    """1 when the link is up."""
    return int(section.get("MII Status") == "up")
