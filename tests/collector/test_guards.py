"""Guards against what is too much: a node that floods is slowed, and nobody else notices."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

from collector.centre import Centre, NodeClient, birth, report, until

from muster_collector import telemetry
from muster_collector.ingest import budget
from muster_collector.quarantine import Chosen
from servers import Mosquitto


def postponed() -> int:
    text = telemetry.render().decode()
    found = re.search(r'messages_total{outcome="postponed",reason="rate"} (\S+)', text)
    return int(float(found[1])) if found else 0


async def test_a_node_that_floods_costs_the_others_nothing_and_loses_nothing(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """One node sends all it can; five others one report after the other, each once acked."""
    most, rounds, poured, before = 60, 8, 0, postponed()
    centre = Centre(mosquitto, tmp_path, reports_per_minute=most)
    async with centre.running() as ingest, centre.node("flood") as bad, AsyncExitStack() as stack:
        others = [await stack.enter_async_context(centre.node(f"n{n}")) for n in range(5)]

        done = asyncio.Event()

        async def pour() -> None:
            nonlocal poured
            while not done.is_set() or poured < 3 * most:
                await bad.send(report(poured, node="flood"))
                poured += 1

        async def talk(node: NodeClient) -> None:
            for seq in range(rounds):
                await node.send(report(seq, node=node.node))
                await node.ack(lambda ack, seq=seq: ack["through"] == seq)  # type: ignore[misc]

        pouring = asyncio.create_task(pour())
        await asyncio.gather(*(talk(node) for node in others))
        done.set()
        await pouring
        await until(lambda: postponed() == before + poured - most, "all of it has come")
        totals = {node.node: node.totals for node in ingest.fleet.nodes()}
        for node in others:
            assert totals[node.node].stored == rounds
            assert totals[node.node].late == totals[node.node].missing == 0
        assert totals["flood"].stored == most
        assert sum(key[1][0][1] == "flood" for key in centre.store.points) == most
        # A minute later it may go on, and is asked for what was postponed.
        centre.clock += 60_000
        await bad.send(report(poured, node="flood"))
        ack = await bad.ack(lambda ack: bool(ack["missing"]))
        assert ack["missing"] == [[most, min(poured, most + budget.MOST) - 1]]


async def test_a_node_is_believed_at_its_own_site_only(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """Refused, kept and counted; the node keeps it, so that it is stored once that is mended."""
    centre = Centre(mosquitto, tmp_path)
    centre.sites = {"n1": "s1"}
    async with centre.running() as ingest, centre.node() as here, centre.node(site="s2") as there:
        await here.send(report(0))
        await here.settled(0)
        centre.clock += 200_000
        await there.send(birth(site="s2", next=2), "birth")
        await there.send(report(1, site="s2"))
        await until(lambda: len(centre.quarantined()) == 2, "refused")
        known = ingest.fleet.node("n1")
        assert known is not None
        assert (known.site, ingest.fleet.state(known, centre.clock)) == ("s1", "refused")
        assert (known.totals.stored, known.totals.refused, known.unreadable) == (1, 0, 0)
        assert not there.acks
        (stays,) = await ingest.quarantine.replay(Chosen(ids=(2,)), dry_run=False)
        assert (stays.outcome, stays.reason) == ("refused", "site")
    centre.sites = {"n1": "s2"}
    async with centre.running() as ingest, centre.node(site="s2") as there:
        (played,) = await ingest.quarantine.replay(Chosen(ids=(2,)), dry_run=False)
        assert played.outcome == "stored"
        await there.send(birth(site="s2", next=2), "birth")
        await there.settled(1)
    assert [reason for reason, _, _ in centre.quarantined()] == ["site"]


async def test_what_nests_deeper_than_is_allowed_is_refused(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """Only nesting counts: not how many lists there are, and not what is in a text."""
    centre = Centre(mosquitto, tmp_path, nesting=10)
    deep: list[object] = []
    for _ in range(10):
        deep = [deep]
    text = [{"name": "mem", "tags": {}, "fields": {"used": 1, "text": '\\"[' + "{" * 50}}]
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0, note=[[] for _ in range(50)], metrics=text))
        await node.send(report(1, note=deep))
        await node.send(birth(note=deep, next=2), "birth")
        ack = await node.ack(lambda ack: bool(ack["refused"]))
        assert [refused["seq"] for refused in ack["refused"]] == [1]
        await node.settled(1)
        (known,) = ingest.fleet.nodes()
        assert (known.totals.stored, known.totals.refused) == (1, 1)
        await until(lambda: len(centre.quarantined()) == 2, "the birth too")
    details = {detail for _, detail, _ in centre.quarantined()}
    assert details == {"nested more than 10 levels deep"}


async def test_an_agent_that_drains_a_backlog_is_slowed_and_loses_nothing(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """250 reports, 100 messages allowed in a minute; what is left is asked for a minute later."""
    centre = Centre(mosquitto, tmp_path, reports_per_minute=100)
    async with centre.running() as ingest, centre.node() as node:
        first, left = 0, postponed()
        for through in (99, 198, 249):
            for seq in range(first, 250):
                await node.send(report(seq))
            await node.ack(lambda ack, through=through: ack["through"] == through)  # type: ignore[misc]
            (known,) = ingest.fleet.nodes()
            assert known.totals.stored == through + 1
            left += 249 - through
            await until(lambda left=left: postponed() == left, "all of it has come")  # type: ignore[misc]
            if not first:
                assert not any(ack["missing"] for ack in node.acks), "none can be sent now"
            centre.clock += 60_000
            if through < 249:
                await node.send(birth(next=250), "birth")
                first = through + 1
                await node.ack(lambda ack, first=first: ack["missing"] == [[first, 249]])  # type: ignore[misc]
        await node.settled(249)
