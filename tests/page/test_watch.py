"""What the page says of alerts and targets, and the files that it saves."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from page.conftest import Open, OpenWorld
from page.test_page import HOSTILE
from page.world import World, example
from playwright.async_api import expect

from muster_collector.estate.model import Estate, Site, Target
from muster_collector.scoring.figures import Figure, write
from muster_collector.store.base import Point

pytestmark = pytest.mark.asyncio(loop_scope="module")
DAY = 86_400_000


async def silent_site(open_world: OpenWorld, **settings: Any) -> World:
    machines, known, estate = example(4, 2)
    made = await open_world(known, estate, **settings)
    await made.fill(machines, 3)
    return made


async def test_open_alerts_stand_critical_first_with_what_explains_the_others(
    open_world: OpenWorld, open_page: Open
) -> None:
    made = await silent_site(open_world)
    await made.silence([("sim-0001", "sim-site-01"), ("sim-0003", "sim-site-01")])
    page = await open_page(made.url)
    rows = page.locator(".alerts li")
    await expect(rows).to_have_count(3)
    await expect(rows.nth(0)).to_contain_text("critical")
    await expect(rows.nth(0)).to_contain_text("No node of sim-site-01 has reported for 600 s.")
    await expect(rows.nth(0).locator(".badge")).to_have_count(0)
    await expect(rows.locator(".badge")).to_have_text(["inhibited", "inhibited"])
    await expect(rows.nth(1).locator(".where")).to_have_text("sim-0001Exchange 1What to do")
    since = rows.nth(0).locator(".since")
    await expect(since).to_have_text(re.compile(r"^\d+ min ago$"))
    await page.get_by_role("button", name="切换到中文").click()
    await expect(rows.nth(0)).to_contain_text("sim-site-01 的所有节点已 600 秒没有上报。")
    await expect(rows.nth(0)).to_contain_text("严重")
    await rows.nth(0).get_by_role("link", name="第1机房").click()
    await expect(page.locator("h1")).to_have_text("第1机房")
    await expect(rows).to_have_count(3)
    await page.goto(f"{made.url}#/site/sim-site-02")
    await expect(page.get_by_text("无。评估时间")).to_be_visible()
    await expect(rows).to_have_count(0)
    # Exchange 1 lies in Yuexiu, Exchange 2 in Nansha.
    await page.goto(f"{made.url}#/district/yuexiu")
    await expect(rows).to_have_count(3)
    await page.goto(f"{made.url}#/district/nansha")
    await expect(page.get_by_text("无。评估时间")).to_be_visible()
    await page.goto(f"{made.url}#/region/guangzhou")
    await expect(rows).to_have_count(3)


async def test_an_alert_leads_to_what_to_do(open_world: OpenWorld, open_page: Open) -> None:
    made = await silent_site(open_world)
    await made.silence([("sim-0001", "sim-site-01")])
    page = await open_page(made.url, expected=("404",))
    await page.get_by_role("link", name="What to do: Site silent").click()
    await expect(page.locator("h1")).to_have_text("Site silent")
    await expect(page.locator("h1")).to_be_focused()
    parts = ["Meaning", "First checks", "Causes", "Cure"]
    assert await page.locator(".runbook h2").all_inner_texts() == parts
    assert await page.locator(".runbook ol li").count() >= 2
    await page.get_by_role("navigation", name="Path").get_by_role("link").click()
    await expect(page.locator("h1")).to_have_text("Example fleet")
    await page.goto(f"{made.url}#/runbook/%3Cb%3E")
    await expect(page.get_by_text("There is no runbook “<b>”.")).to_be_visible()


async def test_alerts_come_and_are_silenced_without_reloading(
    open_world: OpenWorld, open_page: Open
) -> None:
    made = await silent_site(open_world)
    assert made.alerting is not None
    made.faults.without_live = True  # it then asks every 5 s
    page = await open_page(made.url, expected=("404",))
    await expect(page.get_by_text("Not evaluated yet.")).to_be_visible()
    await made.silence([("sim-0001", "sim-site-01")])
    rows = page.locator(".alerts li")
    await expect(rows).to_have_count(2)
    await expect(rows.locator(".badge")).to_have_text(["inhibited"])
    made.alerting.silence({"site": "sim-*"}, made.now() + DAY, "", "")
    await expect(rows.locator(".badge")).to_have_text(["silenced", "silenced"])


async def test_many_alerts_show_few_until_asked(open_world: OpenWorld, open_page: Open) -> None:
    made = await silent_site(open_world)
    await made.silence([(f"n{n}", f"s{n}") for n in range(6)])
    page = await open_page(made.url)
    rows = page.locator(".alerts li")
    await expect(rows).to_have_count(5)
    button = page.get_by_role("button", name="Show all 12")
    await expect(button).to_have_attribute("aria-expanded", "false")
    await button.click()
    await expect(rows).to_have_count(12)
    await expect(rows.locator(".status")).to_have_text(["critical"] * 6 + ["warning"] * 6)


async def test_a_process_without_alerts_shows_none_and_no_error(
    open_world: OpenWorld, open_page: Open
) -> None:
    made = await silent_site(open_world, alerts=False)
    page = await open_page(made.url, expected=("503",))
    await expect(page.locator(".big .figure")).to_be_visible()
    await expect(page.locator(".grid tbody tr")).to_have_count(2)
    assert "/api/v1/alerts" in made.faults.requests
    await expect(page.get_by_text("Open alerts")).to_have_count(0)
    await expect(page.locator(".banner:visible")).to_have_count(0)
    await page.goto(f"{made.url}#/site/sim-site-01")
    await expect(page.locator("h1")).to_have_text("Exchange 1")
    await expect(page.locator(".grid tbody tr")).to_have_count(2)
    assert made.faults.requests.count("/api/v1/alerts") == 1


async def test_odd_names_in_alerts_and_targets_are_text(
    open_world: OpenWorld, open_page: Open
) -> None:
    due = dt.date.today() + dt.timedelta(days=90)  # noqa: DTZ011 - far from any midnight
    sites = tuple(Site(id=f"s{i}", name=name) for i, name in enumerate(HOSTILE))
    targets = tuple(Target(score=90, due=due, name=name) for name in HOSTILE)
    made = await open_world((), Estate(sites=sites, targets=targets))
    machines, made.fleet.known, _ = example(1, 1)
    await made.fill(machines, 3)
    await made.silence([(name, f"s{i}") for i, name in enumerate(HOSTILE)])
    page = await open_page(made.url)
    await page.get_by_role("button", name="Show all 8").click()
    told = " ".join(await page.locator(".alerts li").all_inner_texts())
    await page.get_by_role("tab", name="Targets").click()
    names = page.locator(".targets tbody th > span:first-child")
    await expect(names).to_have_count(len(HOSTILE))
    assert sorted(await names.all_inner_texts()) == sorted(HOSTILE)
    for name in HOSTILE:
        assert f"{name} at s" in told
        assert name in told.replace(f"{name} at s", "")
    assert await page.locator("main img, main b:text('bold')").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.title() != "injected"


async def planned(open_world: OpenWorld) -> World:
    """Targets of every kind, over thirty days in which the fleet rose by half a point a day."""
    machines, known, estate = example(4, 2)
    today = dt.datetime.fromtimestamp(time.time(), dt.UTC).date()

    def due(days: int) -> dt.date:
        return today + dt.timedelta(days=days)

    targets = (
        Target(score=90, due=due(60), name="Ready for the games", name_zh="赛事就绪"),
        Target(score=90, due=due(5)),
        Target(score=60, due=due(61), part="storage"),
        Target(score=60, due=due(62)),
        Target(indicator="software", value=600.0, unit="bn CNY", due=due(400), name="Software"),
    )
    made = await open_world(known, estate.model_copy(update={"targets": targets}))
    await made.fill(machines, 3)
    method = made.scorer.card.method
    tags = (("id", "fleet"), ("level", "fleet"), ("method", method))
    midnight = made.time // DAY * DAY
    await made.store.write(
        [
            Point("readiness_daily", tags, {"score": 70 - n / 2 + n % 3 / 10}, midnight - n * DAY)
            for n in range(30)
        ]
    )
    values = ((2022, 480.0), (2023, 500.0), (2024, 548.0), (2025, 590.0))
    await write(
        made.store,
        [Figure("software", "office", dt.date(y, 12, 31), v, "bn CNY") for y, v in values],
    )
    return made


async def test_targets_are_the_apis_and_what_cannot_be_said_is_a_dash(
    open_world: OpenWorld, open_page: Open
) -> None:
    made = await planned(open_world)
    page = await open_page(made.url)
    await page.get_by_role("tab", name="Targets").click()
    rows = page.locator(".targets tbody tr")
    await expect(rows).to_have_count(5)
    answer = (await (await page.request.get(f"{made.url}api/v1/targets")).json())["rows"]
    answer.sort(key=lambda row: row["due"])
    assert await rows.locator("td:last-child").all_inner_texts() == [r["status"] for r in answer]
    behind, course, unknown, reached, figure = [
        await rows.nth(n).locator("th, td").all_inner_texts() for n in range(5)
    ]
    assert behind[0] == "Example fleet"
    assert course[0].splitlines() == ["Ready for the games", "Example fleet"]
    assert re.fullmatch(r"\d{1,2} \w{3,4} \d{4}", course[1])
    assert course[2:4] == ["70.0", "90.0"]
    assert re.fullmatch(r"\+1[45]\.\d / \+\d+\.\d", course[4])
    assert re.fullmatch(r"(\d{1,2} \w{3,4} \d{4}(\n| – )?){3}", course[5])
    assert "%" in course[6]
    assert unknown == [
        "Example fleet · Storage",
        unknown[1],
        "–",
        "60.0",
        "– / –",
        "–",
        "–",
        "unknown",
    ]
    assert (reached[5], reached[6], reached[7]) == ("–", "100 %", "reached")
    assert figure[0].splitlines() == ["Software", "software"]
    assert figure[2:4] == ["590 bn CNY", "600 bn CNY"]
    await page.get_by_role("button", name="切换到中文").click()
    await page.get_by_role("tab", name="目标").click()
    await expect(rows.nth(1)).to_contain_text("赛事就绪")
    await expect(rows.nth(3)).to_contain_text("已达成")


async def test_without_targets_the_page_says_so(open_world: OpenWorld, open_page: Open) -> None:
    made = await silent_site(open_world)
    page = await open_page(made.url)
    await page.get_by_role("tab", name="Targets").click()
    await expect(page.get_by_text("The estate sets no targets.")).to_be_visible()
    await expect(page.locator(".targets .saver")).to_be_hidden()
    await page.goto(f"{made.url}#/site/sim-site-01")
    await expect(page.get_by_role("tab", name="What if")).to_be_visible()
    await expect(page.get_by_role("tab", name="Targets")).to_have_count(0)


def table(path: Path, form: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Columns of a saved table, as another program reads them."""
    if form == "csv":
        return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    if form == "json":
        rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["rows"]
        return rows
    if form == "parquet":
        with duckdb.connect() as database:
            read = database.read_parquet(str(path)).project(", ".join(columns)).fetchall()
        return [dict(zip(columns, row, strict=True)) for row in read]
    return list(workbook(path))


