"""Every query and variable of every board, asked of a real InfluxDB that a made-up fleet fills."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from boards.fill import (
    BOOTED,
    CONFIGURED,
    METERED,
    PLACES,
    REFUSED,
    SILENT_SITE,
    fill,
)
from boards.influxql_client import Chosen, answers, ask, options, panels
from boards.services import DOWN, IN_FILE
from boards.test_boards import BOARDS

from muster_collector.store.base import Point
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings
from servers import Influx1

HOUR = 3_600_000
MINUTE = 60_000
MAY_BE_EMPTY = re.compile(r"\bmay be empty\b", re.IGNORECASE)
every_board = pytest.mark.parametrize("name", BOARDS)


class Filled(NamedTuple):
    """A database with a fleet in it."""

    url: str
    database: str
    span: tuple[int, int]


@pytest.fixture(scope="module")
def filled(influx1: Influx1) -> Iterator[Filled]:
    end = time.time_ns() // 1_000_000
    fill(influx1.url, "boards", end=end, hours=2)
    yield Filled(influx1.url, "boards", (end - 2 * HOUR, end))
    ask(influx1.url, "boards", "DROP DATABASE boards")


def values(series: dict[str, Any]) -> list[Any]:
    """All values of a series but the times."""
    return [cell for row in series["values"] for cell in row[1:] if cell is not None]


def draw(name: str, filled: Filled, **given: str) -> dict[int, list[dict[str, Any]]]:
    """The answers of every panel, by panel id."""
    board = BOARDS[name]
    chosen: Chosen = options(
        board, filled.url, filled.database, {key: [value] for key, value in given.items()}
    )
    return {
        panel["id"]: answers(panel, filled.url, filled.database, chosen, filled.span)
        for panel in panels(board)
        if panel["type"] != "text"
    }


def rows(series: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The rows of a table by their id or host."""
    found: dict[str, dict[str, Any]] = {}
    for one in series:
        for row in one["values"]:
            shown = dict(zip(one["columns"], row, strict=True)) | one.get("tags", {})
            found[shown.get("id") or shown["host"]] = shown
    return found


@every_board
def test_every_query_returns_data(name: str, filled: Filled) -> None:
    found = draw(name, filled)
    for panel in panels(BOARDS[name]):
        # The marks in the plot of readiness may be missing, the score may not.
        may = MAY_BE_EMPTY.search(panel["description"]) and panel["id"] != 10
        if panel["type"] == "text" or may:
            continue
        assert any(values(series) for series in found[panel["id"]]), panel["title"]


@every_board
def test_an_empty_database_makes_no_error_and_no_number(name: str, filled: Filled) -> None:
    ask(filled.url, "empty", "CREATE DATABASE empty")
    found = draw(name, Filled(filled.url, "empty", filled.span), site="none", node="none")
    assert not any(series for answer in found.values() for series in answer)


@every_board
@pytest.mark.parametrize("place", PLACES, ids=lambda place: str(place.site))
def test_odd_names_of_places_are_found_and_break_nothing(
    name: str, place: Any, filled: Filled
) -> None:
    chosen = options(
        BOARDS[name],
        filled.url,
        filled.database,
        {"region": [place.region], "district": [place.district]},
    )
    mates = {other.site for other in PLACES if other.district == place.district}
    assert set(chosen["site"]) <= mates
    draw(name, filled, region=place.region, district=place.district)


ODD = (
    "<img src=x onerror=alert(1)>", "O'Neill \"Süd\" / West", "🚦 depôt",
    "城市边缘算力节点" * 7 + "四个汉字",
    "a|b (.*) [c] $site ${node}", "back\\slash and = , more", "?+^{1}.",
)  # fmt: skip
"""No id may be like this; what another program writes into the store may."""


@pytest.mark.parametrize("board", ["en/noc", "zh/readiness", "en/site", "en/node"])
async def test_an_odd_name_selects_its_own_and_nothing_else(board: str, influx1: Influx1) -> None:
    end = time.time_ns() // 1_000_000
    store = InfluxStore(InfluxSettings(url=influx1.url, database="odd"))
    await store.open()
    points = []
    for name in ODD:
        place = {"id": name, "level": "site", "method": "m", "region": name, "district": name}
        node = {"host": name, "site": name}
        points += [
            Point("readiness", tuple(sorted(place.items())), {"score": 50.0}, end - MINUTE),
            Point("completeness", tuple(sorted(node.items())), {"silent_s": 5.0}, end - MINUTE),
        ]
    assert await store.write(points) == []
    await store.close()
    odd = Filled(influx1.url, "odd", (end - HOUR, end))
    for name in ODD:
        wanted = {"region": [name], "district": [name]}
        chosen = options(BOARDS[board], odd.url, odd.database, wanted)
        assert chosen["site"] == [name]
        assert chosen["node"] in ([name], [".*"])
        draw(board, odd, region=name, district=name, site=name, node=name)
    ask(influx1.url, "odd", "DROP DATABASE odd")


