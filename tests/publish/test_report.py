"""`muster report`: a month as one page and as PDF, in both languages, with nothing made up."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import zoneinfo
from html.parser import HTMLParser
from pathlib import Path

import pytest

from muster_collector.estate import Estate

from .conftest import METHOD, ODD, Opener, World, score_of


class Reader(HTMLParser):
    """The text of a page and its elements, as a browser would find them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


async def reported(world: World, target: Path, *arguments: str) -> Reader:
    outcome = await world.muster("report", *arguments, "--out", str(target))
    assert (outcome.status, outcome.errors) == (0, ""), outcome
    return parsed(target)


def parsed(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text("utf-8"))
    return reader


async def test_the_month_in_english(world: World, tmp_path: Path) -> None:
    page = await reported(world, tmp_path / "en.html", "--month", "2026-02")
    days = [dt.date(2026, 2, day) for day in range(1, 29)]
    score = sum(score_of("fleet", day) or 0.0 for day in days) / 28
    assert score == pytest.approx(62.25)
    for expected in (
        "February 2026", "Test city", "62.2", "52.2 – 67.2", "75 %", "28 of 28", METHOD, "small",
        "Asia/Shanghai", "Tianhe", "Sites without any score this month: 1",
        "25 % of the planned weight was not measured", "on course", "reached", "billion yuan",
        "Of 6,720 reports that were due 5,600 were stored, 112 of them late. 336 were lost",
    ):  # fmt: skip
        assert expected in page.text, expected
    # January's mean is 47.5: half a point a day from 40 on.
    assert "+14.8" in page.text


async def test_the_month_in_chinese(world: World, tmp_path: Path) -> None:
    page = await reported(world, tmp_path / "zh.html", "--month", "2026-02", "--lang", "zh")
    for expected in (
        "2026年2月",
        "测试市",
        "天河区",
        "就绪度月报",
        "塔" * 60,
        "算力",
        "静默",
        "总体目标",
    ):
        assert expected in page.text, expected
    assert not re.search(r"\{[a-z_]*\}", page.text)


async def test_the_change_is_split_exactly(world: World, tmp_path: Path) -> None:
    """Idle rises from 40 to 60 % and the disk from 50 to 75 % free, with weights of 1 and 3."""
    page = await reported(world, tmp_path / "en.html", "--month", "2026-02")
    assert "+23.75 points" in page.text
    assert "Fullest +18.75" in page.text
    assert "Idle +5.00" in page.text
    assert "1 Feb 2026 00:00" in page.text
    assert "1 Mar 2026 00:00" in page.text


async def test_hostile_names_are_text(world: World, tmp_path: Path) -> None:
    page = await reported(world, tmp_path / "en.html", "--month", "2026-02")
    assert ODD in "".join(page.texts)
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert not [name for name in page.attributes if name.startswith("on")]
    assert not {"src", "href"} & set(page.attributes)


async def test_nothing_of_the_run_is_in_the_page(world: World, tmp_path: Path) -> None:
    await reported(world, tmp_path / "one.html", "--month", "2026-02")
    world.now += 3_600_000
    await reported(world, tmp_path / "two.html", "--month", "2026-02")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    assert world.url not in (tmp_path / "one.html").read_text("utf-8")


async def test_a_month_without_scores_has_no_numbers(world: World, tmp_path: Path) -> None:
    page = await reported(world, tmp_path / "empty.html", "--month", "2025-06")
    assert "No score is stored for any day of this month." in page.text
    assert "svg" not in page.tags
    assert "table" not in page.tags
    zh = await reported(world, tmp_path / "empty.html", "--month", "2025-06", "--lang", "zh")
    assert "本月没有任何一天存有得分" in zh.text


@pytest.mark.parametrize(
    ("month", "message"),
    [
        ("2026-13", "--month 2026-13: write a month as 2026-11"),
        ("Feb", "--month Feb: write a month"),
        ("2026-03", "none of its days is over"),
        ("2031-01", "none of its days is over"),
    ],
)
async def test_months_that_cannot_be_reported(
    world: World, tmp_path: Path, month: str, message: str
) -> None:
    target = tmp_path / "report.html"
    outcome = await world.muster("report", "--month", month, "--out", str(target))
    assert outcome.status == 2
    assert message in outcome.errors
    assert not target.exists()


async def test_february_of_a_leap_year_that_is_not_over(open_world: Opener, tmp_path: Path) -> None:
    """Local days of a zone with a half hour; then the month is over, with its 29th day."""
    zone = zoneinfo.ZoneInfo("Asia/Kolkata")
    async with open_world(Estate(timezone="Asia/Kolkata")) as world:
        await world.days(dt.date(2024, 2, 1), dt.date(2024, 2, 29), zone)
        await world.upto(dt.date(2024, 2, 20), zone)
        page = await reported(world, tmp_path / "part.html", "--month", "2024-02")
        assert "up to 20 Feb 2024" in page.text
        assert "20 of 29" in page.text
        await world.upto(dt.date(2024, 2, 29), zone)
        page = await reported(world, tmp_path / "whole.html", "--month", "2024-02")
        assert "29 of 29" in page.text
        assert "not over" not in page.text
        # The samples of the month are not there, so its change has no split.
        assert "No split can be made" in page.text
        assert "no score in the month before" in page.text


async def test_days_without_scores_are_gaps(open_world: Opener, tmp_path: Path) -> None:
    zone = zoneinfo.ZoneInfo("UTC")
    async with open_world(Estate()) as world:
        await world.days(dt.date(2026, 4, 1), dt.date(2026, 4, 10), zone)
        await world.days(dt.date(2026, 4, 21), dt.date(2026, 4, 30), zone)
        await world.upto(dt.date(2026, 4, 30), zone)
        page = await reported(world, tmp_path / "gap.html", "--month", "2026-04")
    assert "20 of 30" in page.text
    assert "Days of the month without a score: 10." in page.text
    # The line of the plot breaks at the gap.
    assert (tmp_path / "gap.html").read_text("utf-8").count('<polygon class="band"') == 2


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
async def test_the_pdf_beside_the_page(world: World, tmp_path: Path) -> None:
    await reported(world, tmp_path / "report.html", "--month", "2026-02", "--lang", "zh", "--pdf")
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    # A4 in points, as every page says it.
    (size,) = set(re.findall(rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]", content))
    assert [float(number) for number in size] == pytest.approx([595.3, 841.9], abs=1.5)


async def test_without_a_browser_the_page_is_there_and_the_way_is_said(
    world: World, tmp_path: Path
) -> None:
    target = tmp_path / "report.html"
    outcome = await world.muster(
        "report", "--month", "2026-02", "--out", str(target), "--pdf", PATH=str(tmp_path)
    )
    assert outcome.status == 1
    assert "apt install chromium" in outcome.errors
    assert outcome.errors.count("\n") == 1
    assert target.exists()