def cells(path: Path, form: str) -> list[list[str]]:
    """The ids and scores of a saved table."""
    return [
        [row["id"], f"{float(row['score']):.4f}" if row["score"] not in ("", None) else ""]
        for row in table(path, form, ("id", "score"))
    ]


def workbook(path: Path) -> list[dict[str, str]]:
    """The rows of the first sheet, by the names in its first row."""
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        shared = (
            book.read("xl/sharedStrings.xml").decode()
            if "xl/sharedStrings.xml" in book.namelist()
            else ""
        )
    texts = re.findall(r"<si><t[^>]*>(.*?)</t></si>", shared)
    lines = []
    for line in re.findall(r"<row [^>]*>(.*?)</row>", sheet):
        found = {}
        for column, kind, inner in re.findall(r'<c r="([A-Z]+)\d+"([^>]*)>(.*?)</c>', line):
            value = re.sub(r"<[^>]+>", "", inner)
            found[column] = texts[int(value)] if 't="s"' in kind else value
        lines.append(found)
    names = lines[0]
    return [{name: line.get(column, "") for column, name in names.items()} for line in lines[1:]]


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("form", ["csv", "xlsx", "json", "parquet"])
async def test_every_list_is_saved_in_every_format(
    small: World, open_page: Open, form: str, language: str, tmp_path: Path
) -> None:
    page = await open_page(small.url, locale=language)
    tabs = {"region": "Regions|大区", "district": "Districts|区", "site": "Sites|站点"}
    for level, title in (tabs | {"node": "Nodes|节点"}).items():
        await page.get_by_role("tab", name=re.compile(f"^({title}) ")).click()
        await page.locator(".listing").get_by_label(re.compile("Format|格式")).select_option(form)
        async with page.expect_download() as started:
            await page.locator(".listing .saver button").click()
        saved = await started.value
        assert saved.suggested_filename == f"readiness-{level}.{form}"
        await saved.save_as(tmp_path / saved.suggested_filename)
        answer = await page.request.get(f"{small.url}api/v1/readiness?level={level}")
        wanted = [
            [row["id"], "" if row["score"] is None else f"{row['score']:.4f}"]
            for row in (await answer.json())["rows"]
        ]
        assert wanted
        assert cells(tmp_path / saved.suggested_filename, form) == wanted


