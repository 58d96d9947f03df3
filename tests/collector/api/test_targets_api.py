"""Targets over HTTP: on course, behind, reached, missed, unknown; and their wrong parameters."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from readiness.small_fleet import END, SmallFleet

from muster_collector.estate import Estate
from muster_collector.estate.model import Target
from muster_collector.scoring import standing
from muster_collector.store.base import Point, Query, Read

from .conftest import Opener, World

DAY = 86_400_000
MIDNIGHT = END - 300_000


def target(score: float, due: str, part: str = "overall") -> Target:
    return Target(score=score, due=dt.date.fromisoformat(due), part=part)


TARGETS = Estate(
    targets=(
        target(90, "2026-05-01"),
        target(90, "2026-03-03"),
        target(60, "2026-05-01"),
        target(90, "2026-02-01"),
        target(90, "2026-05-01", part="storage"),
    )
)


async def fill(world: World) -> None:
    """Thirty days on which the fleet rose by half a point a day, to 70, and a method before it."""
    method = world.scorer.card.method
    points = []
    for day in range(30):
        time = MIDNIGHT - day * DAY
        for name, score in ((method, 70.0 - day / 2 + (day % 3) / 10), ("other", 5.0)):
            tags = (("id", "fleet"), ("level", "fleet"), ("method", name))
            points.append(Point("readiness_daily", tags, {"score": score}, time))
    assert await world.store.write(points) == []
    await world.scorer.score_at(END)


async def test_targets_are_judged_by_the_days_so_far(open_world: Opener) -> None:
    async with open_world(SmallFleet(), TARGETS) as world:
        await fill(world)
        soon, late, reached, missed, other = await world.rows("/api/v1/targets")
        assert soon["status"] == "on course"
        assert soon["gap"] == pytest.approx(20)
        assert soon["pace_seen"] == pytest.approx(0.5, abs=0.02)
        assert "2026-04-05" <= soon["earliest"] <= soon["likely"] <= soon["latest"] <= "2026-04-15"
        assert soon["probability"] > 0.8
        assert (late["status"], late["probability"] < 0.01) == ("behind", True)
        assert (reached["status"], reached["likely"]) == ("reached", None)
        assert missed["status"] == "missed"
        assert (other["status"], other["days"], other["gap"]) == ("unknown", 0, None)


async def test_a_target_of_the_past_is_settled_by_its_own_day(open_world: Opener) -> None:
    """The fleet had 60 at the end of 8 February, and 70 in March: too late for a target of 65."""
    past = Estate(
        targets=(
            target(65, "2026-02-08"),
            target(59, "2026-02-08"),
            # No day of the week before it has a score; nothing is made up of later ones.
            target(10, "2026-01-20"),
            target(10, "1999-01-01"),
        )
    )
    async with open_world(SmallFleet(), past) as world:
        await fill(world)
        missed, reached, before, long_ago = await world.rows("/api/v1/targets")
        assert (missed["status"], missed["probability"]) == ("missed", 0.0)
        assert missed["score"] == pytest.approx(60.0, abs=0.3)
        assert (reached["status"], reached["probability"]) == ("reached", 1.0)
        for row in (before, long_ago):
            assert (row["status"], row["score"], row["gap"]) == ("unknown", None, None)
            assert (row["likely"], row["probability"]) == (None, None)


async def test_boards_find_the_same_in_the_store(open_world: Opener) -> None:
    async with open_world(SmallFleet(), TARGETS) as world:
        await fill(world)
        rows = {
            (row["due"], row["part"], row["target"]): row
            for row in await world.rows("/api/v1/targets")
        }
        slept = asyncio.Event()

        async def sleep(seconds: float) -> None:
            assert 0 < seconds <= 3660
            slept.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(standing.write_for_ever(world.scorer, sleep=sleep))
        await slept.wait()
        task.cancel()
        names = ("target", "score", "gap", "pace_seen", "probability", "days_left", "likely_days")
        reads = tuple(Read(name, "last") for name in (*names, "status", "name"))
        query = Query("target", reads, 0, 2 * END, group=("level", "id", "part", "due", "goal"))
        table = (await world.store.select(query)).columns
        assert len(table["due"]) == len(rows) == 5
        for number, due in enumerate(table["due"]):
            found = {name.removesuffix("_last"): values[number] for name, values in table.items()}
            row = rows[due, found["part"], float(found["goal"])]
            assert (found["level"], found["id"], found["name"]) == ("fleet", "fleet", "fleet")
            for name in ("target", "score", "gap", "probability", "status"):
                assert found[name] == row[name]
            left = (dt.date.fromisoformat(due) - dt.date(2026, 3, 1)).days + 1
            assert found["days_left"] == pytest.approx(left, abs=0.01)
            if row["likely"]:
                assert found["pace_seen"] == pytest.approx(row["pace_seen"] * 365.25 / 12)
                day = dt.date(2026, 3, 1) + dt.timedelta(days=found["likely_days"])
                assert day.isoformat() == row["likely"]


async def test_any_target_can_be_asked_about(open_world: Opener) -> None:
    async with open_world(SmallFleet(), TARGETS) as world:
        await fill(world)
        answer = (await world.get("/api/v1/outlook?score=90&due=2026-05-01")).json
        assert answer["status"] == "on course"
        for path, line in [
            ("score=101&due=2026-05-01", "score=101: "),
            ("score=90&due=May", "due=May: "),
            ("score=90&due=2026-05-01&part=moon", "part='moon': use overall, compute, storage"),
            ("score=90&due=2026-05-01&id=x", "no fleet with the id 'x'"),
            ("due=2026-05-01", "score=: Field required"),
        ]:
            refused = await world.get(f"/api/v1/outlook?{path}")
            assert refused.json["error"].startswith(line)


async def test_an_estate_without_targets_has_none(world: World) -> None:
    assert await world.rows("/api/v1/targets") == []
    csv = await world.get("/api/v1/targets?format=csv")
    assert csv.text.startswith("level,id,part,")
