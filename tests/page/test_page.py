"""The page as people use it: what it shows, where it leads, what it does when things go wrong."""

from __future__ import annotations

import csv
import datetime as dt
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from page.conftest import Open, OpenWorld
from page.world import MINUTE, Known, World, example
from playwright.async_api import Page, Route, expect

from muster_collector.estate.model import Estate, Site

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOSTILE = (
    "<img src=x onerror=document.title='injected'>",
    "\"quotes\" and 'more' & <b>bold</b>",
    "🚦🏭 depôt",
    "城市边缘算力节点" * 7 + "四个汉字",
)


def figure(text: str) -> float:
    found = re.search(r"\d+(?:\.\d+)?", text)
    assert found is not None, text
    return float(found.group())


async def result(made: World, level: str, unit: str) -> tuple[Any, int]:
    found = made.scorer.latest and made.scorer.latest.find(level, unit)
    assert found
    return found


async def test_the_first_paint_shows_score_interval_coverage_grade_and_pillars(
    small: World, open_page: Open
) -> None:
    page = await open_page(small.url)
    level, row = await result(small, "fleet", "fleet")
    score = level.scores.value[row, 0]
    await expect(page.locator(".big .figure")).to_have_text(f"{score:.1f}")
    await expect(page.locator(".big .grade")).to_have_text(small.scorer.card.grade(score))
    low, high = level.scores.low[row, 0], level.scores.high[row, 0]
    await expect(page.locator(".facts")).to_contain_text(f"{low:.1f} – {high:.1f}")
    await expect(page.locator(".hero .scale")).to_have_attribute(
        "aria-label", f"Score {score:.1f}, interval {low:.1f} to {high:.1f}, of 100"
    )
    names = await page.locator(".ledger tbody th").all_inner_texts()
    assert names == [pillar.title.en for pillar in small.scorer.card.pillars]
    await expect(page.locator("h1")).to_have_text("Example fleet")
    await expect(page).to_have_title("Example fleet · Muster")


async def test_the_first_score_takes_few_requests(small: World, open_page: Open) -> None:
    page = await open_page(small.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    await page.reload()
    await expect(page.locator(".big .figure")).to_be_visible()
    files = [path for path in asked if not path.startswith(("/api/", "/vendor/"))]
    assert sorted(set(files)) == ["/", "/boot.js", "/icon.svg", "/page.css", "/page.js"]


@pytest.mark.parametrize(
    ("place", "early"),
    [
        ("", ["scorecard", "explain?level=fleet&id=fleet"]),
        ("#/site/a-b", ["scorecard", "explain?level=site&id=a-b"]),
        ("#/runbook/silent-node", ["scorecard"]),
    ],
)
async def test_the_first_score_is_asked_for_before_the_script_is_there(
    small: World, open_page: Open, place: str, early: list[str]
) -> None:
    page = await open_page(f"{small.url}icon.svg", expected=("404",))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("/api/v1/")[2]))
    await page.route(
        "**/page.js", lambda route: route.fulfill(body="", content_type="text/javascript")
    )
    async with page.expect_response("**/api/v1/scorecard"):
        await page.goto(small.url + place)
    assert [path for path in asked if path] == early


async def test_the_first_score_is_shown_from_the_early_answer(
    small: World, open_page: Open
) -> None:
    page = await open_page(f"{small.url}icon.svg", expected=("ERR_FAILED",))
    late: list[str] = []

    async def once(route: Route) -> None:
        late.append(route.request.url)
        await (route.continue_() if len(late) == 1 else route.abort())

    await page.route("**/api/v1/explain?*", once)
    await page.goto(small.url)
    await expect(page.locator(".big .figure")).to_be_visible()


async def test_points_lost_are_shown_to_sum_to_what_is_missing_from_100(
    small: World, open_page: Open
) -> None:
    page = await open_page(small.url + "#/node/sim-0004")
    level, row = await result(small, "node", "sim-0004")
    missing = 100 - level.scores.value[row, 0]
    await expect(page.locator(".sum")).to_contain_text(f"{missing:.2f}")
    shown = await page.locator(".stack .points").all_text_contents()
    assert sum(figure(text) for text in shown) == pytest.approx(missing, abs=0.01 * len(shown))


