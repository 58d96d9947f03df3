"""What a metered or compact agent sends to a real broker, opened by an independent client."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest
from agent.peer import Centre, centre, until

from servers import Mosquitto


@pytest.fixture
def agents(agents: Any) -> Any:
    """Makes agents whose reports are small."""
    few = {"sample__sensors": ["mem", "kernel"]}
    return lambda name, url, **settings: agents(name, url, **(few | settings))


def told(one: Centre) -> list[dict[str, Any]]:
    return [message for message in one.messages if "base" in message]


def complete(one: Centre) -> bool:
    """Whether every report has all the fields of the first, by name."""
    first = {m["name"]: list(m["fields"]) for m in one.reports[0]["metrics"]}
    return all({m["name"]: list(m["fields"]) for m in r["metrics"]} == first for r in one.reports)


async def test_reports_are_told_against_one_that_the_centre_holds(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "told") as one:
        one.auto = one.understands = True
        agent = agents("told", mosquitto.url).start("--count", "40")
        assert await agent.ended() == 0
        await until(lambda: len(set(one.seqs)) == 40, lambda: one.seqs)
    assert one.messages[0]["keep"]
    assert len(told(one)) > 25
    assert sum(bool(message.get("keep")) for message in one.messages) >= 2, "it is renewed"
    assert complete(one)
    ordered = sorted(one.reports, key=lambda report: report["seq"])
    kernel = [m["fields"] for r in ordered for m in r["metrics"] if m["name"] == "kernel"]
    counts = [fields["context_switches"] for fields in kernel]
    assert counts == sorted(counts)


async def test_what_a_centre_has_forgotten_comes_again_in_full(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "forgot") as one:
        one.auto = one.understands = True
        agent = agents("forgot", mosquitto.url).start()
        await until(lambda: len(told(one)) > 3)
        one.base = None
        count = len(one.messages)
        await until(lambda: any(m.get("keep") for m in one.messages[count:]))
        await until(lambda: len(told(one)[-1:]) == 1 and "base" in one.messages[-1])
        await until(lambda: one.settled(one.reports[0]["epoch"])["missing"] == [])
        one.auto = True
        assert await agent.stop() == 0
    lost = [m["seq"] for m in told(one) if m["base"] == 0 and m["seq"] not in one.seqs]
    assert lost == []
    assert complete(one)


async def test_what_was_told_before_a_crash_comes_again_in_full_and_is_the_same(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "crashed") as one:
        one.auto = one.understands = True
        agent = agents("crashed", mosquitto.url).start()
        await until(lambda: len(told(one)) > 0)
        one.auto = False
        count = len(one.reports)
        await until(lambda: len(one.reports) > count + 4)
        agent.kill()
        before = {r["seq"]: r for r in one.reports[count:]}
        assert all("base" in m for m in one.messages[count:])
        one.reports.clear()
        one.messages.clear()
        wanted = [min(before), max(before)]
        one.answer = lambda _: {"through": wanted[0] - 1, "missing": [wanted], "base": -1}
        agents("crashed", mosquitto.url).start()
        await until(lambda: before.keys() <= set(one.seqs), lambda: (before.keys(), one.seqs))
        again = {r["seq"]: r for r in one.reports}
        assert all("base" not in m for m in one.messages if m["seq"] in before)
    for seq, report in before.items():
        assert {k: again[seq][k] for k in ("ts", "every")} == {
            k: report[k] for k in ("ts", "every")
        }
        assert sorted(map(str, again[seq]["metrics"])) == sorted(map(str, report["metrics"]))


@pytest.mark.parametrize("understands", [True, False])
async def test_a_report_is_told_to_nobody_who_does_not_want_that(
    mosquitto: Mosquitto, agents: Any, *, understands: bool
) -> None:
    name = f"whole-{understands}".lower()
    settings = {"uplink__compact": False} if understands else {"metered__report_every": "500ms"}
    async with centre(mosquitto.port, name) as one:
        one.auto, one.understands = True, understands
        agent = agents(name, mosquitto.url, **settings).start("--count", "10")
        assert await agent.ended() == 0
        await until(lambda: len(one.seqs) >= 10)
    assert len(one.messages) == len(one.reports)
    assert told(one) == []


async def test_reports_of_a_while_go_in_one_message_each_with_its_time(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "metered") as one:
        one.auto = one.understands = True
        one.answer = lambda _: {"through": -1, "base": -1}
        agent = agents("metered", mosquitto.url, metered__report_every="1s").start()
        await until(lambda: len([m for m in one.messages if len(m.get("later", ())) == 9]) >= 2)
        assert one.births[-1]["wait"] == one.messages[-1]["wait"] == 1.0
        seen = max(one.seqs)
        await until(lambda: agent.made() > seen + 3)
        assert await agent.stop() == 0
        await until(lambda: len(set(one.seqs)) == agent.made(), lambda: one.seqs)
    assert one.seqs == list(range(len(one.seqs))), "what waited went before the end, nothing twice"
    times = [report["ts"] for report in one.reports]
    assert times == sorted(set(times))
    assert agent.log.read_text().count("ignored") == 0
    assert complete(one)


async def test_what_waited_when_the_agent_was_killed_is_not_lost(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "cut-short") as one:
        one.auto = one.understands = True
        one.answer = lambda birth: {
            "through": max(one.seqs, default=-1),
            "missing": [[max(one.seqs, default=-1) + 1, birth["next"] - 1]]
            if birth["next"] - 1 > max(one.seqs, default=-1)
            else [],
            "base": -1,
        }
        agent = agents("cut-short", mosquitto.url, metered__report_every="3s").start()
        await until(lambda: len(one.births) == 1 and agent.made() >= 5)
        agent.kill()
        with closing(sqlite3.connect(agent.spool)) as spool:
            ((kept,),) = spool.execute("SELECT next FROM epoch")
        assert not one.reports
        agents("cut-short", mosquitto.url, metered__report_every="3s").start()
        await until(lambda: set(range(kept)) <= set(one.seqs), lambda: (kept, one.seqs))
        assert len(one.messages) < len(one.reports)


async def test_a_budget_leaves_out_what_is_not_vital_and_says_so(
    mosquitto: Mosquitto, agents: Any
) -> None:
    agent = agents("thrifty", mosquitto.url, metered__budget_mb_per_month=5)
    state = {"month": time.strftime("%Y-%m", time.gmtime()), "used": 1_000_000, "level": 2}
    agent.spool.with_name("spool.db.budget").write_text(json.dumps(state | {"rates": {}}))
    async with centre(mosquitto.port, "thrifty") as one:
        one.auto = True
        agent.start()
        await until(lambda: len(one.reports) > 3)
        assert await agent.stop() == 0
    assert one.births[0]["inventory"]["leaves_out"] == "all but what is vital"
    names = {m["name"] for r in one.reports for m in r["metrics"]}
    assert names == {"mem", "internal_agent"}, "no kernel"
    about = [m["fields"] for m in one.reports[-1]["metrics"] if m["name"] == "internal_agent"]
    assert about[0]["shed_level"] == 2
    assert about[0]["budget_used"] > 1_000_000
    assert about[0]["link_bytes"] > 500 * len(one.reports), "TCP and IP are not for nothing"
    kept = json.loads(agent.spool.with_name("spool.db.budget").read_text())
    assert kept["used"] >= about[0]["budget_used"], "a restart goes on from there"
