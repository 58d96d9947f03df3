"""Dated targets: the gap, the pace it needs and has, the likely date, the chance to be in time.

Times are numbers in any one unit (days, years); a pace is per that unit. Two models of how a figure
moves, because they answer differently how sure anybody can be:

- "trend": a straight line with noise around it (a measured score). The likely date is where the
  line crosses the target; the uncertainty is the line's, by least squares and Student's t. Its
  interval is Fieller's, exact for independent normal noise. Noise that lingers from one value to
  the next is allowed for by counting fewer independent values.
- "walk": steps that add up (a yearly revenue): a random walk with drift. The likely date is the
  first passage of the figure itself, its law the inverse Gaussian, averaged over what is not known
  about drift and step size (their posterior under the usual flat prior).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from .distributions import chi_squared_quantile, first_passage, student
from .schema import Direction

Array = npt.NDArray[np.float64]
Model = Literal["trend", "walk"]
Status = Literal["reached", "on course", "at risk", "behind", "missed", "unknown"]


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where a target stands; NaN where nothing can be said, infinite where never.

    `gap` is what is still to go (below 0 when reached), `pace_needed` the gap per time left,
    `pace_seen` the pace so far, both towards the target. `likely` is the time by which arrival is
    as likely as not, `earliest` and `latest` bound an interval that holds it with `share`.
    `probability` is that of arriving by the due time.
    """

    status: Status
    gap: float
    pace_needed: float
    pace_seen: float
    earliest: float
    likely: float
    latest: float
    probability: float
    share: float


_NO_DATES = (math.nan, math.nan, math.nan)


def outlook(
    times: npt.ArrayLike,
    values: npt.ArrayLike,
    *,
    target: float,
    due: float,
    now: float,
    direction: Direction = "up",
    model: Model = "trend",
    share: float = 0.8,
) -> Outlook:
    """Judge a target from figures up to `now`; missing (NaN) and later figures are left out.

    The last figure says whether the target is reached. Fewer than three figures give no chance
    and no dates. ValueError for times that do not rise or differ in number from the values.
    """
    t, y = _clean(times, values, now)
    sign = 1.0 if direction == "up" else -1.0
    y, goal = sign * y, sign * target
    if not len(y):
        return Outlook("unknown", math.nan, math.nan, math.nan, *_NO_DATES, math.nan, share)
    gap = goal - float(y[-1])
    needed = gap / (due - now) if due > now else math.nan
    arrival = _MODELS[model](t, y, goal) if len(y) >= 3 else None
    pace = arrival.pace if arrival else _pace(t, y)
    if gap <= 0 or due <= now:
        return _settled(gap, needed, pace, share)
    if arrival is None:
        return Outlook("unknown", gap, needed, pace, *_NO_DATES, math.nan, share)
    tail = (1.0 - share) / 2.0
    early, likely, late = (_when(arrival.by, now, chance) for chance in (tail, 0.5, 1.0 - tail))
    chance = arrival.by(due)
    status = _status(chance, share)
    return Outlook(status, gap, needed, pace, early, likely, late, chance, share)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A model's answer: the pace seen, and the probability of having arrived by a time."""

    pace: float
    by: Callable[[float], float]


def _clean(times: npt.ArrayLike, values: npt.ArrayLike, now: float) -> tuple[Array, Array]:
    t, y = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if t.shape != y.shape or t.ndim != 1:
        raise ValueError(f"{t.shape} times and {y.shape} values: use one list of each, as long")
    if (np.diff(t) <= 0).any():
        raise ValueError("times must rise")
    kept = np.isfinite(y) & (t <= now)
    return t[kept], y[kept]


def _pace(t: Array, y: Array) -> float:
    return float((y[-1] - y[0]) / (t[-1] - t[0])) if len(t) > 1 else math.nan


def _settled(gap: float, needed: float, pace: float, share: float) -> Outlook:
    """Reached already, or the due time has passed."""
    reached = gap <= 0
    status: Status = "reached" if reached else "missed"
    return Outlook(status, gap, needed, pace, *_NO_DATES, 1.0 if reached else 0.0, share)


