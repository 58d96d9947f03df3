"""Real answers against the schemas that OpenAPI promises."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from readiness.small_fleet import END, MINUTE, Known, SmallFleet, cpu, disk

from muster_collector.api import answers
from muster_collector.api.app import make_routes
from muster_collector.estate import Estate
from muster_collector.estate.model import Role, Site, Target

from .conftest import Opener, World
from .test_commands import muster

FIGURES = "deploy/examples/figures-made-up.csv"
ROOT = Path(__file__).parents[3]
PLANNED = Estate(
    roles={"node": Role()},
    sites=(Site(id="s1", sector="government", planned={"node": 2}), Site(id="s2")),
    targets=(
        Target(score=90, due=dt.date(2026, 12, 31), name="Whole"),
        Target(indicator="software_revenue", value=600.0, unit="bn CNY", due=dt.date(2022, 12, 31)),
    ),
)


@cache
def paths() -> dict[str, Any]:
    """OpenAPI's description of every path, made once: it takes seconds."""
    found: dict[str, Any] = make_routes().openapi()["paths"]
    return found


def promised(path: str, media: str = "application/json") -> type[answers.Answer]:
    """The model that OpenAPI names for a GET of this path."""
    operation = paths()[f"/api/v1/{path.partition('?')[0]}"]["get"]
    schema = operation["responses"]["200"]["content"][media]["schema"]
    name = schema["$ref"].rpartition("/")[2]
    parts = (answers.readiness, answers.planning, answers.targets)
    (model,) = {getattr(part, name) for part in parts if hasattr(part, name)}
    return cast("type[answers.Answer]", model)


async def check(world: World, path: str) -> None:
    answer = await world.get(f"/api/v1/{path}")
    assert answer.status == 200, answer.text
    promised(path).model_validate_json(answer.text)


PATHS = (
    "readiness",
    "readiness?level=node",
    "readiness?level=node&from=now-1h&to=now%2B1h",
    "readiness?level=node&from=now-1h&to=now%2B1h&step=1h",
    "readiness?level=site&from=now-10d&to=now%2B1h&step=1d",
    "readiness?level=site&from=now-40d&to=now%2B1h&step=1mo",
    "readiness?level=site&at=now",
    "tree",
    "tree?levels=node,fleet&order=score",
    "explain",
    "explain?level=node&id=n1",
    "explain?level=site&id=s1",
    "change?from=now-5m",
    "change?level=node&id=n1&from=now-1m",
    "what-if?weight=storage:2&level=node&id=n1",
    "backcast?from=now-1d",
    "backcast?from=now-1d&step=1d&level=node&id=n1",
    "repairs?level=site&id=s1",
    "repairs?level=site&id=s1&by=node",
    "groups?by=sector",
    "groups?by=role",
    "targets",
    "outlook?score=90&due=2030-01-01",
    "figures",
    "score?scorecard=guangzhou-2021-missions",
    "score?scorecard=guangzhou-2021-missions&level=site",
)


async def test_answers_are_what_openapi_promises(open_world: Opener) -> None:
    fleet = SmallFleet([Known("n1", "s1"), Known("n2", "s1")])
    async with open_world(fleet, PLANNED) as world:
        for node, used in (("n1", 50), ("n2", 150)):
            await world.store.write([*cpu(node, "s1", 50.0), *disk(node, "s1", used)])
        await world.scorer.score_at(END)
        await world.scorer.score_at(END + 55 * MINUTE)
        await world.scorer.score_at(END)
        world.now = END + MINUTE
        status, _, errors = await muster(
            "targets", "import", str(ROOT / FIGURES), "--url", world.url
        )
        assert (status, errors) == (0, "")
        for path in PATHS:
            await check(world, path)


async def test_empty_answers_are_too(open_world: Opener) -> None:
    async with open_world(SmallFleet([])) as world:
        await world.scorer.score_at(END)
        for path in PATHS:
            if "id=" not in path:
                await check(world, path)


async def test_an_event_is_what_openapi_promises(world: World) -> None:
    model = promised("live", "text/event-stream")
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{world.url}/api/v1/live") as stream,
    ):
        lines = [await stream.content.readline() for _ in range(2)]
    assert lines[0] == b"event: score\n"
    news = model.model_validate_json(lines[1].removeprefix(b"data: "))
    assert news.model_dump()["fleet"]["planned"] == 1


@pytest.mark.parametrize(("path", "status"), [("explain?id=x", 404), ("readiness?step=x", 400)])
async def test_errors_are_one_line_as_promised(world: World, path: str, status: int) -> None:
    answer = await world.get(f"/api/v1/{path}")
    assert answer.status == status
    answers.Error.model_validate_json(answer.text)


def test_every_route_of_a_planner_has_a_schema() -> None:
    """And all of its fields have a type; nothing is just an object."""
    planners = ("readiness", "planning", "targets", "figures")
    for path, methods in paths().items():
        for operation in methods.values():
            if set(operation.get("tags", ())) & set(planners):
                media = "text/event-stream" if path.endswith("/live") else "application/json"
                assert "$ref" in operation["responses"]["200"]["content"][media]["schema"], path
                if media == "application/json":
                    assert {"400", "404", "422", "503"} <= operation["responses"].keys(), path
