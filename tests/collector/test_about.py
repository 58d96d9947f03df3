"""What boards are told of a node beside its numbers: its machine and its configurations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from collector.centre import NOW, Centre, birth, until

from servers import Mosquitto

N1 = (("host", "n1"), ("site", "s1"))


def told(centre: Centre, measurement: str) -> list[dict[str, Any]]:
    """The points of node n1, oldest first."""
    found = {
        time: fields
        for (name, tags, time), fields in centre.store.points.items()
        if name == measurement and tags == N1
    }
    return [found[time] for time in sorted(found)]


async def test_a_birth_tells_of_the_machine_what_is_known_and_nothing_else(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    centre = Centre(mosquitto, tmp_path)
    inventory = {
        "os": "Debian <b>12</b>", "kernel": "6.1\n", "arch": 7, "cpus": 4, "memory": True,
        "model": "x" * 900, "boot_id": "secret", "time": 1,
    }  # fmt: skip
    async with centre.running(), centre.node() as node:
        await node.send(birth(inventory=inventory), "birth")
        await until(lambda: len(told(centre, "inventory")) == 1, "inventory")
    assert told(centre, "inventory") == [
        {"os": "Debian <b>12</b>", "kernel": "6.1\n", "cpus": 4, "model": "x" * 200,
         "agent": "0.1.0"}
    ]  # fmt: skip


async def test_what_the_broker_kept_is_no_news(mosquitto: Mosquitto, tmp_path: Path) -> None:
    centre = Centre(mosquitto, tmp_path)
    async with centre.node() as node:
        await node.send(birth(), "birth", retain=True)
        state = {"v": 1, "node": "n1", "site": "s1", "state": "applied", "id": "a", "ts": NOW}
        await node.send(state, "config/state", retain=True)
        async with centre.running() as ingest:
            await until(lambda: any(known.config for known in ingest.fleet.nodes()), "known")
            assert told(centre, "inventory") == told(centre, "config_state") == []
            centre.clock += 1000
            refused = state | {"state": "refused", "id": "b", "reason": "not allowed", "ts": 0}
            await node.send(refused, "config/state", retain=True)
            await until(lambda: len(told(centre, "config_state")) == 1, "refused")
    (point,) = (key for key in centre.store.points if key[0] == "config_state")
    assert point == ("config_state", N1, centre.clock)
    expected = {"id": "b", "state": "refused", "reason": "not allowed"}
    assert told(centre, "config_state") == [expected]
