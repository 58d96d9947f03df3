"""Alert rules evaluate to firing and to normal on data in a real InfluxDB; each has a runbook."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from boards.fill import PLACES, SILENT_SITE, fill
from boards.influxql_client import ask, put_in
from boards.services import DOWN, IN_FILE, SERVICES

from muster_collector.alerts.grafana import FILE, generate
from muster_collector.alerts.model import Rule
from muster_collector.alerts.rules import ALL, DATABASE_AWAY
from servers import Influx1

ROOT = Path(__file__).resolve().parents[2]
MINUTE = 60_000
(GROUP,) = json.loads((ROOT / FILE).read_text(encoding="utf-8"))["groups"]
RULES: dict[str, dict[str, Any]] = {
    rule["uid"].removeprefix("muster-"): rule for rule in GROUP["rules"]
}
ASKS = {name: rule["data"][0] for name, rule in RULES.items()}
WITHOUT_DATA = {"silent-site", "score-missing", "collector-lag"}
"""Rules that fire without data: then a part of the centre has died."""
WITHOUT_NUMBER = {"probe-failing", "score-missing"}
"""Rules of which the number says nothing."""
every_rule = pytest.mark.parametrize("name", RULES)


class Filled(NamedTuple):
    url: str
    end: int


@pytest.fixture(scope="module")
def filled(influx1: Influx1) -> Iterator[Filled]:
    end = time.time_ns() // 1_000_000
    fill(influx1.url, "alerts", end=end, hours=7)
    yield Filled(influx1.url, end)
    ask(influx1.url, "alerts", "DROP DATABASE alerts")


def evaluate(name: str, filled: Filled, now: int) -> dict[str, set[str]]:
    """The series that fire and those that are normal, by their labels, as Grafana reckons them."""
    asked, reduced, compared = RULES[name]["data"]
    assert reduced["model"]["reducer"] == "last"
    (condition,) = compared["model"]["conditions"]
    limit = condition["evaluator"]["params"][0]
    above = condition["evaluator"]["type"] == "gt"
    start = now - asked["relativeTimeRange"]["from"] * 1000
    states: dict[str, set[str]] = {"firing": set(), "normal": set()}
    query = put_in(asked["model"]["query"], {}, start, now)
    for series in ask(filled.url, "alerts", query):
        value = next(v for _, v in reversed(series["values"]) if v is not None)
        tags = series.get("tags", {})
        fires = value > limit if above else value < limit
        label = " ".join(tags[tag] for tag in sorted(tags))
        states["firing" if fires else "normal"].add(label)
    return states


def test_the_committed_rules_are_those_of_the_source() -> None:
    assert (ROOT / FILE).read_text(encoding="utf-8") == generate()[FILE]


@every_rule
def test_every_rule_has_what_it_needs(name: str) -> None:
    rule = RULES[name]
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["noDataState"] in {"OK", "Alerting"}
    assert rule["condition"] == "C"
    assert [part["refId"] for part in rule["data"]] == ["A", "B", "C"]
    assert ASKS[name]["datasourceUid"] == "muster-influxdb"
    assert "$timeFilter" in ASKS[name]["model"]["query"]
    assert "{{ $values.B }}" in rule["annotations"]["summary"] or name in WITHOUT_NUMBER
    assert "{{ $labels." in rule["annotations"]["summary"] or name == "collector-lag"


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.name)
def test_every_rule_has_a_runbook_of_one_page(rule: Rule) -> None:
    text = (ROOT / rule.runbook).read_text(encoding="utf-8")
    headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["Meaning", "First checks", "Causes", "Cure"]
    assert rule.title["en"] in text
    assert len(text.splitlines()) < 60


def test_every_runbook_has_a_rule() -> None:
    """The collector alone has the one on its database: Grafana has a state of its own for that."""
    runbooks = {file.stem for file in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert runbooks == {*RULES, DATABASE_AWAY.name}


def test_silent_nodes_and_sites_fire_and_others_do_not(filled: Filled) -> None:
    nodes = evaluate("silent-node", filled, filled.end)
    assert nodes["firing"] == {f"{SILENT_SITE}-0{n} {SILENT_SITE}" for n in (1, 2, 3)}
    assert len(nodes["normal"]) == sum(place.nodes for place in PLACES) - 3
    sites = evaluate("silent-site", filled, filled.end)
    assert sites["firing"] == {SILENT_SITE}
    before = evaluate("silent-site", filled, filled.end - 20 * MINUTE)
    assert before["firing"] == set()
    assert SILENT_SITE in before["normal"]


def test_a_gap_fires_while_it_lasts(filled: Filled) -> None:
    during = evaluate("completeness-gap", filled, filled.end - 60 * MINUTE)
    assert during["firing"] == {"airport"}
    after = evaluate("completeness-gap", filled, filled.end)
    assert after["firing"] == set()
    assert "airport" in after["normal"]


def test_lost_reports_fire_where_they_were_lost(filled: Filled) -> None:
    states = evaluate("reports-lost", filled, filled.end)
    assert states["firing"] == {"riverside"}
    assert len(states["normal"]) == len(PLACES) - 1


def test_low_scores_fire_and_missing_ones_fire_elsewhere(filled: Filled) -> None:
    low = evaluate("score-low", filled, filled.end)
    assert "riverside" in low["firing"]
    assert "science-park" in low["normal"]
    assert SILENT_SITE not in low["firing"] | low["normal"]
    missing = evaluate("score-missing", filled, filled.end)
    assert missing["firing"] == {SILENT_SITE}
    assert len(missing["normal"]) == len(PLACES) - 1


def test_a_full_disk_fires(filled: Filled) -> None:
    states = evaluate("disk-full", filled, filled.end)
    assert len(states["firing"]) == 1
    assert all("/var" in label for label in states["firing"])
    assert len(states["normal"]) == 2 * sum(place.nodes for place in PLACES) - 1


@pytest.mark.parametrize(("name", "hours"), [("disk-full-4h", 3), ("disk-full-24h", 20)])
def test_a_disk_that_fills_up_fires_before_it_is_full(
    name: str, hours: float, filled: Filled
) -> None:
    """Two disks of one node: one fills in `hours`, the other in a hundred times as long."""
    lines = []
    for minute in range(361):
        for path, left in (("/soon", hours), ("/later", hours * 100)):
            used = 100 - 10 * (left * 60 + 360 - minute) / (left * 60 + 360)
            tags = f"host={name},site=lab,path={path},mode=rw"
            lines.append(f"disk,{tags} used_percent={used} {filled.end - (360 - minute) * MINUTE}")
    ask_write(filled, lines)
    states = evaluate(name, filled, filled.end)
    assert f"{name} /soon lab" in states["firing"]
    assert not any(f"{name} /later" in label for label in states["firing"])


def test_a_service_that_nobody_reaches_fires(filled: Filled) -> None:
    states = evaluate("probe-failing", filled, filled.end)
    assert {label.split()[-1] for label in states["firing"]} == {DOWN}
    assert len(states["normal"]) == len(SERVICES) - 1
    before = evaluate("probe-failing", filled, filled.end - 30 * MINUTE)
    assert not any(DOWN in label for label in before["firing"])


@pytest.mark.parametrize(("name", "count"), [("certificate-3d", 2), ("certificate-14d", 3)])
def test_certificates_fire_before_they_expire(name: str, count: int, filled: Filled) -> None:
    states = evaluate(name, filled, filled.end)
    assert len(states["firing"]) == count
    assert IN_FILE in states["firing"], "though others have renewed theirs"
    assert "https://portal.city.example:443" in states["normal"]


def test_a_clock_that_nobody_keeps_fires(filled: Filled) -> None:
    lines = [f"timex,host=drift,site=lab maxerror_ns=16000000000i {filled.end}"]
    ask_write(filled, lines)
    states = evaluate("clock-off", filled, filled.end)
    assert states["firing"] == {"drift lab"}
    assert states["normal"]


def test_a_fleet_that_is_far_behind_fires(filled: Filled) -> None:
    states = evaluate("collector-lag", filled, filled.end)
    assert states == {"firing": set(), "normal": {""}}
    then = filled.end - 6 * 3600 * 1000
    ask_write(filled, [f"completeness,host=late,site=lab missing=20000i {then}"])
    assert evaluate("collector-lag", filled, then)["firing"] == {""}


def test_an_agent_that_restarts_often_fires_and_one_that_did_once_does_not(
    filled: Filled,
) -> None:
    lines = []
    for host, samples in (("loop", [5, 1, 4, 1, 3, 1]), ("once", [50, 62, 1, 13, 25, 37])):
        for step, value in enumerate(samples):
            then = filled.end - (len(samples) - step) * MINUTE
            lines.append(f"internal_agent,host={host},site=lab samples={value}i {then}")
    ask_write(filled, lines)
    states = evaluate("agent-crash-loop", filled, filled.end)
    assert states == {"firing": {"loop lab"}, "normal": {"once lab"}}


def test_updates_that_wait_fire(filled: Filled) -> None:
    states = evaluate("security-updates-overdue", filled, filled.end)
    assert len(states["firing"]) == 4
    assert len(states["normal"]) == sum(place.nodes for place in PLACES) - 4


def ask_write(filled: Filled, lines: list[str]) -> None:
    import urllib.request

    target = f"{filled.url}/write?db=alerts&precision=ms"
    urllib.request.urlopen(target, data="\n".join(lines).encode(), timeout=30).close()


@every_rule
def test_without_data_nothing_fires_but_what_is_meant_to(name: str, filled: Filled) -> None:
    states = evaluate(name, filled, filled.end - 400 * 24 * 60 * MINUTE)
    assert states == {"firing": set(), "normal": set()}
    assert (RULES[name]["noDataState"] == "Alerting") == (name in WITHOUT_DATA)
