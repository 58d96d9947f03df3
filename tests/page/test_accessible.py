"""What axe finds in the page, and how far the keyboard reaches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from page.conftest import Open
from page.world import World
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
    await expect(page.locator(".state")).to_be_visible()
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