async def test_sites_and_nodes_are_listed_worst_first_and_sort(
    small: World, open_page: Open
) -> None:
    page = await open_page(small.url)
    await page.get_by_role("tab", name="Nodes").click()
    cells = page.locator(".grid tbody tr td:nth-child(3)")
    await expect(cells).to_have_count(12)
    scores = await cells.all_inner_texts()
    assert scores[:2] == ["no score", "no score"]
    numbers = [figure(text) for text in scores[2:]]
    assert numbers == sorted(numbers)
    await page.locator(".grid thead button").first.click()
    await expect(page.locator(".grid tbody tr").first).to_contain_text("sim-0001")
    await expect(page.locator(".grid th[aria-sort=ascending]")).to_have_text("Node")
    await page.locator(".grid thead button").first.click()
    await expect(page.locator(".grid tbody tr").first).to_contain_text("sim-0012")


async def test_status_is_in_words_and_filters(small: World, open_page: Open) -> None:
    page = await open_page(small.url)
    chips = page.locator(".chips .chip")
    await expect(chips).to_have_text(["silent 1", "refused 1", "late 1", "healthy 9"])
    await chips.nth(0).click()
    rows = page.locator(".grid tbody tr")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("sim-0008")
    await expect(rows).to_contain_text("simulated")
    await page.keyboard.press("/")
    await page.keyboard.type("no such node")
    await expect(page.get_by_text("Nothing matches.")).to_be_visible()


async def test_drill_down_from_the_fleet_to_a_node_and_back(small: World, open_page: Open) -> None:
    page = await open_page(small.url)
    await page.locator(".listing").get_by_role("link", name="Exchange 1", exact=True).click()
    await expect(page.locator("h1")).to_have_text("Exchange 1")
    await expect(page.locator("h1")).to_be_focused()
    await expect(page.locator(".path")).to_have_text("Example fleetGuangzhouYuexiu")
    await page.locator(".listing").get_by_role("link", name="sim-0001").click()
    await expect(page.locator("h1")).to_have_text("sim-0001")
    await expect(page.locator(".state .badge")).to_have_text("simulated")
    await expect(page.locator(".deep .pillar")).to_have_count(6)
    for title in ("CPU", "Memory", "Network", "Disk"):
        plot = page.locator(".plot", has=page.get_by_role("heading", name=title, exact=True))
        await expect(plot.locator("canvas")).to_be_visible()
        await expect(plot.get_by_role("img")).to_have_attribute("aria-label", re.compile("newest"))
    await expect(page.locator(".inventory")).to_contain_text("6.1.0-18-amd64")
    await expect(page.locator(".totals")).to_contain_text("360")
    await page.go_back()
    await expect(page.locator("h1")).to_have_text("Exchange 1")


async def test_a_node_without_reports_has_no_score_and_says_why(
    small: World, open_page: Open
) -> None:
    page = await open_page(small.url + "#/node/sim-0008")
    await expect(page.locator(".big")).to_have_text("no score")
    await expect(page.locator(".why")).to_contain_text("coverage 0%")
    await expect(page.locator(".hero .mark")).to_have_count(0)
    await expect(page.locator(".hero .interval")).to_have_class(re.compile("open"))
    await expect(page.locator(".plots .none").first).to_be_visible()
    await page.get_by_role("button", name="切换到中文").click()
    await expect(page.locator(".why")).to_contain_text("覆盖率 0%，低于")


async def test_a_name_that_nobody_has_is_said_to_be_unknown(small: World, open_page: Open) -> None:
    expected = ("404",)
    page = await open_page(small.url + "#/node/nobody", expected=expected)
    await expect(page.get_by_text("There is no node “nobody”")).to_be_visible()
    page = await open_page(small.url + "#/site/%E0%A4%A", expected=expected)
    await expect(page.get_by_text("There is no site “%E0%A4%A”")).to_be_visible()


async def test_language_changes_and_is_kept(small: World, open_page: Open) -> None:
    page = await open_page(small.url)
    await expect(page.locator(".big .figure")).to_be_visible()
    await page.get_by_role("button", name="切换到中文").click()
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    await expect(page.locator("h1")).to_have_text("示例机群")
    await expect(page.locator(".ledger tbody th").first).to_have_text("算力")
    await page.reload()
    await expect(page.locator("h1")).to_have_text("示例机群")


