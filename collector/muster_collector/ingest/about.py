"""What boards show of a node beside its numbers: its machine, and the configurations it was given.

`inventory` has a point a node at each birth and every hour, so that a short range finds one too.
`config_state` has one for each configuration that it applied or refused, when that was heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster_collector.store.base import Point, Value
from muster_wire.messages import ConfigState

INVENTORY, CONFIG = "inventory", "config_state"
TEXTS, WHOLE = ("arch", "kernel", "model", "os"), ("cpus", "memory")
"""What is told of an inventory, which the node is free to fill."""
LONGEST = 200
"""Characters of a text that are kept."""


def machine(
    host: str, site: str, agent: str, inventory: Mapping[str, Any], now: int
) -> list[Point]:
    """The machine at `now` (ms) in at most one point: none of a node that tells nothing."""
    fields: dict[str, Value] = {
        name: inventory[name][:LONGEST] for name in TEXTS if isinstance(inventory.get(name), str)
    }
    fields |= {name: inventory[name] for name in WHOLE if type(inventory.get(name)) is int}
    fields |= {"agent": agent[:LONGEST]} if agent else {}
    return [Point(INVENTORY, (("host", host), ("site", site)), fields, now)] if fields else []


def configured(state: ConfigState, now: int) -> Point:
    """What a node did with a wanted configuration, heard at `now` (ms)."""
    fields: dict[str, Value] = {"id": state.id, "state": state.state, "reason": state.reason}
    return Point(CONFIG, (("host", state.node), ("site", state.site)), fields, now)
