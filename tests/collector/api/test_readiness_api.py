"""The readiness API as a client sees it: exact numbers, odd names, empty fleets, bad parameters."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re

import aiohttp
import pytest
from readiness.small_fleet import END, MINUTE, Known, SmallFleet, cpu, disk

from muster_collector.api import times
from muster_collector.api.formats import to_file
from muster_collector.estate import Estate
from muster_collector.estate.model import Node as EstateNode
from muster_collector.estate.model import Role

from .conftest import ODD, Opener, World

SCORE = 0.25 * 50 + 0.75 * 75
DAY = 24 * 60 * MINUTE


async def test_the_newest_scores_of_every_level(world: World) -> None:
    (node,) = [r for r in await world.rows("/api/v1/readiness?level=node") if r["id"] == "n1"]
    assert node["score"] == pytest.approx(SCORE)
    assert node["time"] == "2026-03-01T00:05:00Z"
    assert (node["site"], node["district"], node["region"]) == ("s1", "d1", "r1")
    (site,) = await world.rows("/api/v1/readiness?level=site&id=s1")
    assert site["score"] is None
    assert (site["scored"], site["planned"], site["coverage"]) == (1, 3, pytest.approx(1 / 3))
    assert site["why"] == "1 of 3 members have a score; those with 50% of the planned weight must"
    assert site["low"] == pytest.approx(SCORE / 3)
    assert site["high"] == pytest.approx(100 - (100 - SCORE) / 3)


async def test_csv_has_the_same_rows_and_every_column(world: World) -> None:
    answer = await world.get("/api/v1/readiness?level=node&format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["id"] for row in rows] == ["n1", "n2"]
    assert float(rows[0]["score"]) == pytest.approx(SCORE)
    assert (rows[1]["score"], rows[1]["grade"]) == ("", "")


async def test_stored_windows_come_back_as_they_were_scored(world: World) -> None:
    newest = await world.rows("/api/v1/readiness?level=node")
    stored = await world.rows(
        "/api/v1/readiness?level=node&from=2026-03-01T00:00:00Z&to=2026-03-01T01:00:00Z"
    )
    for new, old in zip(newest, stored, strict=True):
        for name in ("id", "time", "score", "low", "high", "coverage", "grade", "method", "site"):
            assert old[name] == new[name]
    world.now = END + 17 * MINUTE
    assert await world.rows("/api/v1/readiness?level=node&at=now-10m") == stored


async def test_what_was_known_before_late_data_came(world: World) -> None:
    world.now = END + 60 * MINUTE
    later = END - 3 * MINUTE
    await world.store.write(disk("n1", "s1", 150, later))
    await world.scorer.score_at(END)
    path = "/api/v1/readiness?level=node&id=n1&from=2026-03-01T00:00:00Z&to=2026-03-01T02:00:00Z"
    scores = {
        known: [row["score"] for row in await world.rows(f"{path}&known={known}")]
        for known in ("now-2h", "now-30m", "now")
    }
    assert scores == {"now-2h": [], "now-30m": [SCORE], "now": [0.25 * 50 + 0.75 * 25]}


async def test_the_end_of_a_range_is_not_in_it(world: World) -> None:
    path = "/api/v1/readiness?from=2026-03-01T00:00:00Z&to=2026-03-01T00:05:00Z"
    assert await world.rows(path) == []


async def test_an_empty_fleet_and_a_place_without_nodes(open_world: Opener) -> None:
    async with open_world(SmallFleet()) as world:
        before = await world.get("/api/v1/readiness")
        assert (before.status, "no scores yet" in before.json["error"]) == (503, True)
        await world.scorer.score_at(END)
        assert await world.rows("/api/v1/readiness?level=node") == []
        (fleet,) = await world.rows("/api/v1/readiness")
        assert fleet["score"] is None
        tree = (await world.get("/api/v1/tree")).json
        assert tree["node"] == {"total": 0, "rows": []}
        (empty,) = [row for row in tree["site"]["rows"] if row["id"] == "empty"]
        assert (empty["score"], empty["why"]) == (None, "no member")
        explained = await world.get("/api/v1/explain?level=site&id=empty")
        assert explained.json["members"] == []
        assert explained.json["lost"] is None


async def test_the_tree_holds_names_as_they_are_and_pages_nodes(world: World) -> None:
    answer = await world.get("/api/v1/tree?limit=1&offset=1")
    tree = answer.json
    assert answer.headers["content-type"] == "application/json"
    assert [row["id"] for row in tree["site"]["rows"]] == ["empty", "s1"]
    assert tree["site"]["rows"][1]["name"] == ODD
    assert tree["node"]["total"] == 2
    assert [row["id"] for row in tree["node"]["rows"]] == ["n2"]
    assert tree["node"]["rows"][0]["parent"] == "s1"
    assert [pillar["id"] for pillar in tree["pillars"]] == ["compute", "storage"]
    assert tree["fleet"]["rows"][0]["parent"] == ""
    assert tree["district"]["rows"][0]["parent"] == "r1"
    assert tree["region"]["rows"][0]["parent"] == "fleet"


async def test_the_tree_can_be_narrowed_and_begin_with_the_worst(world: World) -> None:
    tree = (await world.get("/api/v1/tree?levels=site,node&district=d1&order=score")).json
    assert "fleet" not in tree
    assert [row["id"] for row in tree["site"]["rows"]] == ["s1"]
    assert [row["id"] for row in tree["node"]["rows"]] == ["n2", "n1"]
    node = tree["node"]["rows"][1]
    assert node["pillars"] == [50.0, 75.0]
    assert node["score"] == round(SCORE, 2)


async def test_an_explanation_sums_to_what_is_missing_from_100(world: World) -> None:
    node = (await world.get("/api/v1/explain?level=node&id=n1")).json
    leaves = [leaf for pillar in node["pillars"] for leaf in pillar["indicators"]]
    assert sum(leaf["lost"] for leaf in leaves) == pytest.approx(100 - node["score"], abs=1e-9)
    assert {leaf["id"]: leaf["value"] for leaf in leaves} == {"idle": 50.0, "fullest": 25.0}
    assert node["pillars"][1]["lost"] == pytest.approx(18.75)


async def test_members_account_for_a_place(open_world: Opener) -> None:
    nodes = [Known("a", "s9"), Known("b", "s9"), Known("quiet", "s9")]
    async with open_world(SmallFleet(nodes)) as world:
        for name, used in (("a", 50), ("b", 150)):
            await world.store.write([*cpu(name, "s9", 50.0), *disk(name, "s9", used)])
        await world.scorer.score_at(END)
        site = (await world.get("/api/v1/explain?level=site&id=s9")).json
        assert [member["id"] for member in site["members"]] == ["b", "a", "quiet"]
        lost = [member["lost"] for member in site["members"]]
        assert lost[2] is None
        assert lost[0] + lost[1] == pytest.approx(100 - site["score"], abs=1e-9)
        assert sum(p["lost"] for p in site["pillars"]) == pytest.approx(100 - site["score"])


async def test_a_past_explanation_is_computed_from_the_store(world: World) -> None:
    world.now = END + DAY
    now = (await world.get("/api/v1/explain?level=node&id=n1")).json
    past = (await world.get("/api/v1/explain?level=node&id=n1&at=2026-03-01T00:07:00Z")).json
    assert past == now


@pytest.mark.parametrize(
    ("path", "status", "line"),
    [
        ("readiness?level=galaxy", 422, "level=galaxy: Input should be 'node', 'site'"),
        ("readiness?level=node&id=nobody", 404, "no node with the id 'nobody'"),
        ("readiness?from=yesterday", 400, "from='yesterday' is not a time: write 2026-03-01T08"),
        ("readiness?from=now&to=now-1h", 400, "from=now: must be before to=now-1h"),
        ("readiness?step=often", 400, "step='often' is not a step: write 5m, 1h, 1d, 1w or 1mo"),
        ("readiness?step=0s", 400, "step='0s' is not a step: write 5m, 1h"),
        ("readiness?at=now&from=now-1h", 400, "at=: cannot stand beside from, to or step"),
        ("readiness?known=now", 400, "known=: stands beside from and to, without step"),
        ("readiness?at=1970-01-02", 404, "no scores are stored for 1970-01-02T00:00:00Z"),
        ("readiness?step=1d&zone=Mars", 400, "zone='Mars': use an IANA name, as Asia/Shanghai"),
        ("readiness?from=now-1000d&level=node", 400, "about 576002 rows"),
        ("readiness?limit=0", 422, "limit=0: Input should be greater than or equal to 1"),
        ("readiness?format=pdf", 422, "format=pdf: Input should be 'json', 'csv'"),
        ("tree?levels=node,moon", 400, "levels='moon': use node, site, district, region, fleet"),
        ("explain?level=site&id=none", 404, "no site with the id 'none'"),
        ("change?level=site&id=none", 404, "no site with the id 'none'"),
        ("change?from=then", 400, "from='then' is not a time"),
        ("what-if", 422, "weight=: Field required"),
        ("what-if?weight=compute", 400, "weight='compute': write ID:NUMBER"),
        ("what-if?weight=moon:1", 400, "weight moon: the card small has no such level"),
        ("repairs?level=node&id=none", 404, "no node with the id 'none'"),
        ("series?field=a", 422, "measurement=: Field required"),
        ("series?measurement=m&field=f&statistic=raw", 400, "statistic='raw': use mean, max"),
        ("series?measurement=m&field=f&every=1ms", 400, "every=1ms: more than 5000 buckets"),
        ("series?measurement=m&field=f&where=host", 400, "where='host': write tag=value"),
        ("nodes/nobody", 404, "no node with the id 'nobody'"),
        ("nowhere", 404, "Not Found"),
    ],
)
async def test_wrong_requests_get_one_clear_line(
    world: World, path: str, status: int, line: str
) -> None:
    answer = await world.get(f"/api/v1/{path}")
    assert answer.status == status, answer.text
    assert answer.json["error"].startswith(line)
    assert list(answer.json) == ["error"]
    assert "\n" not in answer.json["error"]


async def test_live_sends_an_event_now_and_after_every_scoring(world: World) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{world.url}/api/v1/live") as live:
        assert live.headers["content-type"].startswith("text/event-stream")

        async def event() -> dict[str, object]:
            lines: list[str] = []
            while (line := (await live.content.readline()).decode().strip()) or not lines:
                lines.append(line)
            assert lines[0] == "event: score"
            content: dict[str, object] = json.loads(lines[1].removeprefix("data: "))
            return content

        assert (await event())["time"] == "2026-03-01T00:05:00Z"
        waiting = asyncio.create_task(event())
        await world.get("/healthz")
        await world.scorer.score_at(END + 5 * MINUTE)
        assert (await waiting)["time"] == "2026-03-01T00:10:00Z"


async def test_a_live_stream_does_not_keep_the_server_from_stopping(open_world: Opener) -> None:
    async with open_world(SmallFleet()) as world, aiohttp.ClientSession() as session:
        live = await session.get(f"{world.url}/api/v1/live")
        world.stop.set()
        await live.read()


async def test_a_change_sums_and_names_its_indicators(world: World) -> None:
    await world.store.write([*cpu("n1", "s1", 90.0, END), *disk("n1", "s1", 50, END)])
    await world.scorer.score_at(END + 5 * MINUTE)
    world.now = END + 6 * MINUTE
    answer = (await world.get("/api/v1/change?level=node&id=n1&from=now-5m")).json
    assert answer["change"] == pytest.approx(10)
    assert answer["indicators"][0]["id"] == "idle"
    assert answer["indicators"][0]["points"] == pytest.approx(10)
    none = (await world.get("/api/v1/change?level=site&id=s1&from=now-5m")).json
    assert (none["change"], none["why"]) == (None, "no score at both times")


async def test_other_weights_stand_beside_the_ones_in_force(world: World) -> None:
    path = "/api/v1/what-if?level=node&id=n1&weight=compute:3&weight=storage:1"
    answer = (await world.get(path)).json
    assert answer["before"]["score"] == pytest.approx(SCORE)
    assert answer["after"]["score"] == pytest.approx(0.75 * 50 + 0.25 * 75)
    assert answer["before"]["method"] != answer["after"]["method"]


async def test_members_that_weigh_nothing_cost_nothing(open_world: Opener) -> None:
    estate = Estate(
        default_role="idle",
        roles={"idle": Role(weight=0.0), "edge": Role()},
        nodes=(EstateNode(id="a", role="edge"),),
    )
    nodes = [Known("a", "s1"), Known("b", "s1"), Known("c", "s2")]
    async with open_world(SmallFleet(nodes), estate) as world:
        for node, site in (("a", "s1"), ("b", "s1"), ("c", "s2")):
            await world.store.write([*cpu(node, site, 50.0), *disk(node, site, 50)])
        await world.scorer.score_at(END)
        first = (await world.get("/api/v1/explain?level=site&id=s1")).json
        assert {m["id"]: m["lost"] for m in first["members"]} == {
            "a": pytest.approx(100 - SCORE),
            "b": None,
        }
        second = (await world.get("/api/v1/explain?level=site&id=s2")).json
        assert (second["score"], second["members"][0]["share"]) == (None, 0.0)
        world.now = END + 5 * MINUTE
        change = await world.get(f"/api/v1/change?from={times.iso(END)}&to={times.iso(END)}")
        assert change.json["change"] == 0


async def test_groups_by_what_units_have_in_common(world: World) -> None:
    (node,) = await world.rows("/api/v1/groups?by=role")
    assert (node["id"], node["scored"], node["planned"]) == ("node", 1, 3)
    assert (await world.get("/api/v1/groups")).status == 422


async def test_repairs_are_ranked_by_their_gain(world: World) -> None:
    answer = (await world.get("/api/v1/repairs?level=node&id=n1")).json
    assert [(row["indicator"], row["gain"]) for row in answer["rows"]] == [
        ("fullest", pytest.approx(18.75)),
        ("idle", pytest.approx(12.5)),
    ]
    assert (await world.get("/api/v1/repairs?level=site&id=empty")).json["rows"] == []


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\r=1", "＝1"])
def test_no_cell_begins_like_a_formula(text: str) -> None:
    made = to_file("csv", [{"name": text}], ["name"]).decode()
    (row,) = list(csv.reader(io.StringIO(made, newline="")))[1:]
    assert row == [f"'{text}"]


async def test_nothing_in_an_answer_is_not_a_number(world: World) -> None:
    for path in ("readiness?level=node", "tree", "explain?level=site&id=s1", "nodes/n2"):
        assert not re.search(r"\b(NaN|Infinity)\b", (await world.get(f"/api/v1/{path}")).text)