async def test_the_browsers_language_is_the_first_choice(small: World, open_page: Open) -> None:
    page = await open_page(small.url, locale="zh-CN")
    await expect(page.get_by_role("tab", name="节点")).to_be_visible()


async def test_theme_follows_the_system_and_then_the_visitor(small: World, open_page: Open) -> None:
    page = await open_page(small.url, color_scheme="dark")
    root = page.locator("html")
    await expect(root).to_have_attribute("data-theme", "dark")
    await page.emulate_media(color_scheme="light")
    await expect(root).to_have_attribute("data-theme", "light")
    await page.get_by_role("button", name="Dark colours").click()
    await expect(root).to_have_attribute("data-theme", "dark")
    await page.reload()
    await expect(root).to_have_attribute("data-theme", "dark")


async def test_a_new_score_appears_by_itself(open_world: OpenWorld, open_page: Open) -> None:
    machines, known, estate = example(4, 2)
    made = await open_world(known, estate)
    await made.fill(machines, 4)
    page = await open_page(made.url)
    await expect(page.locator(".pulse")).to_contain_text("Live")
    before = await page.locator(".facts").inner_text()
    await made.advance(machines[:1])
    await expect(page.locator(".facts")).not_to_have_text(before)
    level, row = await result(made, "fleet", "fleet")
    if made.scorer.card.grade(level.scores.value[row, 0]):
        wanted = f"{level.scores.value[row, 0]:.1f}"
        await expect(page.locator(".big .figure")).to_have_text(wanted)
    else:
        await expect(page.locator(".big")).to_have_text("no score")


async def test_the_first_minute_says_what_is_awaited_and_then_the_score_comes(
    open_world: OpenWorld, open_page: Open
) -> None:
    made = await open_world()
    page = await open_page(made.url, expected=("503",))
    await expect(page.get_by_text("Waiting for the first report")).to_be_visible()
    await expect(page.locator(".steps")).to_contain_text("Nodes seen")
    machines, known, _ = example(1, 1)
    made.fleet.known = known
    await made.fill(machines, 3)
    await expect(page.locator(".big .figure")).to_be_visible()
    await expect(page.get_by_text("Waiting for the first report")).to_be_hidden()
    rows = page.locator(".grid tbody tr")
    await expect(rows).to_have_count(1)


async def test_an_empty_fleet_has_no_score_and_no_row(
    open_world: OpenWorld, open_page: Open
) -> None:
    made = await open_world()
    await made.scorer.score_at(made.time)
    page = await open_page(made.url)
    await expect(page.get_by_text("Waiting for the first report")).to_be_visible()
    await expect(page.locator(".big .figure")).to_have_count(0)


async def test_failing_answers_leave_the_old_figures_and_say_since_when(
    open_world: OpenWorld, open_page: Open
) -> None:
    machines, known, estate = example(2, 1)
    made = await open_world(known, estate)
    await made.fill(machines, 3)
    page = await open_page(made.url, expected=("500", "Failed to load"))
    shown = await page.locator(".big .figure").inner_text()
    made.faults.status = 500
    await made.advance(machines)
    banner = page.locator(".banner:visible")
    await expect(banner).to_contain_text("Stale since")
    await expect(banner).to_contain_text("made to fail")
    await expect(page.locator(".pulse")).to_contain_text("Stale since")
    await expect(page.locator(".big .figure")).to_have_text(shown)
    made.faults.status = 0
    await expect(page.locator(".pulse")).to_contain_text("Live")
    await expect(banner).to_have_count(0)


async def test_a_collector_that_is_gone_is_noticed(open_world: OpenWorld, open_page: Open) -> None:
    machines, known, estate = example(2, 1)
    made = await open_world(known, estate)
    await made.fill(machines, 3)
    page = await open_page(made.url, expected=("ERR_", "Failed to load"))
    await expect(page.locator(".big .figure")).to_be_visible()
    made.stop.set()
    await expect(page.locator(".banner:visible")).to_contain_text("no connection")


