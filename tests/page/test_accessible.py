"""What axe finds in the page, and how far the keyboard reaches."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from page.conftest import Open, OpenWorld
from page.world import World, example
from playwright.async_api import Page, expect

pytestmark = pytest.mark.asyncio(loop_scope="module")
AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


async def findings(page: Page) -> list[str]:
    """What axe finds beyond minor remarks, with the places."""
    # The page's own policy forbids inline script, so axe comes in by the debugger.
    await page.evaluate(AXE)
    answer: Any = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['impact']} {one['id']}: {node['target']} {node['failureSummary']}"
        for one in answer["violations"]
        for node in one["nodes"]
        if one["impact"] != "minor"
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1600, 390])
async def test_axe_finds_nothing(small: World, open_page: Open, theme: str, width: int) -> None:
    page = await open_page(small.url, color_scheme=theme, width=width)
    await expect(page.locator(".hero canvas")).to_be_visible()
    await expect(page.locator(".grid tbody tr")).to_have_count(3)
    assert await findings(page) == []
    await expect(page.locator(".alerts li")).to_have_count(4)
    await page.get_by_role("tab", name="Nodes").click()
    await page.get_by_role("tab", name="Targets").click()
    await expect(page.locator(".targets tbody tr")).to_have_count(2)
    assert await findings(page) == []
    await page.goto(small.url + "#/node/sim-0004")
    await expect(page.locator(".plots canvas")).to_have_count(4)
    assert await findings(page) == []


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("#/region/guangzhou", ".grid tbody tr"),
        ("#/site/sim-site-02", ".grid tbody tr"),
        ("#/node/sim-0008", ".alerts li"),
        ("#/node/nobody", "text=Nothing is known by this name"),
        ("#/runbook/silent-site", ".runbook h2"),
    ],
)
async def test_axe_finds_nothing_in_other_views(
    small: World, open_page: Open, address: str, shown: str
) -> None:
    page = await open_page(small.url + address, expected=("404",), locale="zh-CN")
    await page.get_by_role("button", name="Switch to English").click()
    await expect(page.locator(shown).first).to_be_visible()
    assert await findings(page) == []


async def test_axe_finds_nothing_in_the_account(small: World, open_page: Open) -> None:
    page = await open_page(small.url)
    for tab, shown in (
        ("What would help", ".gain"),
        ("What changed", ".panelled .sum"),
        ("What if", ".sides .side"),
    ):
        await page.get_by_role("tab", name=tab).click()
        await expect(page.locator(shown).first).to_be_visible()
        assert await findings(page) == []


async def test_axe_finds_nothing_while_the_first_report_is_awaited(
    open_world: OpenWorld, open_page: Open
) -> None:
    made = await open_world()
    page = await open_page(made.url, expected=("503",))
    await expect(page.get_by_text("muster-agent doctor")).to_be_visible()
    assert await findings(page) == []


async def test_a_score_that_changes_is_said_once(open_world: OpenWorld, open_page: Open) -> None:
    machines, known, estate = example(4, 2)
    made = await open_world(known, estate)
    await made.fill(machines, 4)
    page = await open_page(made.url)
    await expect(page.locator(".big .figure")).to_be_visible()
    said = page.get_by_role("status")
    await expect(said).to_have_text(re.compile("^Live"))
    made.invent()
    assert made.scorer.latest is not None
    made.scorer._show(made.scorer.latest)
    level, row = made.scorer.latest.levels["fleet"], 0
    score = level.scores.value[row, 0]
    await expect(said).to_have_text(
        f"Example fleet: Score {score:.1f} {made.scorer.card.grade(score)}"
    )


async def test_the_keyboard_reaches_everything(small: World, open_page: Open) -> None:
    page = await open_page(small.url)
    await expect(page.locator(".grid tbody tr")).to_have_count(3)
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_be_focused()
    tab = page.get_by_role("tab", name="Sites")
    await tab.focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("tab", name="Nodes")).to_be_focused()
    await expect(page.get_by_role("tab", name="Nodes")).to_have_attribute("aria-selected", "true")
    await page.locator(".grid tbody a").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".deep")).to_be_visible()
    await expect(page.locator("h1")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(page.locator(".path a").last).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".listing")).to_be_visible()
    await expect(page.locator("h1")).to_be_focused()
    await page.locator(".path a").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("Example fleet")
    await expect(page.locator("h1")).to_be_focused()


async def test_an_update_leaves_the_focus_where_it_is(small: World, open_page: Open) -> None:
    page = await open_page(small.url)
    link = page.locator(".grid tbody a").nth(1)
    await link.focus()
    name = await link.inner_text()
    async with page.expect_response("**/api/v1/tree*"):
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.evaluate("new Promise(requestAnimationFrame)")
    focused = await page.evaluate("document.activeElement.textContent")
    assert focused == name