async def test_the_account_of_every_place_is_saved(
    small: World, open_page: Open, tmp_path: Path
) -> None:
    page = await open_page(small.url)
    columns = ("id", "expected", "stored", "missing")
    for place, query, form in (
        ("", "level=site", "csv"),
        ("#/district/yuexiu", "level=site&id=sim-site-01", "parquet"),
        ("#/site/sim-site-02", "level=node&site=sim-site-02", "xlsx"),
    ):
        await page.goto(small.url + place)
        panel = page.locator("section.card", has=page.locator(".totals"))
        await panel.get_by_label("Format").select_option(form)
        async with page.expect_download() as started:
            await panel.locator(".saver button").click()
        saved = await started.value
        level = query.removeprefix("level=").partition("&")[0]
        assert saved.suggested_filename == f"completeness-{level}.{form}"
        await saved.save_as(tmp_path / saved.suggested_filename)
        answer = await page.request.get(f"{small.url}api/v1/completeness?{query}")
        wanted = [[str(row[name]) for name in columns] for row in (await answer.json())["rows"]]
        found = table(tmp_path / saved.suggested_filename, form, columns)
        assert wanted
        assert [[str(row[name]) for name in columns] for row in found] == wanted


@pytest.mark.parametrize("form", ["csv", "xlsx", "json", "parquet"])
async def test_targets_are_saved_in_every_format(
    small: World, open_page: Open, form: str, tmp_path: Path
) -> None:
    page = await open_page(small.url)
    await page.get_by_role("tab", name="Targets").click()
    await page.locator(".targets").get_by_label("Format").select_option(form)
    async with page.expect_download() as started:
        await page.locator(".targets .saver button").click()
    saved = await started.value
    assert saved.suggested_filename == f"targets.{form}"
    await saved.save_as(tmp_path / saved.suggested_filename)
    rows = (await (await page.request.get(f"{small.url}api/v1/targets")).json())["rows"]
    wanted = [[row["part"], row["due"], float(row["target"])] for row in rows]
    found = table(tmp_path / saved.suggested_filename, form, ("part", "due", "target"))
    assert [[row["part"], str(row["due"]), float(row["target"])] for row in found] == wanted


async def test_a_file_that_cannot_be_had_says_why(open_world: OpenWorld, open_page: Open) -> None:
    made = await silent_site(open_world)
    page = await open_page(made.url, expected=("500", "Failed to load"))
    await expect(page.locator(".grid tbody tr")).to_have_count(2)
    made.faults.status = 500
    await page.get_by_role("button", name="Save as CSV: Readiness").click()
    await expect(page.get_by_text("Not saved: made to fail")).to_be_visible()