async def test_a_browser_whose_clock_is_off_shows_true_ages(small: World, open_page: Open) -> None:
    page = await open_page(small.url + "#/node/sim-0001")
    await page.clock.set_system_time(dt.datetime.now(dt.UTC) - dt.timedelta(hours=30))
    await page.reload()
    await expect(page.locator(".state")).to_have_text(re.compile(r"Last report \d+ (s|min) ago"))


async def test_scores_that_nobody_makes_any_more_are_called_old(
    open_world: OpenWorld, open_page: Open
) -> None:
    machines, known, estate = example(2, 1)
    made = await open_world(known, estate)
    made.time -= 60 * MINUTE
    await made.fill(machines, 3)
    page = await open_page(made.url)
    await expect(page.locator(".big .figure")).to_be_visible()
    await expect(page.locator(".banner:visible")).to_contain_text("The newest score is of")


async def test_a_tab_that_was_away_shows_the_present_when_it_comes_back(
    open_world: OpenWorld, open_page: Open
) -> None:
    machines, known, estate = example(2, 1)
    made = await open_world(known, estate)
    await made.fill(machines, 3)
    page = await open_page(made.url)
    await expect(page.locator(".big .figure")).to_be_visible()
    await hide(page, True)
    before = await page.locator(".facts").inner_text()
    await made.advance(machines)
    assert await page.locator(".facts").inner_text() == before
    await hide(page, False)
    await expect(page.locator(".facts")).not_to_have_text(before)
    before = await page.locator(".facts").inner_text()
    await made.advance(machines)
    await expect(page.locator(".facts")).not_to_have_text(before)
    await expect(page.locator(".pulse")).to_contain_text("Live")


async def test_more_tabs_can_be_open_than_a_browser_has_connections(
    small: World, open_page: Open
) -> None:
    page = await open_page(small.url)
    for _ in range(8):
        await expect(page.locator(".pulse")).to_contain_text("Live")
        await hide(page, True)
        page = await page.context.new_page()
        await page.goto(small.url, timeout=15_000)


async def hide(page: Page, yes: bool) -> None:
    """Another tab is looked at, or this one again."""
    await page.evaluate(
        "(value) => Object.defineProperty(document, 'hidden', {configurable: true, value})", yes
    )
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def test_plots_that_cannot_load_leave_the_rest_as_it_is(
    open_world: OpenWorld, open_page: Open
) -> None:
    machines, known, estate = example(2, 1)
    made = await open_world(known, estate)
    await made.fill(machines, 3)
    page = await open_page(made.url, expected=("ERR_",))
    await page.route("**/uPlot.esm.js", lambda route: route.abort())
    await page.reload()
    await expect(page.locator(".big .figure")).to_be_visible()
    await expect(page.locator(".pulse")).to_contain_text("Live")


async def test_without_the_live_stream_the_page_polls_and_says_so(
    open_world: OpenWorld, open_page: Open
) -> None:
    machines, known, estate = example(2, 1)
    made = await open_world(known, estate)
    await made.fill(machines, 3)
    made.faults.without_live = True
    page = await open_page(made.url, expected=("404",))
    await expect(page.locator(".pulse")).to_contain_text("Every 5 s")
    before = await page.locator(".facts").inner_text()
    await made.advance(machines)
    await expect(page.locator(".facts")).not_to_have_text(before)


async def test_the_pages_own_policy_lets_nothing_leave(small: World, open_page: Open) -> None:
    page = await open_page(small.url, expected=("Content Security Policy", "Refused to connect"))
    await expect(page.locator(".big .figure")).to_be_visible()
    sent: list[str] = []
    page.context.on("request", lambda request: sent.append(request.url))
    blocked = await page.evaluate(
        """async () => {
          const seen = new Promise((resolve) => addEventListener(
            "securitypolicyviolation", (event) => resolve(event.effectiveDirective)));
          await fetch("http://127.0.0.2:9/").catch(() => {});
          return seen;
        }"""
    )
    assert blocked == "connect-src"
    assert not any("127.0.0.2" in url for url in sent)


