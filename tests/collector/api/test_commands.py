"""`muster readiness`, `explain` and `estate`, as a shell runs them against a running collector."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import json
import sys
import zipfile
from pathlib import Path

import aiohttp
import duckdb
import pytest
from readiness.small_fleet import END, MINUTE, cpu, disk

from muster_collector.estate import Estate
from muster_collector.estate.model import Target
from servers import free_port

from .conftest import Opener, World

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "deploy" / "examples" / "estate-guangzhou.toml"
SCORE = 0.25 * 50 + 0.75 * 75


async def muster(*arguments: str, **environment: str) -> tuple[int, bytes, str]:
    """Exit status, output and errors of a real command."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "muster_collector", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin", "http_proxy": "http://127.0.0.1:9", **environment},
    )  # fmt: skip
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out, errors.decode()


async def test_a_piped_table_is_plain(world: World) -> None:
    status, out, _ = await muster("readiness", "--level", "node", "--url", world.url)
    lines = out.decode().splitlines()
    assert status == 0
    assert lines[0].split("\t")[:3] == ["time", "id", "score"]
    assert lines[1].split("\t")[:3] == ["2026-03-01T00:05:00Z", "n1", f"{SCORE:.1f}"]
    assert lines[2].split("\t")[:3] == ["2026-03-01T00:05:00Z", "n2", "-"]


async def test_json_and_csv_hold_exact_numbers(world: World) -> None:
    arguments = ("readiness", "--level", "node", "--id", "n1", "--id", "n2", "--format")
    _, out, _ = await muster(*arguments, "json", MUSTER_URL=world.url)
    rows = json.loads(out)
    assert [row["score"] for row in rows] == [pytest.approx(SCORE), None]
    _, out, _ = await muster(*arguments, "csv", MUSTER_URL=world.url)
    table = list(csv.DictReader(io.StringIO(out.decode())))
    assert [row["score"] for row in table] == [repr(rows[0]["score"]), ""]
    assert list(table[0]) == list(rows[0])


