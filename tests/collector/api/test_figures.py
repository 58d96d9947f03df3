"""Figures from outside: imported whole or not at all, judged against targets, scored."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from readiness.small_fleet import END, SmallFleet, cpu, disk

from muster_collector.errors import ConfigError
from muster_collector.estate import Estate, load
from muster_collector.estate.model import Site, Target
from muster_collector.scoring import figures

from .conftest import Answer, Info, Opener, World
from .test_commands import muster

EXAMPLES = Path(__file__).parents[3] / "deploy" / "examples"
HEAD = "year,indicator,value,unit,source\n"
ROWS = HEAD + "".join(f"{y},software,{v},bn CNY,office\n" for y, v in ((2019, 500), (2020, 540)))


async def post(world: World, path: str, content: str | bytes, kind: str, **more: str) -> Answer:
    data = content.encode() if isinstance(content, str) else content
    headers = {"Content-Type": kind, **more}
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{world.url}/api/v1/{path}", data=io.BytesIO(data), headers=headers
        ) as answer,
    ):
        return Answer(answer.status, dict(answer.headers), await answer.text())


async def test_figures_go_in_and_come_back_and_are_replaced(world: World, tmp_path: Path) -> None:
    file = tmp_path / "figures.csv"
    file.write_bytes(ROWS.replace(",", ";").encode("utf-16"))
    status, out, errors = await muster("targets", "import", str(file), "--url", world.url)
    assert (status, out, errors) == (0, b"2 figures, 0 of them replaced\n", "")
    file.write_text(ROWS.replace("540", "541"))
    status, out, _ = await muster("targets", "import", str(file), "--url", world.url)
    assert (status, out) == (0, b"2 figures, 2 of them replaced\n")
    status, out, _ = await muster("targets", "figures", "--format", "json", "--url", world.url)
    assert [(row["date"], row["value"], row["unit"]) for row in json.loads(out)] == [
        ("2019-12-31", 500.0, "bn CNY"),
        ("2020-12-31", 541.0, "bn CNY"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "is empty|row 1"),
        (HEAD, "has a header and no rows"),
        ("year,indicator,value,unit\n", "row 1: source is needed"),
        ("year;date;indicator;value;unit;source\n", "row 1: one of year and date is needed"),
        (HEAD.replace("\n", ",colour\n"), "row 1: unknown column 'colour'"),
        (ROWS + "2021,software,600\n", "row 4 has 3 cells, row 1 5"),
        (ROWS + '2021,software,"6,000",bn CNY,office\n', 'row 4, column value: "6,000" is not'),
        (ROWS + "2021,software,=1+1,bn CNY,office\n", 'row 4, column value: "=1.1" is not'),
        (ROWS + "2021,software,nan,bn CNY,office\n", 'row 4, column value: "nan" is not'),
        (ROWS + "2021,software,,bn CNY,office\n", 'row 4, column value: "" is not a number'),
        (ROWS + "21,software,1,bn CNY,office\n", "row 4, column year = '21': write it as 2022"),
        (ROWS + "1969,software,1,bn CNY,office\n", "row 4, column year = 1969: use 1970 or later"),
        (ROWS + "2026,software,1,bn CNY,office\n", "row 4, column year: 2026-12-31 has not been"),
        (ROWS + "2021,Software!,1,bn CNY,office\n", "row 4, column indicator = 'Software!'"),
        (ROWS + "2021,software,1,m CNY,office\n", "row 4, column unit = 'm CNY': row 2 gives"),
        (ROWS + "2020,software,1,bn CNY,office\n", "row 4: software of 2020-12-31 from office"),
        (ROWS + "2021,software,1,bn CNY,\n", "row 4, column source = '': write 1 to 200"),
        (b"\xff\xfe\x00", "is not UTF-16"),
        (ROWS.encode() + b"\xff", "is not UTF-8 at byte"),
        (ROWS.encode() + b"\0", "has NUL characters"),
    ],
)
async def test_a_wrong_row_is_named_and_nothing_is_imported(text: str | bytes, line: str) -> None:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigError, match=f"^f.csv: ({line})"):
        figures.parse(data, "f.csv", today=dt.date(2026, 3, 1))


async def test_half_an_import_is_none(world: World, tmp_path: Path) -> None:
    refused = await post(world, "figures", ROWS + "2021,software,x,bn CNY,office\n", "text/csv")
    assert (refused.status, refused.json["error"]) == (
        400,
        'figures: row 4, column value: "x" is not a number: leave the cell empty if it is missing',
    )
    assert await world.rows("/api/v1/figures") == []
    file = tmp_path / "gone.csv"
    status, _, errors = await muster("targets", "import", str(file), "--url", world.url)
    assert (status, errors) == (2, f"muster: {file}: No such file or directory\n")


async def test_only_those_who_may_write_do(world: World) -> None:
    assert (await post(world, "figures", ROWS, "text/plain")).status == 415
    foreign = await post(world, "figures", ROWS, "text/csv", Origin="http://evil.example")
    assert foreign.status == 403
    assert (await post(world, "figures", b"x" * (9 << 20), "text/csv")).status == 413
    assert await world.rows("/api/v1/figures") == []
    assert (await post(world, "figures", ROWS, "text/csv", Origin=world.url)).status == 200


async def test_an_api_open_to_all_takes_no_figures(open_world: Opener) -> None:
    async with open_world(local_only=False) as world:
        answer = await post(world, "figures", ROWS, "text/csv")
        assert answer.status == 403
        assert "set [api] token_file" in answer.json["error"]
    async with open_world(local_only=False, token="t") as world:  # noqa: S106 - of this test only
        assert (await post(world, "figures", ROWS, "text/csv")).status == 401
        answer = await post(world, "figures", ROWS, "text/csv", Authorization="Bearer t")
        assert answer.status == 200


def goal(value: float, due: str, unit: str = "bn CNY") -> Target:
    return Target(indicator="software", value=value, unit=unit, due=dt.date.fromisoformat(due))


async def test_targets_of_figures_are_judged_as_of_the_newest(open_world: Opener) -> None:
    wanted = Estate(
        targets=(
            goal(900, "2028-12-31"),
            goal(600, "2022-12-31"),
            goal(600, "2021-12-31"),
            goal(900, "2025-12-31"),
            goal(900, "2028-12-31", unit="bn USD"),
        )
    )
    values = {2018: 400, 2019: 455, 2020: 500, 2021: 548, 2022: 605, 2023: 650}
    text = HEAD + "".join(f"{y},software,{v},bn CNY,office\n" for y, v in values.items())
    async with open_world(SmallFleet(), wanted) as world:
        await world.scorer.score_at(END)
        assert (await post(world, "figures", text, "text/csv")).status == 200
        status, out, _ = await muster("targets", "status", "--format", "json", "--url", world.url)
        ahead, reached, missed, unsettled, other = json.loads(out)
        assert status == 0
        # Fifty a year: 250 more take five years, to the end of 2028.
        assert ahead["status"] == "at risk"
        assert (ahead["score"], ahead["gap"], ahead["as_of"]) == (650.0, 250.0, "2023-12-31")
        assert ahead["pace_seen"] * 365.25 == pytest.approx(50, rel=0.01)
        assert "2028-06-01" < ahead["likely"] < "2029-06-01"
        assert (ahead["level"], ahead["id"], ahead["unit"]) == ("imported", "software", "bn CNY")
        assert (reached["status"], reached["score"]) == ("reached", 605.0)
        assert (missed["status"], missed["score"]) == ("missed", 548.0)
        # Nobody has said yet what 2025 brought.
        assert (unsettled["status"], unsettled["probability"]) == ("unknown", None)
        assert (other["status"], other["as_of"], other["gap"]) == ("unknown", None, None)
        _, out, _ = await muster("targets", "list", "--format", "json", "--url", world.url)
        assert [row["target"] for row in json.loads(out)] == [900.0, 600.0, 600.0, 900.0, 900.0]


@pytest.mark.parametrize(
    "text",
    [
        "[[targets]]\ndue = 2027-01-01",
        '[[targets]]\ndue = 2027-01-01\nscore = 1\nindicator = "a"\nvalue = 2\nunit = "x"',
        '[[targets]]\ndue = 2027-01-01\nindicator = "a"\nvalue = 2',
    ],
)
def test_a_target_is_one_of_two_kinds(text: str, tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match="give it a score, or else all of indicator, value"):
        load(file)


MISSIONS = Estate(
    sites=(
        Site(id="s1", sector="industry", planned={"node": 4}),
        Site(id="s2", sector="industry", planned={"node": 1}),
        Site(id="s3", sector="government"),
    )
)
CARD = """
[scorecard]
id = "mission"
title = { en = "Mission", zh = "任务" }
version = "1"
coverage = 0
"""


def indicator(name: str, place: str) -> str:
    return f"""[indicator.{name}]
