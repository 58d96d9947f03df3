"""What nodes did with a wanted configuration: known per node, told by metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from collector.centre import NOW, Centre, until

from muster_collector import telemetry
from servers import Mosquitto


def state(**changes: Any) -> dict[str, Any]:
    """An answer of node n1 as JSON has it."""
    made = {"v": 1, "node": "n1", "site": "s1", "state": "applied", "id": "one", "ts": NOW}
    return made | changes


async def test_the_last_answer_counts_and_outlives_the_collector(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    centre = Centre(mosquitto, tmp_path)
    refused = state(id="two", state="refused", reason="no\nway")
    async with centre.node() as node:
        async with centre.running() as ingest:
            await node.send(state(), "config/state", retain=True)
            await node.send(refused, "config/state", retain=True)
            await until(lambda: configs(ingest) == {"n1": ("refused", "two", "no way")}, "two")
            ingest.fleet.observe(NOW)
            text = telemetry.render().decode()
            assert 'muster_collector_config_refused{id="two",node="n1"} 1.0' in text
        async with centre.running() as ingest:
            await until(lambda: configs(ingest) == {"n1": ("refused", "two", "no way")}, "again")
            await node.send(state(id="three"), "config/state", retain=True)
            await until(lambda: configs(ingest) == {"n1": ("applied", "three", "")}, "three")
            ingest.fleet.observe(NOW)
            assert 'id="two"' not in telemetry.render().decode()
            await node.send(b"", "config/state", retain=True)
    assert centre.quarantined() == []


def configs(ingest: Any) -> dict[str, tuple[str, str, str]]:
    return {
        known.node: (known.config.state, known.config.id, known.config.reason)
        for known in ingest.fleet.nodes()
        if known.config
    }


@pytest.mark.parametrize(
    "bad",
    [state(state="maybe"), state(node="n2"), state(id=7), state(id="x" * 101), b"{", [state()]],
)
async def test_an_answer_that_is_none_is_kept_in_quarantine(
    mosquitto: Mosquitto, tmp_path: Path, bad: Any
) -> None:
    centre = Centre(mosquitto, tmp_path)
    async with centre.running() as ingest, centre.node() as node:
        await node.send(bad, "config/state")
        await until(lambda: len(centre.quarantined()) == 1, "quarantined")
        assert configs(ingest) == {}
