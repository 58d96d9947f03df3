"""What every board must have, checked on the committed JSON."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from muster_collector.cli import main

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "grafana" / "boards"
FILES = sorted(FOLDER.glob("*/*.json"))
BOARDS: dict[str, dict[str, Any]] = {
    f"{file.parent.name}/{file.stem}": json.loads(file.read_text(encoding="utf-8"))
    for file in FILES
}
BY_UID = {board["uid"]: board for board in BOARDS.values()}
VARIABLES = ["datasource", "region", "district", "site", "node"]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
REFERENCE = re.compile(r"\$(?:\{(\w+)[^}]*\}|(\w+))")
every_board = pytest.mark.parametrize("name", BOARDS)


def panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in BOARDS[name]["panels"] if panel["type"] != "row"]


def urls(thing: object) -> list[str]:
    """Every address in a board, wherever it stands."""
    if isinstance(thing, dict):
        own = [thing["url"]] if isinstance(thing.get("url"), str) else []
        return own + [url for value in thing.values() for url in urls(value)]
    if isinstance(thing, list):
        return [url for value in thing for url in urls(value)]
    return []


def test_the_committed_boards_are_those_of_the_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards", "check", str(FOLDER)]) == 0, capsys.readouterr().out
    assert len(FILES) == 2 * len(list((FOLDER / "en").glob("*.json")))


def test_build_writes_what_check_then_accepts(tmp_path: Path) -> None:
    assert main(["boards", "check", str(tmp_path)]) == 1
    assert main(["boards", "build", str(tmp_path)]) == 0
    assert main(["boards", "check", str(tmp_path)]) == 0
    (tmp_path / "en" / "fleet.json").write_text("{}", encoding="utf-8")
    assert main(["boards", "check", str(tmp_path)]) == 1


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["boards", "build", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_uids_are_unique_and_titles_too() -> None:
    assert len(BY_UID) == len(BOARDS)
    assert len({board["title"] for board in BOARDS.values()}) == len(BOARDS)


@every_board
def test_ids_are_set_and_unique(name: str) -> None:
    ids = [panel["id"] for panel in BOARDS[name]["panels"]]
    assert len(set(ids)) == len(ids)
    assert all(isinstance(number, int) and number > 0 for number in ids)


@every_board
def test_panels_lie_in_the_grid_and_do_not_overlap(name: str) -> None:
    boxes = [panel["gridPos"] for panel in BOARDS[name]["panels"]]
    for box in boxes:
        assert box["x"] >= 0
        assert box["w"] > 0
        assert box["h"] > 0
        assert box["x"] + box["w"] <= 24
    for a, b in itertools.combinations(boxes, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or below, (a, b)


@every_board
def test_every_panel_says_what_it_means_and_what_to_do(name: str) -> None:
    for panel in panels(name):
        means, do = panel["description"].split("\n\n")
        assert means, panel["title"]
        assert do, panel["title"]
        if panel["type"] == "text":
            continue
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"], panel["title"]
        assert defaults["noValue"], panel["title"]
        assert panel["interval"], panel["title"]
        assert panel["datasource"] == {"type": "influxdb", "uid": "${datasource}"}


@every_board
def test_the_variables_are_the_same_in_the_same_order(name: str) -> None:
    board = BOARDS[name]
    found = board["templating"]["list"]
    assert [variable["name"] for variable in found] == VARIABLES
    assert found[0]["current"]["value"] == "muster-influxdb"
    for position, variable in enumerate(found[1:], start=1):
        earlier = {a or b for a, b in REFERENCE.findall(variable["query"])}
        assert earlier <= set(VARIABLES[:position])


@every_board
def test_queries_use_known_variables_and_the_time_range(name: str) -> None:
    known = {*VARIABLES, "timeFilter", "__interval", "__interval_ms", "__range_s"}
    for panel in panels(name):
        for target in panel.get("targets", []):
            used = {a or b for a, b in REFERENCE.findall(target["query"])}
            assert used <= known, panel["title"]
            assert "timeFilter" in used, panel["title"]
            assert target["rawQuery"] is True
        letters = [target["refId"] for target in panel.get("targets", [])]
        assert len(set(letters)) == len(letters)


@every_board
def test_no_text_has_a_dollar_that_grafana_would_take_for_a_variable(name: str) -> None:
    for panel in BOARDS[name]["panels"]:
        for text in (panel["title"], panel.get("description", "")):
            assert "$" not in text, text


@every_board
def test_links_lead_to_boards_and_variables_that_exist(name: str) -> None:
    language = name.split("/", maxsplit=1)[0]
    for url in urls(BOARDS[name]):
        uid = re.match(r"/d/([\w-]+)", url)
        assert uid, url
        target = BY_UID[uid[1]]
        assert language in target["tags"], f"{url} changes the language"
        names = {variable["name"] for variable in target["templating"]["list"]}
        assert set(re.findall(r"[?&]var-(\w+)=", url)) <= names


@every_board
def test_links_of_rows_keep_the_time_and_what_is_chosen_above(name: str) -> None:
    for url in (url for panel in panels(name) for url in urls(panel)):
        assert "${__url_time_range}" in url
        chosen = re.findall(r"[?&]var-(\w+)=", url)
        kept = re.findall(r"&\$\{(\w+):queryparam\}", url)
        assert kept == VARIABLES[1 : VARIABLES.index(chosen[0])], url
    for link in BOARDS[name]["links"]:
        assert (link["keepTime"], link["includeVars"]) == (True, True)


@every_board
def test_columns_that_are_renamed_are_columns_that_are_asked_for(name: str) -> None:
    for panel in panels(name):
        if panel["type"] != "table":
            continue
        asked = " ".join(target["query"] for target in panel["targets"])
        for override in panel["fieldConfig"]["overrides"]:
            column = override["matcher"]["options"]
            assert column == "Time" or f'"{column}"' in asked, panel["title"]


@pytest.mark.parametrize("name", [name for name in BOARDS if name.startswith("en/")])
def test_both_languages_are_one_board(name: str) -> None:
    board, other = BOARDS[name], BOARDS[name.replace("en/", "zh/")]
    assert other["uid"] == board["uid"] + "-zh"
    for mine, theirs in zip(board["panels"], other["panels"], strict=True):
        same = ("id", "type", "gridPos", "timeFrom", "timeShift", "interval")
        assert [mine.get(key) for key in same] == [theirs.get(key) for key in same]
        assert CHINESE.search(theirs["title"]), theirs["title"]
        assert not CHINESE.search(mine["title"]), mine["title"]
        if mine["type"] != "row":
            assert CHINESE.search(theirs["description"])
            assert not CHINESE.search(mine["description"])


@pytest.mark.parametrize("name", ["en/site", "zh/site", "en/node", "zh/node"])
def test_plots_of_sites_and_nodes_mark_what_happened(name: str) -> None:
    """They pass for annotations, which Grafana's schema does not know of this data source."""
    (plot,) = (panel for panel in panels(name) if panel["id"] == 10)
    marks = [target for target in plot["targets"] if "* 0 + 100" in target["query"]]
    assert len({mark["alias"] for mark in marks}) == 4
    drawn = {
        override["matcher"]["options"]
        for override in plot["fieldConfig"]["overrides"]
        if {"id": "custom.drawStyle", "value": "points"} in override["properties"]
    }
    assert drawn == {mark["alias"] for mark in marks}


def test_the_boards_grades_are_the_scorecards() -> None:
    score = next(panel for panel in panels("en/fleet") if panel["id"] == 1)
    steps = score["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["value"] for step in steps] == [None, 40, 60, 75, 90]
    assert len({step["color"] for step in steps}) == 5