def test_a_site_without_a_score_shows_none_though_it_had_one(filled: Filled) -> None:
    sites = rows(draw("en/fleet", filled)[20])
    assert sites[SILENT_SITE]["score"] is None
    assert sites[SILENT_SITE]["grade"] is None
    assert "0 of 3 members" in sites[SILENT_SITE]["why"]
    others = [site for site in sites if site != SILENT_SITE]
    assert len(others) == len(PLACES) - 1
    assert all(sites[site]["score"] is not None for site in others)


def test_nodes_that_are_not_well_are_named_and_all_are_counted(filled: Filled) -> None:
    found = draw("en/fleet", filled)
    assert set(rows(found[34])) == {REFUSED, *(f"{SILENT_SITE}-0{n}" for n in (1, 2, 3))}
    (counts,) = found[6]
    assert dict(zip(counts["columns"][1:], counts["values"][0][1:], strict=True)) == {
        "healthy": sum(p.nodes for p in PLACES) - 4, "late": 0, "refused": 1, "silent": 3,
    }  # fmt: skip


def test_lowest_nodes_leave_out_those_without_a_score(filled: Filled) -> None:
    """The query has all nodes; Grafana drops those without a score, sorts, and takes twenty."""
    nodes = rows(draw("en/fleet", filled)[21])
    without = {node for node, row in nodes.items() if row["score"] is None}
    assert without == {f"{SILENT_SITE}-0{n}" for n in (1, 2, 3)}
    assert len(nodes) == sum(place.nodes for place in PLACES)
    (panel,) = (panel for panel in panels(BOARDS["en/fleet"]) if panel["id"] == 21)
    _, known, order, most = panel["transformations"]
    (empty,) = known["options"]["filters"]
    assert (known["id"], known["options"]["type"]) == ("filterByValue", "exclude")
    assert (empty["fieldName"], empty["config"]["id"]) == ("score", "isNull")
    assert order["options"]["sort"] == [{"field": "score", "desc": False}]
    assert most["options"]["limitField"] == 20


def test_a_region_limits_what_its_nodes_sent(filled: Filled) -> None:
    busiest = rows(draw("en/fleet", filled, region="North")[40])
    north = {place.site for place in PLACES if place.region == "North"}
    assert len(busiest) == 10
    assert {host.rsplit("-", 1)[0] for host in busiest} <= north


def test_services_are_judged_by_their_answers(filled: Filled) -> None:
    found = draw("en/services", filled)
    judged = {row["server"]: row for row in cells(found[10])}
    assert judged["https://pay.city.example/health"]["share"] == 1
    assert judged["https://pay.city.example/health"]["left"] == 1
    bad = judged["https://records.city.example/api"]
    assert 0.9 < bad["share"] < 0.99
    assert bad["left"] == pytest.approx(1 - (1 - bad["share"]) / 0.005)
    assert {row["server"] for row in cells(found[11])} == {DOWN, bad["server"]}
    (down,) = found[1]
    assert down["columns"][1:] == ["ports"]
    assert values(down) == [1]


def test_the_next_certificate_to_expire_is_found(filled: Filled) -> None:
    found = draw("en/services", filled)
    (soonest,) = found[4]
    assert values(soonest)[0] == pytest.approx(1.5, abs=0.1)
    rows = {row["source"]: row for row in cells(found[31])}
    assert rows[IN_FILE]["expiry"] == pytest.approx(1.5, abs=0.1)
    assert rows[IN_FILE]["host"].endswith("-02"), "the one that has not renewed it"
    assert rows["https://pay.city.example:443"]["expiry"] == pytest.approx(2, abs=0.1)


def marked(board: str, filled: Filled, **given: str) -> dict[str, list[float]]:
    """The marks in the plot of readiness: how many minutes before the end, by their name."""
    plot = next(panel for panel in panels(BOARDS[board]) if panel["id"] == 10)
    chosen = options(
        BOARDS[board], filled.url, filled.database, {key: [v] for key, v in given.items()}
    )
    found: dict[str, list[float]] = {}
    for target in plot["targets"]:
        if "* 0 + 100" not in target["query"]:
            continue
        times = found.setdefault(target["alias"], [])
        one = {**plot, "targets": [target]}
        for series in answers(one, filled.url, filled.database, chosen, filled.span):
            assert {value for _, value in series["values"]} == {100}
            times += sorted((filled.span[1] - ms) / 60_000 for ms, _ in series["values"])
    return found


