"""Targets: numbers by hand, distributions against tables, intervals against simulated truth."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from muster_collector.readiness.distributions import first_passage, student
from muster_collector.readiness.targets import Outlook, outlook

Array = npt.NDArray[np.float64]
NAN = float("nan")


def test_a_straight_line_arrives_when_it_must() -> None:
    seen = outlook([0, 1, 2, 3], [10, 20, 30, 40], target=70, due=8, now=3)
    assert (seen.gap, seen.pace_needed) == (30.0, 6.0)
    assert seen.pace_seen == pytest.approx(10.0)
    assert [seen.earliest, seen.likely, seen.latest] == pytest.approx([6.0, 6.0, 6.0])
    assert (seen.probability, seen.status) == (1.0, "on course")
    assert outlook([0, 1, 2, 3], [10, 20, 30, 40], target=70, due=5, now=3).status == "behind"


def test_down_is_up_in_a_mirror() -> None:
    up = outlook([0, 1, 2, 3], [10, 22, 29, 40], target=70, due=7, now=3)
    down = outlook([0, 1, 2, 3], [-10, -22, -29, -40], target=-70, due=7, now=3, direction="down")
    assert up == down
    assert 0.5 < up.probability < 1.0


def test_reached_missed_and_too_little_to_say() -> None:
    reached = outlook([0, 1, 2], [5, 6, 7], target=6.5, due=9, now=2)
    assert (reached.status, reached.probability, reached.gap) == ("reached", 1.0, -0.5)
    missed = outlook([0, 1, 2], [5, 6, 7], target=8, due=2, now=2)
    assert (missed.status, missed.probability) == ("missed", 0.0)
    assert math.isnan(missed.pace_needed)
    two = outlook([0, 2], [5, 9], target=20, due=9, now=3)
    assert (two.status, two.gap, two.pace_seen) == ("unknown", 11.0, 2.0)
    assert math.isnan(two.probability)
    assert outlook([], [], target=20, due=9, now=3).status == "unknown"


def test_missing_and_later_figures_do_not_count() -> None:
    seen = outlook([0, 1, 2, 3, 4], [10, NAN, 30, 40, 5], target=70, due=8, now=3.5)
    assert seen.gap == 30.0
    assert seen.likely == pytest.approx(6.0)


def test_the_wrong_way_never_arrives() -> None:
    falling = outlook(range(8), [50, 49, 48, 47.5, 46, 45, 44, 43], target=60, due=20, now=7)
    assert math.isinf(falling.likely)
    assert math.isinf(falling.latest)
    assert falling.probability < 0.001
    assert falling.status == "behind"
    flat = outlook(range(5), [50] * 5, target=60, due=20, now=4, model="walk")
    assert (flat.probability, flat.likely) == (0.0, math.inf)


def test_times_must_rise() -> None:
    with pytest.raises(ValueError, match="must rise"):
        outlook([0, 0], [1, 2], target=3, due=4, now=1)
    with pytest.raises(ValueError, match="as long"):
        outlook([0, 1], [1], target=3, due=4, now=1)


@pytest.mark.parametrize(
    ("t", "freedom", "chance"),
    [
        (1.0, 1, 0.75),
        (6.313752, 1, 0.95),
        (2.919986, 2, 0.95),
        (2.228139, 10, 0.975),
        (-1.697261, 30, 0.05),
        (2.580698, 1000, 0.995),
        (1.644854, 1e9, 0.95),
        (0.0, 5, 0.5),
    ],
)
def test_student_against_the_tables(t: float, freedom: float, chance: float) -> None:
    assert student(t, freedom) == pytest.approx(chance, abs=2e-6)


def test_first_passage_against_its_limits() -> None:
    def one(time: float, distance: float, drift: float, sigma: float) -> float:
        return float(first_passage(time, distance, np.array([drift]), np.array([sigma]))[0])

    # Without drift: twice the normal's tail, here beyond 1. With drift and for ever: certain.
    assert one(4.0, 2.0, 0.0, 1.0) == pytest.approx(2 * 0.158655254, abs=1e-8)
    assert one(1e6, 5.0, 1.0, 1.0) == pytest.approx(1.0)
    # Against the drift the chance ends at exp(2 m a / s^2).
    assert one(1e6, 1.0, -0.5, 1.0) == pytest.approx(math.exp(-1.0), abs=1e-9)
    # Tiny steps make the exponential alone overflow.
    assert one(10.0, 5.0, 1.0, 1e-3) == pytest.approx(1.0)


def covered(simulate: Callable[[], tuple[Outlook, float]], runs: int) -> float:
    hits = 0
    for _ in range(runs):
        seen, truth = simulate()
        hits += seen.earliest <= truth <= seen.latest
    return hits / runs


@pytest.mark.parametrize(("count", "lag"), [(5, 0.0), (24, 0.0), (120, 0.6)])
def test_trend_intervals_hold_the_truth_as_often_as_they_say(count: int, lag: float) -> None:
    rng = np.random.default_rng(count)

    def simulate() -> tuple[Outlook, float]:
        slope = rng.uniform(0.1, 0.5)
        noise = rng.normal(size=count) * math.sqrt(1 - lag * lag) * slope * 4
        for number in range(1, count):
            noise[number] += lag * noise[number - 1]
        t = np.arange(count, dtype=np.float64)
        truth = count + rng.uniform(0.5, 2.0) * max(count, 24)
        seen = outlook(t, 40 + slope * t + noise, target=40 + slope * truth, due=1e6, now=count)
        return seen, truth

    assert 0.75 <= covered(simulate, 600) <= 0.85


@pytest.mark.parametrize("count", [5, 15])
def test_walk_intervals_hold_the_truth_as_often_as_they_say(count: int) -> None:
    rng = np.random.default_rng(count)

    def simulate() -> tuple[Outlook, float]:
        drift, sigma = rng.uniform(0.5, 2.0), rng.uniform(0.5, 2.0)
        t = np.arange(count, dtype=np.float64)
        y = np.cumsum(rng.normal(drift, sigma, count))
        distance = rng.uniform(5.0, 40.0)
        # First passage of a walk with drift is Wald's distribution.
        truth = t[-1] + rng.wald(distance / drift, (distance / sigma) ** 2)
        target = float(y[-1]) + distance
        seen = outlook(t, y, target=target, due=t[-1] + 20, now=t[-1], model="walk")
        return seen, float(truth)

    assert 0.75 <= covered(simulate, 250) <= 0.85


def test_chances_come_true_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    said, came = [], []
    for _ in range(600):
        t = np.arange(12, dtype=np.float64)
        slope = rng.normal(0.0, 1.0)
        y = 50 + slope * t + rng.normal(size=12) * 3
        target = 50 + slope * 20 + rng.normal() * 5
        seen = outlook(t, y, target=target, due=20.0, now=11.0)
        if seen.status != "reached":
            said.append(seen.probability)
            came.append(50 + slope * 20 >= target)
    chance, truth = np.array(said), np.array(came)
    for low in (0.0, 0.25, 0.5, 0.75):
        inside = (chance >= low) & (chance <= low + 0.25)
        assert truth[inside].mean() == pytest.approx(chance[inside].mean(), abs=0.12)