async def test_one_slow_answer_holds_back_nothing_else(
    open_world: OpenWorld, open_page: Open
) -> None:
    machines, known, estate = example(2, 1)
    made = await open_world(known, estate)
    await made.fill(machines, 3)
    made.faults.held = "/api/v1/readiness"
    page = await open_page(made.url)
    await expect(page.locator(".big .figure")).to_be_visible()


async def test_odd_names_are_text_and_nothing_else(open_world: OpenWorld, open_page: Open) -> None:
    known = [
        Known(f"n{i}", f"s{i}", first_seen=1, inventory={"note": n}) for i, n in enumerate(HOSTILE)
    ]
    sites = tuple(Site(id=f"s{i}", name=name, name_zh=name) for i, name in enumerate(HOSTILE))
    made = await open_world(known, Estate(name=HOSTILE[0], sites=sites))
    await made.scorer.score_at(made.time)
    page = await open_page(made.url)
    await expect(page.locator("h1")).to_have_text(HOSTILE[0])
    await page.get_by_role("tab", name="Sites").click()
    shown = await page.locator(".grid tbody th a").all_inner_texts()
    assert sorted(shown) == sorted(HOSTILE)
    for number, name in enumerate(HOSTILE):
        await page.goto(f"{made.url}#/site/s{number}")
        await expect(page.locator("h1")).to_have_text(name)
        assert await _fits(page)
        await page.goto(f"{made.url}#/node/n{number}")
        await expect(page.locator(".inventory")).to_contain_text(name)
    assert await page.locator("main img, main b:text('bold')").count() == 0
    assert await page.title() != "injected"


async def _fits(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("width", [1600, 390])
async def test_nothing_hangs_over_the_edge(small: World, open_page: Open, width: int) -> None:
    page = await open_page(small.url, width=width)
    await expect(page.locator(".big .figure")).to_be_visible()
    assert await _fits(page)
    await page.goto(small.url + "#/node/sim-0001")
    await expect(page.locator(".deep")).to_be_visible()
    assert await _fits(page)


async def test_a_token_is_asked_for_and_used(open_world: OpenWorld, open_page: Open) -> None:
    machines, known, estate = example(2, 1)
    made = await open_world(known, estate, token="right")  # noqa: S106 - of a server that lives for this test
    await made.fill(machines, 3)
    page = await open_page(made.url, expected=("401",))
    await page.get_by_label("API token").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("That token was refused.")).to_be_visible()
    await page.get_by_label("API token").fill("right")
    await page.keyboard.press("Enter")
    await expect(page.locator(".big .figure")).to_be_visible()


async def test_a_token_is_typed_in_one_tab_for_all(open_world: OpenWorld, open_page: Open) -> None:
    machines, known, estate = example(2, 1)
    made = await open_world(known, estate, token="right")  # noqa: S106 - of a server that lives for this test
    await made.fill(machines, 3)
    first = await open_page(made.url, expected=("401",))
    waiting = await first.context.new_page()
    await waiting.goto(made.url)
    for wrong in (first, waiting):
        await wrong.get_by_label("API token").fill("wrong")
        await wrong.keyboard.press("Enter")
        await expect(wrong.get_by_text("That token was refused.")).to_be_visible()
    await first.get_by_label("API token").fill("right")
    await first.keyboard.press("Enter")
    later = await first.context.new_page()
    await later.goto(f"{made.url}#/site/{known[0].site}")
    for page in (first, waiting, later):
        await expect(page.locator(".big .figure")).to_be_visible()


async def test_ten_thousand_nodes_are_paged_sorted_and_found(
    open_world: OpenWorld, open_page: Open
) -> None:
    known = [
        Known(f"sim-{n:05d}", f"site-{n % 100:02d}", first_seen=1, simulated=True)
        for n in range(10_000)
    ]
    made = await open_world(known)
    made.invent()
    page = await open_page(made.url)
    await expect(page.locator(".big .figure")).to_be_visible()
    tab = page.get_by_role("tab", name="Nodes")
    await expect(tab).to_contain_text("10,000")
    await tab.click()
    await expect(page.locator(".pager")).to_contain_text("1 – 25 of 10,000")
    assert await page.locator(".grid tbody tr").count() == 25
    await page.get_by_role("button", name="Next").click()
    await expect(page.locator(".pager")).to_contain_text("26 – 50")
    await page.get_by_label("Filter by name").fill("sim-09999")
    await expect(page.locator(".grid tbody tr")).to_have_count(1)