def test_marks_say_what_happened_when(filled: Filled) -> None:
    node = marked("en/node", filled, node=BOOTED)
    (boot,) = node["reboot"]
    assert 38 <= boot <= 46
    assert node["silence begins"] == node["new settings"] == []
    site = marked("en/site", filled, site=SILENT_SITE)
    assert len(site["silence begins"]) == 3
    assert all(8 <= minutes <= 11 for minutes in site["silence begins"])
    assert site["reboot"] == []
    (changed,) = marked("zh/node", filled, node=CONFIGURED)["配置变更"]
    assert 30 <= changed <= 34
    began = marked("en/fleet", filled)["a scoring method from here on"]
    assert len(began) == 2
    assert 44 <= min(began) <= 51


def test_a_metered_link_and_the_machine_are_shown(filled: Filled) -> None:
    found = draw("en/node", filled, node=f"{METERED}-01")
    (shed,) = found[51]
    assert dict(zip(shed["columns"], shed["values"][0], strict=True))["left out"] == 1
    (machine,) = cells(found[53])
    assert (machine["cpus"], machine["agent"]) == (8, "0.1.0")
    assert not any(values(series) for series in draw("en/node", filled, node=BOOTED)[51])


def cells(series: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every row of a table with its tags."""
    return [
        dict(zip(one["columns"], row, strict=True)) | one.get("tags", {})
        for one in series
        for row in one["values"]
    ]


def test_disks_that_grow_are_said_to_fill_up(filled: Filled) -> None:
    (found,) = draw("en/capacity", filled)[20]
    assert found["columns"] == ["time", "days", "used", "grows", "host", "path"]
    assert len(found["values"]) == 20
    for _, days, used, grows, _, path in found["values"]:
        assert path == "/var"
        assert days == pytest.approx((100 - used) / grows)
        assert 0 < days < 60


@pytest.mark.parametrize("place", [("completeness", n) for n in (1, 2, 20, 31, 33)] + [("noc", 8)])
def test_accounts_of_all_nodes_are_those_of_each_chosen_one(
    place: tuple[str, int], filled: Filled
) -> None:
    """Sums of sites, or those of nodes where some are chosen: never both."""
    board = BOARDS[f"en/{place[0]}"]
    (panel,) = (one for one in panels(board) if one["id"] == place[1])
    chosen = options(board, filled.url, filled.database, {})
    hosts = [f"{place.site}-{n + 1:02}" for place in PLACES for n in range(place.nodes)]

    def shown(nodes: list[str]) -> Any:
        given = {**chosen, "node": nodes}
        found = answers(panel, filled.url, filled.database, given, filled.span)
        return [(one["columns"], one.get("tags"), one["values"]) for one in found]

    assert shown([".*"]) == shown(hosts) != shown(hosts[:1])
    assert shown(hosts[:1])
    assert not shown(["none"])


def test_the_reports_of_a_chosen_node_are_its_own(filled: Filled) -> None:
    board = BOARDS["en/completeness"]
    (panel,) = (one for one in panels(board) if one["id"] == 2)
    chosen = options(board, filled.url, filled.database, {"node": ["riverside-01", "airport-02"]})
    (counts,) = answers(panel, filled.url, filled.database, chosen, filled.span)
    shown = dict(zip(counts["columns"], counts["values"][0], strict=True))
    assert (shown["stored"], shown["lost"]) == (2 * (357 + 360), 2)


def test_open_alerts_are_those_that_fire_now(filled: Filled) -> None:
    found = draw("en/noc", filled)[22]
    rules = {row[found[0]["columns"].index("title")] for one in found for row in one["values"]}
    assert rules == {"Site silent", "Disk full", "Site below grade C"}


def test_targets_are_shown_with_what_can_be_said(filled: Filled) -> None:
    found = {}
    for one in draw("zh/capacity", filled)[60]:
        for row in one["values"]:
            shown = dict(zip(one["columns"], row, strict=True))
            found[shown["name"]] = shown
    assert set(found) == {"机群达到 B 级", "海港区存储", "软件业务收入", "南部"}
    assert found["南部"]["probability"] is None
    assert found["海港区存储"]["probability"] == 0.02