def _status(chance: float, share: float) -> Status:
    if chance >= share:
        return "on course"
    return "at risk" if chance >= 1.0 - share else "behind"


def trend(t: Array, y: Array, goal: float) -> Arrival:
    """Least squares; by(x) = P(line at x >= goal), Student's t with what the noise leaves."""
    centre = float(t.mean())
    x = t - centre
    spread = float(x @ x)
    slope = float(x @ y) / spread
    level = float(y.mean())
    rest = y - level - slope * x
    independent = _independent(rest)
    freedom = max(independent - 2.0, 1.0)
    # The residual variance, and how much more the estimates vary when the noise lingers.
    variance = float(rest @ rest) / max(len(y) - 2, 1) * len(y) / independent

    def by(when: float) -> float:
        ahead = when - centre
        short = level + slope * ahead - goal
        error = math.sqrt(variance * (1.0 / len(y) + ahead * ahead / spread))
        # Below the rounding of the figures themselves a line is exact.
        if error <= 1e-12 * max(abs(level), abs(goal), 1e-300):
            return 1.0 if short >= 0 else 0.0
        return student(short / error, freedom)

    return Arrival(slope, by)


def _independent(rest: Array) -> float:
    """How many independent values tell as much as these residuals, by their lag-1 correlation."""
    n = len(rest)
    energy = float(rest @ rest)
    if n < 8 or energy == 0:
        return float(n)
    # A line's residuals lean to negative correlation, by about 4 / n for its two coefficients.
    lag = float(rest[1:] @ rest[:-1]) / energy
    lag = min(max((n * lag + 2.0) / (n - 4.0), 0.0), 0.95)
    return max(n * (1.0 - lag) / (1.0 + lag), 3.0)


def walk(t: Array, y: Array, goal: float) -> Arrival:
    """Random walk with drift; by(x) = P(the figure passes the goal between now and x)."""
    steps, gaps = np.diff(y), np.diff(t)
    whole = float(t[-1] - t[0])
    drift = float(y[-1] - y[0]) / whole
    freedom = len(steps) - 1
    variance = float(np.sum((steps - drift * gaps) ** 2 / gaps)) / freedom
    distance = goal - float(y[-1])
    nodes, weights = _posterior(freedom)
    sigma = np.sqrt(variance * freedom / nodes[:, 0])
    drifts = drift + nodes[:, 1] * sigma / math.sqrt(whole)

    def by(when: float) -> float:
        ahead = when - float(t[-1])
        if ahead <= 0:
            return 0.0
        if variance <= 1e-24 * max(abs(goal), 1e-300) ** 2:
            return 1.0 if drift * ahead >= distance else 0.0
        return float(weights @ first_passage(ahead, distance, drifts, sigma))

    return Arrival(drift, by)


_MODELS: dict[Model, Callable[[Array, Array, float], Arrival]] = {"trend": trend, "walk": walk}


def _posterior(freedom: int) -> tuple[Array, Array]:
    """Points (chi-squared, standard normal) and weights: the flat-prior posterior in one grid."""
    side = 16
    chances = (np.arange(side) + 0.5) / side
    chi = np.array([chi_squared_quantile(chance, freedom) for chance in chances.tolist()])
    normal, weight = np.polynomial.hermite_e.hermegauss(side)
    grid = np.stack([np.repeat(chi, side), np.tile(normal, side)], axis=1)
    return grid, np.tile(weight / weight.sum(), side) / side


def _when(by: Callable[[float], float], now: float, chance: float) -> float:
    """The first time from now on at which by(time) >= chance; infinite if a long way off."""
    if by(now) >= chance:
        return now
    step = 1e-3
    while by(now + step) < chance:
        step *= 2.0
        if step > 1e7:
            return math.inf
    low, high = now, now + step
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (low, middle) if by(middle) >= chance else (middle, high)
    return high
