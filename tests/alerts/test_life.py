"""An alert's life and who hears of it, with time passed in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster_collector.alerts import grouping, silences, state
from muster_collector.alerts.grouping import Sent
from muster_collector.alerts.model import Ask, Labels, Rule
from muster_collector.alerts.silences import Silence
from muster_collector.alerts.state import REMEMBER, Alerts

MINUTE = 60_000
A, B = (("site", "a"),), (("site", "b"),)


def rule(name: str = "full", **changes: Any) -> Rule:
    about: dict[str, Any] = {
        "title": {"en": name, "zh": name},
        "summary": {"en": "{site} {value}", "zh": "{site} {value}"},
        "ask": Ask(("m",), "f", ("site",)),
        "limit": 10.0,
        "severity": "warning",
        "hold": 120,
    }
    return Rule(name, **(about | changes))


def play(
    values: list[float | None], hold: int = 120, keep: float = 180, quiet: bool = True
) -> list[str]:
    """The state after each minute's value; None is no answer for the label, "" is no alert."""
    alerts: Alerts = {}
    seen = []
    for minute, value in enumerate(values):
        found: dict[Labels, float] = {} if value is None else {A: value}
        state.step(alerts, rule(hold=hold, quiet=quiet), found, minute * MINUTE, keep=keep)
        seen.append(",".join(alert.state for alert in alerts.values()))
    return seen


P, F, R = "pending", "firing", "resolved"


@pytest.mark.parametrize(
    ("values", "states"),
    [
        ([11, 11, 11, 11], [P, P, F, F]),
        ([10, 11, 10, 11, 11, 11], ["", P, "", P, P, F]),
        # Calm must last; what flaps meanwhile is one alert.
        ([11, 11, 11, 0, 0, 11, 0, 0, 0, 0], [P, P, F, F, F, F, F, F, F, R]),
        ([11, 11, 11, 0, 0, 0, 0, 11], [P, P, F, F, F, F, R, P]),
        # A series that ends is no more wrong than one that is normal.
        ([11, 11, 11, None, None, None, None], [P, P, F, F, F, F, R]),
        ([11, None, 11], [P, "", P]),
        ([], []),
    ],
)
def test_an_alert_fires_after_it_held_and_ends_after_calm(
    values: list[float | None], states: list[str]
) -> None:
    assert play(values) == states


def test_without_a_hold_it_fires_at_once() -> None:
    assert play([11, 0], hold=0, keep=0) == [F, R]


def test_no_data_fires_where_it_means_that_something_died() -> None:
    assert play([None, None, None], quiet=False) == [P, P, F]
    assert play([None, None, 0, 0], quiet=False) == [P, P, "", ""]


@pytest.mark.parametrize("jump", [-90 * MINUTE, 90 * MINUTE])
def test_a_clock_that_jumps_delays_no_alert_and_ends_none_for_good(jump: int) -> None:
    alerts: Alerts = {}
    for minute in range(2):
        state.step(alerts, rule(), {A: 11}, minute * MINUTE, keep=180)
    later = 2 * MINUTE + jump
    for minute in range(3):
        state.step(alerts, rule(), {A: 11}, later + minute * MINUTE, keep=180)
    assert [alert.state for alert in alerts.values()] == [F]
    for minute in range(3, 8):
        state.step(alerts, rule(), {A: 1}, later + minute * MINUTE, keep=180)
    assert [alert.state for alert in alerts.values()] == [R]


def test_what_was_resolved_is_remembered_for_an_hour() -> None:
    alerts: Alerts = {}
    state.step(alerts, rule(hold=0), {A: 11}, 0, keep=0)
    state.step(alerts, rule(hold=0), {A: 1}, 1, keep=0)
    state.forget(alerts, {"full"}, 1 + REMEMBER)
    assert len(alerts) == 1
    state.forget(alerts, {"full"}, 2 + REMEMBER)
    assert alerts == {}


def test_alerts_of_a_rule_that_was_turned_off_are_forgotten() -> None:
    alerts: Alerts = {}
    state.step(alerts, rule(hold=0), {A: 11}, 0, keep=0)
    state.forget(alerts, {"other"}, 0)
    assert alerts == {}


@given(values=st.lists(st.sampled_from([0.0, 11.0, None]), max_size=40))
def test_an_alert_is_never_there_without_a_cause_and_never_fires_early(
    values: list[float | None],
) -> None:
    for minute, seen in enumerate(play(values)):
        recent = values[max(0, minute - 3) : minute + 1]
        if seen == F and minute >= 4:
            assert 11.0 in recent or 11.0 in values[:minute]
        if seen == P:
            assert values[minute] == 11.0
        if values[: minute + 1].count(11.0) < 3:
            assert seen != F