title = {{ en = "{name}", zh = "{name}" }}
meaning = "m"
unit = "percent"
direction = "up"
normalise = {{ kind = "goalposts", low = 0, high = 200 }}
place = {place}
reason = "r"
reference = "r"
"""


OWN = CARD + "".join(
    [
        indicator("store", '{ kind = "readiness", part = "storage" }'),
        indicator("gpu", '{ kind = "readiness", part = "gpu" }'),
        indicator("nodes", '{ kind = "nodes" }'),
        indicator("sites", '{ kind = "sites", sectors = ["industry"], at_least = 50 }'),
        indicator("money", '{ kind = "figure", indicator = "software", unit = "bn CNY" }'),
    ]
)


async def test_a_card_of_ones_own_scores_live_places(open_world: Opener, tmp_path: Path) -> None:
    """One node of five reports, one of two industry sites is ready, the newest figure is 540."""
    card = tmp_path / "card.toml"
    card.write_text(OWN)
    async with open_world(SmallFleet([Info("n1", "s1")]), MISSIONS) as world:
        await world.store.write([*cpu("n1", "s1", 50.0), *disk("n1", "s1", 50)])
        await world.scorer.score_at(END)
        assert (await post(world, "figures", ROWS, "text/csv")).status == 200

        async def scored(level: str) -> Any:
            options = ("--live", level, "--scorecard", str(card), "--format", "json")
            status, out, errors = await muster("score", *options, "--url", world.url)
            assert (status, errors) == (0, "")
            return {
                unit["unit"]: {k: v["value"] for k, v in unit["indicators"].items()}
                for unit in json.loads(out)["units"]
            }

        fleet = (await scored("fleet"))["fleet"]
        # One node of five is too few for the fleet's storage to have a score.
        assert fleet == {"store": None, "gpu": None, "nodes": 20.0, "sites": 0.0, "money": 540.0}
        sites = await scored("site")
        assert sites["s1"] == {
            "store": None, "gpu": None, "nodes": 25.0, "sites": 0.0, "money": None,
        }  # fmt: skip
        assert sites["s3"]["nodes"] is None
        wrong = await post(world, "score", "[scorecard]\nid = 1", "application/toml")
        assert wrong.status == 400
        assert wrong.json["error"].startswith("scorecard: ")
        large = await post(world, "score", "x" * (300 << 10), "application/toml")
        assert large.status == 413


async def test_the_six_missions_take_the_example_figures(world: World) -> None:
    text = (EXAMPLES / "figures-made-up.csv").read_bytes()
    assert (await post(world, "figures", text, "text/csv")).status == 200
    path = "/api/v1/score?scorecard=guangzhou-2021-missions"
    (unit,) = (await world.get(path)).json["units"]
    assert len([name for name in unit["levels"] if name != "overall"]) == 6
    # 610 of 600 counts as all of it, 268 of 280 as its share.
    industry = unit["levels"]["industry"]
    assert industry["score"] == pytest.approx((100 + 268 / 280 * 100) / 2)
    assert unit["indicators"]["buildout"]["score"] == pytest.approx(85)
    assert (await world.get("/api/v1/score?scorecard=moon")).status == 404


def test_the_example_estate_holds_the_published_targets() -> None:
    targets = load(EXAMPLES / "estate-guangzhou.toml").targets
    published = {(t.indicator, t.value, t.unit, t.due) for t in targets if t.indicator}
    due = dt.date(2022, 12, 31)
    assert published == {
        ("software_revenue", 600.0, "bn CNY", due),
        ("electronics_value", 280.0, "bn CNY", due),
    }


days = st.dates(dt.date(1970, 1, 1), dt.date(2100, 1, 1))
numbers = st.floats(-1e12, 1e12, allow_nan=False).map(lambda x: float(f"{x:.6g}"))


@given(st.dictionaries(days, numbers, min_size=1, max_size=20))
def test_what_is_written_is_what_is_read(values: dict[dt.date, float]) -> None:
    text = HEAD.replace("year", "date") + "".join(
        f"{day.isoformat()},x,{value!r},u,s\n" for day, value in values.items()
    )
    found = figures.parse(text.encode(), "f.csv")
    assert {figure.day: figure.value for figure in found} == values
    assert all(math.isfinite(figure.value) for figure in found)
