"""Completeness over HTTP: places and nodes, ranges, local days, states, and without a ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from collector.api.conftest import Opener, World
from collector.books import HOUR, MINUTE, SECOND, Books

from muster_collector.ingest.completeness import Writer
from muster_collector.ingest.other_ledgers import OtherLedgers
from muster_collector.store.base import Query, Read

BASE = "/api/v1/completeness"


def ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    """Two nodes of s1: one for an hour, one that falls silent after ten minutes."""
    made = Books(tmp_path)
    start = ms("2026-03-01T00:00:00Z")
    made.send(range(360), start=start)
    made.send(range(60), start=start, node="n2", lost=())
    return made


@pytest.fixture
async def world(open_world: Opener, books: Books) -> AsyncIterator[World]:
    async with open_world(books.fleet, accounts=books.fleet) as opened:
        opened.now = ms("2026-03-01T01:00:00Z")
        yield opened


def writer(books: Books, world: World, now: int) -> Writer:
    return Writer(
        books.fleet, books.file, books.desk.timeline, world.store,
        every=60.0, keep=90 * 86_400.0, clock=lambda: now,
    )  # fmt: skip


def only(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


async def test_a_range_of_every_level(world: World) -> None:
    span = "from=2026-03-01T00:00:00Z&to=2026-03-01T01:00:00Z"
    for level, unit in (("site", "s1"), ("district", "d1"), ("region", "r1"), ("fleet", "fleet")):
        rows = await world.rows(f"{BASE}?level={level}&{span}")
        (row,) = [row for row in rows if row["id"] == unit]
        assert only(row, "expected", "stored", "silent", "nodes") == {
            "expected": 720, "stored": 420, "silent": 300, "nodes": 2,
        }  # fmt: skip
        assert only(row, "nodes_healthy", "nodes_silent") == {
            "nodes_healthy": 1, "nodes_silent": 1,
        }  # fmt: skip
        assert row["complete"] == round(420 / 720, 6)
    sites = await world.rows(f"{BASE}?level=site&{span}")
    assert {row["id"]: (row["planned"], row["never_seen"]) for row in sites} == {
        "empty": (0, 0), "s1": (3, 1),
    }  # fmt: skip


async def test_nodes_have_a_state_and_a_time_since_when_they_are_silent(world: World) -> None:
    rows = {row["node"]: row for row in await world.rows(BASE)}
    assert only(rows["n1"], "state", "silent_since", "stored", "expected") == {
        "state": "healthy", "silent_since": None, "stored": 360, "expected": 360,
    }  # fmt: skip
    assert only(rows["n2"], "state", "silent_since") == {
        "state": "silent", "silent_since": "2026-03-01T00:09:50.100Z",
    }  # fmt: skip
    (one,) = await world.rows(f"{BASE}?node=n2&from=now-50m")
    assert only(one, "id", "expected", "silent") == {"id": "n2", "expected": 300, "silent": 300}
    nodes = await world.rows("/api/v1/nodes")
    assert [row["state"] for row in nodes] == ["healthy", "silent"]


async def test_the_answer_says_to_what_the_range_was_widened(world: World) -> None:
    answer = (await world.get(f"{BASE}?from=2026-03-01T00:07:01Z&to=2026-03-01T00:11:00Z")).json
    assert (answer["from"], answer["to"]) == ("2026-03-01T00:05:00Z", "2026-03-01T00:15:00Z")
    assert answer["sum"]["stored"] == 60 + 30
    world.now += 5 * 24 * HOUR
    answer = (await world.get(f"{BASE}?from=2026-03-01T00:07:00Z&to=2026-03-01T00:11:00Z")).json
    assert (answer["from"], answer["to"]) == ("2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z")


async def test_steps_add_up(world: World) -> None:
    answer = (await world.get(f"{BASE}?level=fleet&from=now-1h&step=10m")).json
    assert [row["stored"] for row in answer["rows"]] == [120, 60, 60, 60, 60, 60]
    assert [row["time"][14:16] for row in answer["rows"]] == ["00", "10", "20", "30", "40", "50"]
    assert answer["sum"]["stored"] == 420


@pytest.mark.parametrize(
    ("span", "zone", "hours"),
    [
        ("2026-03-28T00:00+01:00 2026-03-31T00:00+02:00", "", [24, 23, 24]),
        ("2026-10-24T00:00+02:00 2026-10-27T00:00+01:00", "", [24, 25, 24]),
        ("2028-02-28T00:00+08:00 2028-03-02T00:00+08:00", "&zone=Asia/Shanghai", [24] * 3),
    ],
)
async def test_days_are_local_days_when_clocks_change_and_on_29_february(
    open_world: Opener, tmp_path: Path, span: str, zone: str, hours: list[int]
) -> None:
    """A report an hour, in the middle of it."""
    first, last = span.split()
    books, start, end = Books(tmp_path), ms(first), ms(last)
    for hour in range((end - start) // HOUR):
        books.send([hour], start=start + 30 * MINUTE, every=3600.0)
    async with open_world(books.fleet, accounts=books.fleet) as world:
        for world.now in (end, end + 30 * 24 * HOUR):
            books.file.gather(world.now, 90 * 24 * HOUR)
            query = f"from={first}&to={last}&step=1d{zone}".replace("+", "%2B")
            rows = await world.rows(f"{BASE}?level=fleet&{query}")
            assert [row["stored"] for row in rows] == hours


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("level=site&id=nowhere", "no site with the id 'nowhere'"),
        ("node=nobody", "no node with the id 'nobody'"),
        ("level=fleet&site=nowhere&from=now-1h", "no site with the id 'nowhere'"),
        ("from=yesterday", "from='yesterday' is not a time"),
        ("from=now&to=now-1h", "must be before"),
        ("from=now-1h&step=7m", "use a multiple of 5m"),
        ("from=now-30d&step=5m", "use a multiple of 1h, from three days ago on 5m"),
        ("from=now-1h&step=5m&zone=Mars", "use an IANA name"),
    ],
)
async def test_what_cannot_be_answered_is_one_line(world: World, query: str, words: str) -> None:
    answer = await world.get(f"{BASE}?{query}")
    assert 400 <= answer.status < 500
    assert words in answer.json["error"]


async def test_a_process_without_the_ledger_answers_from_the_store_by_hours(
    open_world: Opener, books: Books
) -> None:
    now = ms("2026-03-01T01:00:00Z")
    books.send([400], start=ms("2026-03-01T00:00:00Z"))
    async with open_world(books.fleet) as world:
        await writer(books, world, now).write_hours()
        world.now = now
        answer = (await world.get(f"{BASE}?level=fleet&from=2026-03-01T00:05:00Z")).json
        assert answer["from"] == "2026-03-01T00:00:00Z"
        (row,) = answer["rows"]
        assert only(row, "stored", "missing", "silent") == {
            "stored": 420, "missing": 0, "silent": 300,
        }  # fmt: skip
        books.send(range(360, 370), start=ms("2026-03-01T00:00:00Z"), delay=30 * SECOND)
        world.now = now = now + HOUR
        await writer(books, world, now).write_hours()
        rows = await world.rows(f"{BASE}?level=fleet&from=2026-03-01T00:00Z&to=now&step=1h")
        assert [row["stored"] for row in rows] == [420, 11]
        assert [row["missing"] for row in rows] == [0, 30]


async def test_after_a_hand_over_every_range_is_answered_by_the_successor(
    open_world: Opener, tmp_path: Path
) -> None:
    """The former one stored half an hour but for a minute; its account went on with the node."""
    start = ms("2026-03-01T00:00:00Z")
    former, heir = Books(tmp_path / "a"), Books(tmp_path / "b")
    former.send([seq for seq in range(180) if not 60 <= seq < 66], start=start)
    now = start + 30 * MINUTE
    async with open_world(heir.fleet, accounts=heir.fleet) as world:
        await writer(former, world, now).write_hours()
        (node,) = former.ledger.nodes.values()
        heir.ledger.nodes["n1"] = node
        heir.fleet.others = OtherLedgers(world.store, heir.file.id, now)
        heir.send(range(180, 360), start=start)
        heir.send(range(60, 66), start=start, delay=HOUR)
        world.now = now = start + HOUR + SECOND
        query = f"{BASE}?level=fleet&from=2026-03-01T00:00Z&to=2026-03-01T01:00Z"
        (row,) = await world.rows(query)
        assert only(row, "expected", "stored", "missing", "down", "silent") == {
            "expected": 360, "stored": 360, "missing": 0, "down": 0, "silent": 0,
        }  # fmt: skip
        await writer(heir, world, now).write_hours()
        table = await world.store.select(
            Query(
                "completeness_hourly",
                tuple(Read(name, "sum") for name in ("expected", "stored", "missing", "down")),
                start,
                now + HOUR,
            )
        )
        assert [table.columns[f"{n}_sum"] for n in ("expected", "stored", "missing", "down")] == [
            [360], [360], [0], [0],
        ]  # fmt: skip
