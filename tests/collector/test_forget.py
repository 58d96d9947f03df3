"""`muster nodes forget`: a decommissioned node, from the command line to broker and database."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from collector.centre import NodeClient, birth, report, until
from collector.test_collector_process import collector, muster

from muster_wire import topics
from servers import Influx1, Mosquitto, free_port

ESTATE = """\
[[sites]]
id = "s1"
planned = { node = 2 }
[[nodes]]
id = "old"
site = "s1"
"""


class Place:
    """A collector's file and its API."""

    def __init__(self, folder: Path, broker: Mosquitto, influx: Influx1) -> None:
        self.port, self.root = free_port(), f"forget/{folder.name}"
        self.file = folder / "collector.toml"
        estate = folder / "estate.toml"
        estate.write_text(ESTATE)
        self.file.write_text(
            f'[mqtt]\nurl = "{broker.url}"\nroot = "{self.root}"\nclient_id = "{folder.name}"\n'
            f'[collector]\ndata = "{folder}/data"\nroles = ["ingest", "api", "alert"]\n'
            f'ack_every = "100ms"\ncompleteness_every = "500ms"\n[api]\nport = {self.port}\n'
            f'[store]\nkind = "influxdb"\nurl = "{influx.url}"\ndatabase = "forget"\n'
            f'flush = "20ms"\n[scoring]\nestate = "{estate}"\n'
            '[alerts]\nevery = "500ms"\nkeep_firing = "500ms"\nlimits = { "silent-node" = 1 }\n'
        )

    def ask(self, path: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}") as answer:
            found: list[dict[str, Any]] = json.load(answer)["rows"]
            return found

    def nodes(self) -> set[str]:
        with contextlib.suppress(OSError):
            return {row["node"] for row in self.ask("nodes")}
        return set()

    def stored(self, node: str) -> int:
        found = {row["node"]: row["stored"] for row in self.ask("completeness")}
        return int(found[node])

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody can write the ledger."""
        with contextlib.closing(sqlite3.connect(self.file.parent / "data" / "ledger.db")) as db:
            db.execute("BEGIN IMMEDIATE")
            yield

    def ledger_fails(self) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            return b"muster_ledger_errors_total 0" not in answer.read()

    def muster(self, *words: str) -> subprocess.CompletedProcess[str]:
        return muster(*words, "--url", f"http://127.0.0.1:{self.port}")


@pytest.fixture
def place(tmp_path: Path, mosquitto: Mosquitto, influx1: Influx1) -> Place:
    url = f"{influx1.url}/query"
    urllib.request.urlopen(url, data=b"q=DROP DATABASE forget", timeout=20).close()
    return Place(tmp_path, mosquitto, influx1)


def now() -> int:
    return time.time_ns() // 1_000_000


def made(node: str, seq: int) -> dict[str, Any]:
    return report(seq, node=node, ts=now(), sent=now(), every=1.0)


async def born(client: aiomqtt.Client, root: str, name: str) -> NodeClient:
    node = NodeClient(client, root, name, "s1")
    await node.send(birth(node=name, ts=now(), every=1.0), "birth", retain=True)
    await status(node, "online")
    return node


async def status(node: NodeClient, state: str) -> None:
    said = {"v": 1, "node": node.node, "site": "s1", "ts": now(), "state": state}
    if state == "offline":
        said["reason"] = "stopped"
    await node.send(said, "status", retain=True)


async def live(node: NodeClient) -> None:
    """Report until cancelled."""
    seq = 0
    while True:
        await node.send(made(node.node, seq))
        seq += 1
        await asyncio.sleep(0.3)


async def retained(port: int, root: str) -> set[str]:
    """The topics that the broker keeps, by a client that has just come."""
    found: set[str] = set()
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(f"{root}/#")
        await client.publish(f"{root}/end", b"", qos=1)
        async for message in client.messages:
            if str(message.topic) == f"{root}/end":
                return found
            if message.retain:
                found.add(str(message.topic))
    return found


def alerts(place: Place) -> set[str]:
    rows = place.ask("alerts?state=pending&state=firing")
    return {row["labels"].get("host", "") for row in rows if row["rule"] == "silent-node"}


async def test_a_node_that_is_gone_is_no_longer_silent_and_keeps_its_past(
    place: Place, mosquitto: Mosquitto
) -> None:
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        old, new = [await born(client, place.root, name) for name in ("old", "new")]
        living = asyncio.create_task(live(new))
        with collector(place.file):
            await until(lambda: place.nodes() == {"old", "new"}, "both")
            for seq in (0, 1, 2, 4):
                await old.send(made("old", seq))
            await until(lambda: place.stored("old") == 4, "stored")
            refused = await asyncio.to_thread(place.muster, "nodes", "forget", "old")
            assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
            assert "old is alive" in refused.stderr
            await status(old, "offline")
            await until(lambda: "old" in alerts(place), "the alert")
            done = await asyncio.to_thread(place.muster, "nodes", "forget", "old")
            assert done.stderr == ""
            assert done.stdout.startswith(
                "old: forgotten. 4 reports stored, 0 refused, 1 lost stay"
            )
            kept = await retained(mosquitto.port, place.root)
            assert kept == {
                topics.topic("s1", "new", kind, root=place.root) for kind in ("birth", "status")
            }
            await until(lambda: "old" not in alerts(place), "the alert ends")
            check(place)
        with collector(place.file):
            await until(lambda: "new" in place.nodes(), "after a restart")
            check(place)
            again = await asyncio.to_thread(place.muster, "nodes", "forget", "old")
            assert again.returncode == 1
            assert "no node with the id 'old'" in again.stderr
            await old.send(made("old", 5))
            await until(lambda: place.nodes() == {"old", "new"}, "it is back")
            elsewhere = NodeClient(client, place.root, "old", "s2")
            await elsewhere.send(made("old", 6) | {"site": "s2"})
            await until(lambda: bool(place.ask("quarantine")), "the estate has it at s1")
            assert [row["reason"] for row in place.ask("quarantine")] == ["site"]
            with place.locked():
                words = ("nodes", "forget", "old", "--force")
                forced = asyncio.create_task(asyncio.to_thread(place.muster, *words))
                await until(place.ledger_fails, "the ledger fails")
                assert not forced.done()
            assert ((await forced).stderr, (await forced).returncode) == ("", 0)
            assert place.nodes() == {"new"}
        living.cancel()


def check(place: Place) -> None:
    """What stays of it, and what does not."""
    listed = place.muster("nodes", "list")
    assert [line.split("\t")[0] for line in listed.stdout.splitlines()[1:]] == ["new"]
    assert {row["node"] for row in place.ask("completeness")} == {"new"}
    (site,) = place.ask("completeness?level=site")
    assert (site["nodes"], site["planned"], site["never_seen"]) == (1, 2, 1)
    past = {row["node"]: row for row in place.ask("completeness?from=now-1h")}
    assert set(past) == {"old", "new"}
    row = past["old"]
    assert (row["state"], row["stored"], row["lost"], row["missing"]) == ("forgotten", 4, 1, 0)
    (site,) = place.ask("completeness?from=now-1h&level=site")
    assert site["stored"] == 4 + past["new"]["stored"]
    assert (site["nodes"], site["nodes_silent"]) == (1, 0)
