"""`muster publish`: the open-data package, made twice, checked, broken, and read by strangers."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from muster_collector.cli import main
from muster_collector.estate import Estate

from .conftest import (
    FORMULA,
    METHOD,
    ODD,
    Opener,
    World,
    hours_of,
    midnight,
    muster,
    opened_zone,
    score_of,
)  # fmt: skip

FEBRUARY = ("publish", "--from", "2026-02-01", "--to", "2026-02-28")


async def published(world: World, folder: Path, *more: str) -> dict[str, Any]:
    outcome = await world.muster(*FEBRUARY, "--out", str(folder), *more)
    assert (outcome.status, outcome.errors) == (0, "")
    about: dict[str, Any] = json.loads((folder / "datapackage.json").read_text("utf-8"))
    return about


def table(folder: Path, name: str) -> list[dict[str, str]]:
    text = (folder / "data" / f"{name}.csv").read_text("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_the_numbers_are_those_of_the_store(world: World, tmp_path: Path) -> None:
    await published(world, tmp_path / "out")
    rows = table(tmp_path / "out", "readiness")
    # Fleet, one region, two districts, three sites; February has 28 local days.
    assert len(rows) == 7 * 28
    assert (rows[0]["date"], rows[-1]["date"]) == ("2026-02-01", "2026-02-28")
    (day,) = [r for r in rows if r["id"] == "s1" and r["date"] == "2026-02-10"]
    expected = score_of("s1", dt.date(2026, 2, 10))
    assert expected == pytest.approx(66.0)
    assert day["score"] == "66.000000"
    assert day["method"] == METHOD
    assert (day["grade"], day["windows"], day["scored"], day["planned"]) == ("A", "288", "2", "3")
    (silent,) = [r for r in rows if r["id"] == "s3" and r["date"] == "2026-02-10"]
    assert (silent["score"], silent["grade"], silent["least"]) == ("", "", "")
    assert (silent["low"], silent["high"]) == ("0.000000", "100.000000")
    pillars = table(tmp_path / "out", "pillars")
    assert len(pillars) == 7 * 28 * 2
    assert pillars[0]["pillar"] == "compute"


async def test_completeness_counts_each_day_once(world: World, tmp_path: Path) -> None:
    await published(world, tmp_path / "out")
    rows = table(tmp_path / "out", "completeness")
    assert len(rows) == 2 * 28
    for row in rows:
        assert row | {"date": "", "site": ""} == {
            "date": "", "site": "", "nodes": "1", "expected": "120", "stored": "100",
            "duplicate": "2", "refused": "0", "late": "2", "lost": "6", "missing": "4",
            "down": "8", "silent": "2",
        }  # fmt: skip


async def test_a_repaired_hour_counts_on_its_own_day_and_a_ledger_begun_anew_sets_nothing_back(
    world: World, tmp_path: Path
) -> None:
    """Ten reports of the 10th come on the 20th; another ledger takes over in the middle."""
    zone = opened_zone()
    end = midnight(dt.date(2026, 2, 11), zone)
    repaired = list(hours_of("n1", "s1", end, stored=52, late=3, missing=0))
    other = list(hours_of("n1", "s1", end, "l2", expected=5, stored=5, lost=0, down=0))
    await world.store.write([*repaired, *other])
    await published(world, tmp_path / "out")
    rows = {(row["date"], row["site"]): row for row in table(tmp_path / "out", "completeness")}
    day = rows["2026-02-10", "s1"]
    assert (day["nodes"], day["expected"], day["stored"]) == ("1", "130", "114")
    assert (day["late"], day["missing"], day["lost"]) == ("8", "4", "6")
    for beside in (rows["2026-02-09", "s1"], rows["2026-02-11", "s1"], rows["2026-02-10", "s2"]):
        assert (beside["stored"], beside["missing"]) == ("100", "4")


async def test_targets_stand_as_on_the_last_day(world: World, tmp_path: Path) -> None:
    await published(world, tmp_path / "out")
    rows = {(row["id"], row["part"]): row for row in table(tmp_path / "out", "targets")}
    whole = rows["fleet", "overall"]
    # 40 points on 1 January, half a point a day: 69 on 28 February, 21 to go.
    assert (whole["value"], whole["gap"], whole["days"]) == ("69.000000", "21.000000", "59")
    assert float(whole["pace_seen"]) == pytest.approx(0.5, abs=0.01)
    assert whole["status"] == "on course"
    assert dt.date(2026, 4, 5) < dt.date.fromisoformat(whole["likely"]) < dt.date(2026, 4, 20)
    assert rows["fleet", "storage"]["status"] == "reached"
    software = rows["software", "value"]
    assert (software["value"], software["unit"]) == ("580.000000", "billion yuan")
    assert (software["as_of"], software["source"]) == ("2025-12-31", "Yearbook")


async def test_twice_gives_the_same_bytes(world: World, tmp_path: Path) -> None:
    about = await published(world, tmp_path / "one")
    world.now += 7 * 86_400_000
    command = about["rebuild"]["command"].replace("DIR", str(tmp_path / "two")).split()
    assert (await world.muster(*command[1:])).status == 0
    # Over an older package, too.
    await published(world, tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert world.url.encode() not in b"".join(files(tmp_path / "one").values())


async def test_names_are_kept_and_are_no_formulas(world: World, tmp_path: Path) -> None:
    await published(world, tmp_path / "out")
    rows = {(row["level"], row["id"]): row for row in table(tmp_path / "out", "places")}
    assert rows["site", "s1"]["name"] == f"'{FORMULA}"
    assert rows["site", "s1"]["lat"] == "-0.500000"
    assert rows["site", "s2"]["name"] == ODD
    assert rows["site", "s2"]["name_zh"] == "塔" * 60
    with duckdb.connect() as database:
        file = database.read_parquet(str(tmp_path / "out" / "data" / "places.parquet"))
        found = file.filter("id = 's1'").project("name, lat").fetchall()
    assert found == [(FORMULA, -0.5)]
    readme = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "# Test city" in readme
    assert "# 测试市" in readme


async def test_the_descriptor_keeps_the_rules_of_the_specification(
    world: World, tmp_path: Path
) -> None:
    about = await published(world, tmp_path / "out", "--licence", "ODbL-1.0")
    # Data Package: name, licences, sources, and at least one resource.
    assert re.fullmatch(r"[-a-z0-9._/]+", about["name"])
    (licence,) = about["licenses"]
    assert licence["name"] == "ODbL-1.0"
    assert licence["path"].startswith("https://")
    assert all(source["title"] for source in about["sources"])
    assert {"title": "Yearbook"} in about["sources"]
    assert "created" not in about
    names = [resource["name"] for resource in about["resources"]]
    assert len(set(names)) == len(names)
    for resource in about["resources"]:
        # Data Resource: a lower-case name, a relative POSIX path, size, hash with its algorithm.
        assert re.fullmatch(r"[-a-z0-9._/]+", resource["name"])
        assert not resource["path"].startswith(("/", "."))
        content = (tmp_path / "out" / resource["path"]).read_bytes()
        assert resource["bytes"] == len(content)
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", resource["mediatype"])
        assert resource["profile"] in ("data-resource", "tabular-data-resource")
        if "schema" in resource:
            table_schema(resource["schema"], names)
    assert about["method"]["id"] == METHOD


def table_schema(schema: Any, resources: list[str]) -> None:
    """Table Schema: typed fields with unique names; keys that name fields and resources."""
    names = [field["name"] for field in schema["fields"]]
    assert len(set(names)) == len(names)
    for field in schema["fields"]:
        assert field["type"] in ("string", "integer", "number", "date")
        assert field["format"] == "default"
        assert field["description"]
        assert field["description_zh"]
        # Every number says its unit.
        assert (field["type"] in ("number", "integer")) == ("unit" in field)
        assert field.get("constraints", {"required": True}) == {"required": True}
    assert set(schema["primaryKey"]) <= set(names)
    assert schema["missingValues"] == [""]
    for link in schema.get("foreignKeys", []):
        assert set(link["fields"]) <= set(names)
        assert link["reference"]["resource"] in resources
        assert len(link["reference"]["fields"]) == len(link["fields"])


async def test_a_package_passes_its_check(world: World, tmp_path: Path) -> None:
    await published(world, tmp_path / "out")
    outcome = await muster("publish", "--check", str(tmp_path / "out"))
    assert (outcome.status, outcome.errors) == (0, "")
    assert outcome.out.endswith("all as described\n")


def rewrite(folder: Path, path: str, old: bytes, new: bytes, *, sealed: bool = False) -> None:
    """Change a file; `sealed` mends its checksum and size in the descriptor."""
    content = (folder / path).read_bytes()
    assert old in content
    content = content.replace(old, new, 1)
    (folder / path).write_bytes(content)
    if sealed:
        about = json.loads((folder / "datapackage.json").read_bytes())
        for entry in about["resources"]:
            if entry["path"] == path:
                entry["bytes"] = len(content)
                entry["hash"] = f"sha256:{hashlib.sha256(content).hexdigest()}"
        (folder / "datapackage.json").write_text(json.dumps(about), "utf-8")


async def test_a_changed_package_fails_its_check_with_the_place(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await published(world, tmp_path / "whole")
    cases: list[tuple[str, bytes, bytes, bool, str]] = [
        ("data/readiness.csv", b"66.000000", b"99.000000", False, "checksum"),
        ("data/readiness.csv", b"66.000000", b"9", False, "bytes, datapackage.json says"),
        ("data/readiness.csv", b"66.000000", b"high", True, "column high: 'high' is no number"),
        ("data/readiness.csv", b"66.000000", b"nan", True, "no finite number"),
        ("data/readiness.csv", b"66.000000", b"99.000000", True, "is not what the CSV says"),
        ("data/readiness.csv", b"date,level", b"day,level", True, "row 1: the columns"),
        ("data/readiness.csv", b"2026-02-02,", b"2026-02-30,", True, "'2026-02-30' is no date"),
        ("data/readiness.csv", b"02,district,d1,", b"02,district,d9,", True, "not what the CSV"),
        ("data/completeness.csv", b"2026-02-02,s1", b"2026-02-01,s1", True, "is there already"),
        ("data/completeness.csv", b"2026-02-02,s1", b",s1", True, "column date: is empty"),
        ("scorecard.json", b'"weight": 3', b'"weight": 4', True, "scorecard.json: is method"),
        ("scorecard.json", b'"levels"', b'"lebels"', True, "is not the scorecard"),
        ("datapackage.json", b'"path": "README.md"', b'"path": "../x"', False, "must lie in"),
        ("datapackage.json", b"{", b"[", False, "is not JSON"),
    ]
    for number, (path, old, new, sealed, message) in enumerate(cases):
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "whole", folder)
        rewrite(folder, path, old, new, sealed=sealed)
        assert main(["publish", "--check", str(folder)]) == 1, (path, new)
        errors = capsys.readouterr().err
        assert message in errors, (path, new)
        assert errors.count("\n") == 1
    (tmp_path / "whole" / "more.csv").write_text("a")
    assert main(["publish", "--check", str(tmp_path / "whole")]) == 1
    assert "more.csv: is not in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "2026-02-01", "--to", "2026-03-01"), "is not over yet: use 2026-02-28"),
        (("--from", "2026-02-30", "--to", "2026-03-01"), "--from 2026-02-30: write a day"),
        (("--from", "2026-02-02", "--to", "2026-02-01"), "must not be after"),
        (("--from", "2026-02-02"), "--to and --out are needed"),
    ],
)
async def test_days_that_cannot_be_published(
    world: World, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    outcome = await world.muster("publish", *arguments, "--out", str(tmp_path / "out"))
    assert outcome.status == 2
    assert message in outcome.errors
    assert not (tmp_path / "out").exists()


async def test_days_without_scores_make_no_package(world: World, tmp_path: Path) -> None:
    outcome = await world.muster(
        "publish", "--from", "2025-06-01", "--to", "2025-06-30", "--out", str(tmp_path / "out")
    )
    assert (outcome.status, outcome.out) == (1, "")
    assert "no day from 2025-06-01 to 2025-06-30 has a stored score" in outcome.errors
    assert not (tmp_path / "out").exists()


async def test_a_folder_with_other_things_is_left_alone(world: World, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    outcome = await world.muster(*FEBRUARY, "--out", str(tmp_path))
    assert outcome.status == 2
    assert "is not empty" in outcome.errors
    assert (tmp_path / "mine.txt").read_text() == "mine"


async def test_the_leap_day_and_clock_changes_are_days_like_others(
    open_world: Opener, tmp_path: Path
) -> None:
    import zoneinfo

    zone = zoneinfo.ZoneInfo("Europe/London")
    async with open_world(Estate(timezone="Europe/London")) as world:
        await world.days(dt.date(2024, 2, 1), dt.date(2024, 4, 30), zone)
        await world.upto(dt.date(2024, 4, 30), zone)
        folder = tmp_path / "out"
        outcome = await world.muster(
            "publish", "--from", "2024-02-28", "--to", "2024-04-01", "--level", "fleet",
            "--out", str(folder),
        )  # fmt: skip
        assert outcome.errors == ""
    days = [row["date"] for row in table(folder, "readiness")]
    assert len(days) == 34
    assert {"2024-02-29", "2024-03-31"} <= set(days)
    assert opened_zone().key == "Asia/Shanghai"
