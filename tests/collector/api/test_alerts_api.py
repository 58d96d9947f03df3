"""Alerts as people ask for them: over HTTP, and with `muster alerts`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from muster_collector.alerts import wording
from muster_collector.alerts.model import Language, Rule
from muster_collector.alerts.state import Alert
from muster_collector.config import Alerts
from muster_collector.store.base import Point
from servers import free_port

from .conftest import Opener, World
from .test_commands import muster

MINUTE = 60_000
ODD = "<b>&\"'/\\ 😀\u202e"


async def silent(world: World, *hosts: str) -> None:
    """Three minutes in which these hosts of site s1 are silent, evaluated each minute."""
    assert world.alerting is not None
    for _ in range(8):
        world.now += MINUTE
        points = [
            Point(
                "completeness", (("host", host), ("site", "s1")),
                {"silent_s": 600.0, "missing": 0, "lost": 0}, world.now,
            )
            for host in hosts
        ]  # fmt: skip
        assert await world.store.write(points) == []
        await world.alerting.evaluate()


@pytest.fixture
async def alarmed(open_world: Opener) -> AsyncIterator[World]:
    async with open_world(alerts=Alerts(off=("score-missing",))) as world:
        await silent(world, "n1", ODD)
        yield world


async def test_what_fires_comes_worst_first(alarmed: World) -> None:
    answer = (await alarmed.get("/api/v1/alerts")).json
    assert answer["total"] == 3
    site, *nodes = answer["rows"]
    assert (site["rule"], site["severity"], site["state"]) == ("silent-site", "critical", "firing")
    assert site["labels"] == {"site": "s1"}
    assert (site["value"], site["limit"]) == (600.0, 120.0)
    assert site["runbook"] == "docs/runbooks/silent-site.md"
    assert site["fired"] > site["since"]
    assert [node["inhibited"] for node in nodes] == [True, True]
    assert {node["labels"]["host"] for node in nodes} == {"n1", ODD}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("severity=critical", 1), ("rule=silent-node", 2), ("site=s1", 3), ("site=s2", 0),
        ("state=pending", 0), ("state=pending&state=firing&limit=2", 2), ("offset=2", 1),
        ("district=d1", 3), ("district=unassigned", 0), ("region=r1", 3), ("region=r2", 0),
    ],
)  # fmt: skip
async def test_alerts_can_be_filtered(alarmed: World, query: str, count: int) -> None:
    assert len(await alarmed.rows(f"/api/v1/alerts?{query}")) == count


async def test_only_the_alerts_that_are_asked_for_are_put_into_words(
    alarmed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    worded: list[str] = []
    original = wording.summary

    def counted(rule: Rule, alert: Alert, language: Language) -> str:
        worded.append(original(rule, alert, language))
        return worded[-1]

    monkeypatch.setattr(wording, "summary", counted)
    answer = (await alarmed.get("/api/v1/alerts?limit=1&offset=1")).json
    assert (answer["total"], len(answer["rows"]), len(worded)) == (3, 1, 1)


async def test_a_runbook_is_the_page_of_the_repository(alarmed: World) -> None:
    answer = (await alarmed.get("/api/v1/runbooks/silent-site")).json
    folder = Path(__file__).parents[3] / "docs" / "runbooks"
    text = (folder / "silent-site.md").read_text(encoding="utf-8")
    assert answer == {"name": "silent-site", "markdown": text}
    for name in ("nothing", "..%2f..%2fREADME", "silent-site.md"):
        assert (await alarmed.get(f"/api/v1/runbooks/{name}")).status == 404


async def test_a_file_of_alerts_runs_nothing(alarmed: World) -> None:
    text = (await alarmed.get("/api/v1/alerts?format=csv")).text
    assert len(list(csv.DictReader(io.StringIO(text)))) == 3


async def test_the_rules_are_there_in_two_languages(alarmed: World) -> None:
    rules = {row["rule"]: row for row in await alarmed.rows("/api/v1/alerts/rules?language=zh")}
    assert rules["silent-site"]["title"] == "站点静默"
    assert rules["silent-site"]["firing"] == 1
    assert rules["silent-site"]["without_data"] == "fires"
    assert "score-missing" not in rules
    assert "database-away" in rules


async def test_a_collector_without_the_role_says_so(open_world: Opener) -> None:
    async with open_world() as world:
        answer = await world.get("/api/v1/alerts")
        assert answer.status == 503
        assert 'add "alert" to [collector] roles' in answer.json["error"]


async def test_a_silence_is_made_seen_and_ended(alarmed: World) -> None:
    where = {"MUSTER_URL": alarmed.url}
    status, out, errors = await muster(
        "alerts", "silence", "rule=silent-site", "site=s?", "--for", "2h",
        "--comment", "uplink is being moved", "--by", "chen", **where,
    )  # fmt: skip
    assert (status, errors) == (0, "")
    made = out.decode().split()[1]
    _, out, _ = await muster("alerts", "silences", "--format", "json", **where)
    (row,) = json.loads(out)
    assert row["id"] == made
    assert row["match"] == {"rule": "silent-site", "site": "s?"}
    assert (row["by"], row["comment"]) == ("chen", "uplink is being moved")
    _, out, _ = await muster("alerts", "list", "--format", "json", **where)
    assert {r["rule"]: r["silenced"] for r in json.loads(out)} == {
        "silent-site": made, "silent-node": "",
    }  # fmt: skip
    status, out, _ = await muster("alerts", "unsilence", made, **where)
    assert (status, out.decode()) == (0, f"silence {made} ended\n")
    status, _, errors = await muster("alerts", "unsilence", made, **where)
    assert (status, errors) == (1, f"muster: {alarmed.url}: no silence with the id '{made}'\n")


async def test_a_table_of_alerts_steers_no_terminal(alarmed: World) -> None:
    status, out, _ = await muster("alerts", "list", "--url", alarmed.url)
    assert status == 0
    assert "\u202e" not in out.decode()
    assert out.decode().splitlines()[1].startswith("critical\tfiring\t")


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (("site", "--for", "2h"), 2, "muster: site: use LABEL=TEXT, such as site=airport"),
        (("=x", "--for", "2h"), 2, "muster: =x: use LABEL=TEXT, such as site=airport"),
        (("site=a", "--for", "soon"), 1, "duration="),
        (("site=a", "--for", "10000d"), 1, "at most a year"),
        (("site=a",), 2, "--for"),
    ],
)
async def test_a_wrong_silence_is_refused(
    alarmed: World, arguments: tuple[str, ...], status: int, line: str
) -> None:
    found, _, errors = await muster("alerts", "silence", *arguments, MUSTER_URL=alarmed.url)
    assert found == status
    assert line in errors


@pytest.mark.parametrize(
    ("content", "status", "line"),
    [
        ("{", 400, "body: Invalid JSON"),
        ('{"duration": "1h"}', 400, "match: Field required"),
        ('{"match": {}, "duration": "1h"}', 400, "match: "),
        ('{"match": {"site": ""}, "duration": "1h"}', 400, "match.site: "),
        ('{"match": {"site": "a"}, "duration": "1h", "who": 1}', 400, "who: Extra inputs"),
        ("x" * 20_000, 413, "more than 16384 bytes"),
    ],
)
async def test_a_wrong_body_is_refused(
    alarmed: World, content: str, status: int, line: str
) -> None:
    headers = {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{alarmed.url}/api/v1/silences", data=content, headers=headers) as answer,
    ):
        assert answer.status == status
        assert line in (await answer.json())["error"]
    assert await alarmed.rows("/api/v1/silences") == []


async def test_another_sites_page_ends_no_silence(alarmed: World) -> None:
    assert alarmed.alerting is not None
    made = alarmed.alerting.silence({"site": "s1"}, alarmed.now + MINUTE, "", "")
    async with (
        aiohttp.ClientSession(headers={"Origin": "http://evil.example"}) as session,
        session.delete(f"{alarmed.url}/api/v1/silences/{made.id}") as answer,
    ):
        assert answer.status == 403
    assert len(await alarmed.rows("/api/v1/silences")) == 1


async def test_a_test_message_says_who_did_not_take_it(open_world: Opener) -> None:
    dead = Alerts(webhook_url=f"http://127.0.0.1:{free_port()}/x")
    async with open_world(alerts=dead) as world:
        status, out, _ = await muster("alerts", "test", "--url", world.url)
        assert status == 1
        assert out.decode().startswith("webhook 127.0.0.1: webhook 127.0.0.1 cannot be reached")
    async with open_world(alerts=Alerts()) as world:
        status, _, errors = await muster("alerts", "test", "--url", world.url)
        assert status == 2
        assert errors == "muster: nobody is told: set webhook_url or mail_to in [alerts]\n"


def test_a_password_that_cannot_be_read_is_found_by_check(tmp_path: Path) -> None:
    import subprocess
    import sys

    file = tmp_path / "c.toml"
    file.write_text(
        '[alerts]\nmail_to = ["noc@x.example"]\nsmtp_password_file = "/nonexistent/password"\n'
        f'[collector]\ndata = "{tmp_path}"\n'
    )
    command = [
        sys.executable,
        "-m",
        "muster_collector",
        "collector",
        "check",
        "--config",
        str(file),
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert "[alerts] smtp_password_file = /nonexistent/password: cannot be read" in found.stderr