# Who hears of it.


def alerts_of(*given: tuple[str, str], firing: bool = True) -> Alerts:
    alerts: Alerts = {}
    for name in dict(given):
        sites = [site for other, site in given if other == name]
        all_labels = [(("host", "h"), ("site", site)) if site else () for site in sites]
        state.step(alerts, rule(name, hold=0), dict.fromkeys(all_labels, 11.0), 0, keep=0)
        if not firing:
            state.step(alerts, rule(name, hold=0), dict.fromkeys(all_labels, 1.0), 1, keep=0)
    return alerts


def groups(alerts: Alerts, sent: dict[Any, Sent], now: int, hidden: Any = ()) -> dict[str, Any]:
    due = grouping.due(alerts, hidden, sent, now, interval=300, repeat=3600)
    for notification in due:
        grouping.tell(sent, notification, now)
    return {
        "=".join(n.group): ([a.rule for a in n.firing], [a.rule for a in n.resolved]) for n in due
    }


def test_a_site_is_one_group_and_what_has_no_site_is_its_own() -> None:
    alerts = alerts_of(("x", "a"), ("y", "a"), ("x", "b"), ("lag", ""))
    assert groups(alerts, {}, 0) == {
        "site=a": (["x", "y"], []),
        "site=b": (["x"], []),
        "rule=lag": (["lag"], []),
    }


def test_a_group_is_told_once_then_of_changes_and_again_after_a_while() -> None:
    alerts = alerts_of(("x", "a"))
    sent: dict[Any, Sent] = {}
    assert groups(alerts, sent, 0) == {"site=a": (["x"], [])}
    assert groups(alerts, sent, 10 * MINUTE) == {}
    assert groups(alerts, sent, 60 * MINUTE) == {"site=a": (["x"], [])}
    alerts |= alerts_of(("y", "a"))
    assert groups(alerts, sent, 64 * MINUTE) == {}
    assert groups(alerts, sent, 65 * MINUTE) == {"site=a": (["x", "y"], [])}


def test_an_end_is_told_to_those_who_heard_of_the_beginning() -> None:
    over = alerts_of(("x", "a"), firing=False)
    assert groups(over, {}, 10 * MINUTE) == {}
    sent: dict[Any, Sent] = {}
    groups(alerts_of(("x", "a")), sent, 0)
    assert groups(over, sent, MINUTE) == {}
    assert groups(over, sent, 6 * MINUTE) == {"site=a": ([], ["x"])}
    assert groups(over, sent, 20 * MINUTE) == {}
    assert sent == {}


def test_what_is_hidden_is_not_told_and_later_it_is() -> None:
    alerts = alerts_of(("x", "a"))
    sent: dict[Any, Sent] = {}
    (key,) = alerts
    assert groups(alerts, sent, 0, hidden={key}) == {}
    assert groups(alerts, sent, MINUTE) == {"site=a": (["x"], [])}
    # Silenced after it was told: nothing more is said, not even that it ended.
    assert groups(alerts, sent, 70 * MINUTE, hidden={key}) == {}


def test_a_clock_set_back_does_not_silence_a_group() -> None:
    alerts: Alerts = alerts_of(("x", "a"))
    sent = {("site", "a"): Sent(at=100 * 3_600_000)}
    assert groups(alerts, sent, 0) == {"site=a": (["x"], [])}


def test_a_silence_matches_all_of_its_labels_while_it_lasts() -> None:
    (alert,) = alerts_of(("disk-full", "airport")).values()
    both = Silence("1", {"site": "air*", "rule": "disk-full"}, 0, 100)
    assert silences.silenced(alert, [both], 99) == "1"
    assert silences.silenced(alert, [both], 100) == ""
    assert silences.silenced(alert, [Silence("2", {"site": "air"}, 0, 100)], 5) == ""
    other = Silence("3", {"site": "airport", "rack": "*x*"}, 0, 100)
    assert silences.silenced(alert, [other], 5) == ""


def test_a_dead_uplink_is_one_alert() -> None:
    alerts = alerts_of(("silent-site", "a"), ("silent-node", "a"), ("silent-node", "b"), ("x", "a"))
    rules = [rule("silent-site", inhibits=("silent-node",))]
    hidden = {(name, dict(labels)["site"]) for name, labels in silences.inhibited(alerts, rules)}
    assert hidden == {("silent-node", "a")}
    over = alerts_of(("silent-site", "a"), firing=False) | alerts_of(("silent-node", "a"))
    assert silences.inhibited(over, rules) == set()