async def test_parquet_and_xlsx_open_in_other_programs(world: World, tmp_path: Path) -> None:
    for kind in ("parquet", "xlsx"):
        target = tmp_path / f"rows.{kind}"
        status, out, errors = await muster(
            "readiness", "--level", "node", "--format", kind, "--output", str(target),
            "--url", world.url,
        )  # fmt: skip
        assert (status, out, errors) == (0, b"", "")
    with duckdb.connect() as database:
        table = database.read_parquet(str(tmp_path / "rows.parquet"))
        rows = table.project("id, score, why").fetchall()
    assert rows[0] == ("n1", pytest.approx(SCORE), None)
    assert rows[1][1] is None
    with zipfile.ZipFile(tmp_path / "rows.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "n1" in book.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet


async def test_no_rows_are_no_error_in_any_format(open_world: Opener, tmp_path: Path) -> None:
    async with open_world() as world:
        await world.scorer.score_at(END)
        for kind in ("table", "csv", "json", "parquet", "xlsx"):
            status, _, errors = await muster(
                "readiness", "--level", "node", "--format", kind, "--url", world.url,
                "--output", str(tmp_path / f"none.{kind}"),
            )  # fmt: skip
            assert (status, errors) == (0, "")


async def test_explain_lists_what_costs_most_first(world: World) -> None:
    status, out, _ = await muster("explain", "--level", "node", "--id", "n1", "--url", world.url)
    parts = [line.split("\t")[:4] for line in out.decode().splitlines()]
    assert status == 0
    assert parts[1:] == [
        ["node", "n1", "68.8", "31.2"],
        ["pillar", "storage", "75.0", "18.8"],
        ["indicator", "fullest", "75.0", "18.8"],
        ["pillar", "compute", "50.0", "12.5"],
        ["indicator", "idle", "50.0", "12.5"],
    ]


async def test_explain_from_a_time_sums_to_the_change(world: World) -> None:
    await world.store.write([*cpu("n1", "s1", 90.0, END), *disk("n1", "s1", 25, END)])
    await world.scorer.score_at(END + 5 * MINUTE)
    world.now = END + 6 * MINUTE
    options = ("--from", "now-5m", "--format", "json", "--url", world.url)
    status, out, _ = await muster("explain", "--level", "node", "--id", "n1", *options)
    rows = json.loads(out)
    assert status == 0
    assert [row["part"] for row in rows] == [
        "before", "indicator", "indicator", "coverage", "members", "after",
    ]  # fmt: skip
    points = [row["points"] for row in rows]
    assert sum(points[:-1]) == pytest.approx(points[-1])
    status, _, errors = await muster("explain", "--level", "site", "--id", "s1", *options)
    assert (status, errors) == (1, "muster: site s1: no score at both times\n")


async def test_targets_have_a_status(open_world: Opener) -> None:
    due = dt.date(2027, 1, 1)
    async with open_world(estate=Estate(targets=(Target(score=80, due=due),))) as world:
        await world.scorer.score_at(END)
        status, out, _ = await muster("targets", "status", "--format", "json", "--url", world.url)
        (row,) = json.loads(out)
        assert (status, row["target"], row["due"], row["status"]) == (
            0, 80.0, "2027-01-01", "unknown",
        )  # fmt: skip


async def test_a_token_comes_from_a_file(open_world: Opener, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("s3cret\n")
    async with open_world(token="s3cret") as world:  # noqa: S106 - of this test only
        await world.scorer.score_at(END)
        status, _, errors = await muster("readiness", "--url", world.url)
        assert status == 1
        assert (
            errors == f"muster: {world.url}: a valid token is needed: Authorization: Bearer TOKEN\n"
        )
        options = ("--url", world.url, "--token-file", str(secret))
        assert (await muster("readiness", *options))[0] == 0
        secret.unlink()
        status, _, errors = await muster("readiness", *options)
        assert (status, errors) == (
            2,
            f"muster: --token-file {secret}: No such file or directory\n",
        )


async def test_wrong_requests_and_addresses_are_one_line(world: World) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    status, _, errors = await muster("readiness", "--url", url)
    assert (status, errors) == (
        1,
        f"muster: {url}: Connection refused; is the collector running?\n",
    )
    assert (await muster("readiness", "--url", "ftp://x"))[2] == (
        "muster: --url ftp://x: use http://HOST:PORT\n"
    )
    status, _, errors = await muster("readiness", "--from", "noon", "--url", world.url)
    assert status == 1
    assert errors.startswith(f"muster: {world.url}: from='noon' is not a time: write ")
    assert errors.count("\n") == 1
    assert (await muster("readiness", "--level", "galaxy"))[0] == 2


async def test_estate_check_counts_or_complains(tmp_path: Path) -> None:
    status, out, _ = await muster("estate", "check", str(EXAMPLE))
    assert status == 0
    assert out.decode().startswith("4 regions, 11 districts, ")
    assert out.decode().endswith("(an example)\n")
    wrong = tmp_path / "estate.csv"
    wrong.write_text("site,district\na,d\na,d\nb,d\nb,d\n")
    status, out, errors = await muster("estate", "check", str(wrong))
    assert (status, out) == (2, b"")
    assert errors.splitlines() == [
        f"{wrong}: row 3, column site = 'a': already used by sites[1]",
        f"{wrong}: row 5, column site = 'b': already used by sites[3]",
    ]


async def test_every_planner_answer_comes_in_every_format(world: World, tmp_path: Path) -> None:
    """The same columns by command and by HTTP, and files that other programs open."""
    commands = {
        ("readiness", "--level", "node"): "readiness?level=node",
        ("readiness", "--by", "sector"): "groups?by=sector",
        ("readiness", "--from", "now-1d", "--step", "1d"): "readiness?from=now-1d&step=1d",
        ("explain", "--level", "site", "--id", "s1"): "explain?level=site&id=s1",
        ("repairs", "--level", "site", "--id", "s1"): "repairs?level=site&id=s1",
        ("repairs", "--by", "node"): "repairs?by=node",
        ("targets", "status"): "targets?",
        ("what-if", "--from", "now-1d", "--weights", "storage=2"): (
            "backcast?from=now-1d&weight=storage:2"
        ),
        ("score", "--live", "fleet", "--scorecard", "guangzhou-2021-missions"): (
            "score?scorecard=guangzhou-2021-missions"
        ),
    }
    for command, path in commands.items():
        status, out, errors = await muster(*command, "--format", "csv", "--url", world.url)
        assert (status, errors) == (0, ""), command
        header = out.decode().splitlines()[0].split(",")
        answer = await world.get(f"/api/v1/{path}&format=csv")
        assert answer.status == 200, path
        assert set(header) <= set(answer.text.splitlines()[0].split(",")), command
        for kind, magic in (("xlsx", b"PK"), ("parquet", b"PAR1")):
            target = tmp_path / f"rows.{kind}"
            status, _, errors = await muster(
                *command, "--format", kind, "--output", str(target), "--url", world.url
            )
            assert (status, errors) == (0, ""), command
            assert target.read_bytes().startswith(magic)
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{world.url}/api/v1/{path}&format={kind}") as found,
            ):
                assert (await found.read()).startswith(magic), path
        status, out, errors = await muster(*command, "--format", "json", "--url", world.url)
        assert (status, errors) == (0, ""), command
        json.loads(out)


async def test_repairs_rank_what_lifts_most(world: World) -> None:
    """Node n1 of the fixture: idle 50 and disk 25 % full, weights 1 and 3; n2 is silent."""
    node = ("repairs", "--level", "node", "--id", "n1", "--format", "json", "--url", world.url)
    _, out, _ = await muster(*node)
    rows = json.loads(out)
    gains = [(row["indicator"], row["gain"], row["nodes"]) for row in rows]
    assert gains == [("fullest", pytest.approx(18.75), 1), ("idle", pytest.approx(12.5), 1)]
    _, out, _ = await muster(*node, "--by", "node")
    (one,) = json.loads(out)
    assert (one["node"], one["site"], one["gain"]) == ("n1", "s1", pytest.approx(100 - SCORE))
    assert one["indicators"] == ["fullest", "idle"]
    status, _, errors = await muster("repairs", "--level", "site", "--id", "x", "--url", world.url)
    assert (status, errors) == (1, f"muster: {world.url}: no site with the id 'x'\n")


async def test_a_range_as_it_was_known_and_within_a_place(world: World) -> None:
    span = ("--from", "now-1h", "--to", "now+1h")
    arguments = ("readiness", "--level", "node", *span, "--format", "json")
    _, out, _ = await muster(*arguments, "--known", "now", "--site", "s1", "--url", world.url)
    assert {row["site"] for row in json.loads(out)} == {"s1"}
    _, out, _ = await muster(*arguments, "--district", "d2", "--url", world.url)
    assert json.loads(out) == []
    status, _, errors = await muster(
        "readiness", "--by", "role", "--step", "1d", MUSTER_URL=world.url
    )
    assert (status, errors) == (
        2, "muster: --by: stands beside --at only: now, or as it stood at a time\n"
    )  # fmt: skip