async def test_one_node_is_not_said_in_the_plural(open_world: OpenWorld, open_page: Open) -> None:
    made = await open_world([Known("n1", "s1", first_seen=1)])
    made.invent()
    page = await open_page(made.url)
    await expect(page.get_by_text("1 node", exact=True)).to_be_visible()


async def test_every_list_is_saved_as_the_api_gives_it(small: World, open_page: Open) -> None:
    page = await open_page(small.url)
    for title, level in (("Sites", "site"), ("Nodes", "node")):
        await page.get_by_role("tab", name=title).click()
        async with page.expect_download() as started:
            await page.get_by_role("button", name="Save as CSV: Readiness").click()
        download = await started.value
        assert download.suggested_filename == f"readiness-{level}.csv"
        rows = list(csv.DictReader((await download.path()).read_text("utf-8").splitlines()))
        answer = await page.request.get(f"{small.url}api/v1/readiness?level={level}")
        wanted = (await answer.json())["rows"]
        assert [row["id"] for row in rows] == [row["id"] for row in wanted]
        for row, one in zip(rows, wanted, strict=True):
            assert row["score"] == ("" if one["score"] is None else str(one["score"]))


async def test_a_sites_list_is_saved_without_other_sites(small: World, open_page: Open) -> None:
    page = await open_page(small.url + "#/site/sim-site-01")
    async with page.expect_download() as started:
        await page.get_by_role("button", name="Save as CSV: Readiness").click()
    text = (await (await started.value).path()).read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["site"] for row in rows} == {"sim-site-01"}
    assert len(rows) == 4


async def test_what_if_shows_the_score_under_other_weights(small: World, open_page: Open) -> None:
    page = await open_page(small.url)
    await page.get_by_role("tab", name="What if").click()
    sides = page.locator(".sides .side")
    await expect(sides).to_have_count(2)
    now = await sides.nth(0).locator(".figure").inner_text()
    await expect(sides.nth(1).locator(".figure")).to_have_text(now)
    sliders = page.get_by_role("slider")
    names = [pillar.id for pillar in small.scorer.card.pillars]
    await expect(sliders).to_have_count(len(names))
    await page.get_by_label("Data circulation").fill("0")
    weights = [await sliders.nth(place).input_value() for place in range(len(names))]
    query = "&".join(f"weight={n}:{w}" for n, w in zip(names, weights, strict=True))
    answer = await page.request.get(f"{small.url}api/v1/what-if?level=fleet&id=fleet&{query}")
    wanted = (await answer.json())["after"]["score"]
    await expect(sides.nth(1).locator(".figure")).to_have_text(f"{wanted:.1f}")
    await page.get_by_role("button", name="As the scorecard says").click()
    await expect(sides.nth(1).locator(".figure")).to_have_text(now)


async def test_repairs_and_changes_are_the_apis(small: World, open_page: Open) -> None:
    page = await open_page(small.url)
    await page.get_by_role("tab", name="What would help").click()
    answer = await page.request.get(f"{small.url}api/v1/repairs?level=fleet&id=fleet")
    titles = [row["title"]["en"] for row in (await answer.json())["rows"]]
    assert titles
    await expect(page.locator(".gain")).to_have_count(len(titles))
    assert await page.locator(".ledger tbody th").all_inner_texts() == titles
    await page.get_by_role("tab", name="What changed").click()
    await expect(page.get_by_role("button", name="10 minutes")).to_have_attribute(
        "aria-pressed", "true"
    )
    await expect(page.locator(".panelled .sum")).to_contain_text("then")
    await page.get_by_role("button", name="7 days").click()
    await expect(page.get_by_text("There is no score at both times")).to_be_visible()


async def test_the_map_leads_to_sites(small: World, open_page: Open) -> None:
    page = await open_page(small.url)
    places = page.locator(".map a")
    await expect(places).to_have_count(3)
    place = page.get_by_role("link", name=re.compile(r"^Exchange 2 [A-E] \d"))
    await place.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("Exchange 2")
    await expect(page.locator(".map")).to_be_hidden()
