"""Raw values to 0..100: families of pure functions on vectors, and the choice of one by a card.

Vectors are float64 with NaN for missing; missing stays missing. The functions on their own return
what their formula gives (COINr's definitions where it has them); `normalised` turns the indicator's
direction first, so that more is always better, and clips to 0..100.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .schema import (
    Goalposts,
    Indicator,
    MinMax,
    Rank,
    Reference,
    Thresholds,
    Winsorise,
    ZScore,
)

Array = npt.NDArray[np.float64]


def piecewise(x: Array, points: tuple[tuple[float, float], ...]) -> Array:
    """Straight lines through (value, score) points with rising values; flat beyond the ends."""
    values, scores = zip(*points, strict=True)
    return np.asarray(np.interp(x, values, scores), dtype=np.float64)


def goalposts(x: Array, low: float, high: float) -> Array:
    """(x - low) / (high - low) in 0..1, clipped (COINr `n_goalposts`, OECD/JRC handbook 5.6)."""
    return np.clip((x - low) / (high - low), 0.0, 1.0)


def minmax(x: Array) -> Array:
    """(x - min) / (max - min) in 0..1; 1 where all are equal (nobody is behind anybody)."""
    low, high = _span(x)
    if high == low:
        return np.where(np.isnan(x), np.nan, 1.0)
    return (x - low) / (high - low)


def zscore(x: Array, mean: float = 0.0, sd: float = 1.0) -> Array:
    """Standardised to the given mean and (n - 1) standard deviation; `mean` where none differ."""
    known = x[~np.isnan(x)]
    spread = float(np.std(known, ddof=1)) if known.size > 1 else 0.0
    if spread == 0:
        return np.where(np.isnan(x), np.nan, mean)
    centre: float = float(np.mean(known))
    return (x - centre) / spread * sd + mean


def rank(x: Array) -> Array:
    """Place from the least (1); equal values share the lowest place (COINr `n_rank`, ties min)."""
    known = ~np.isnan(x)
    result = np.full(x.shape, np.nan)
    result[known] = np.searchsorted(np.sort(x[known]), x[known], side="left") + 1.0
    return result


def percentile_rank(x: Array) -> Array:
    """(place - 1) / (n - 1) in 0..1 (COINr `n_prank`); 1 for a single unit."""
    count = int(np.count_nonzero(~np.isnan(x)))
    if count == 1:
        return np.where(np.isnan(x), np.nan, 1.0)
    return (rank(x) - 1.0) / (count - 1.0)


def distance_to_target(x: Array, target: float | Array) -> Array:
    """(x - min) / (target - min): 1 at the target, above it beyond (COINr `n_dist2targ`).

    One target for all, or one for each unit; NaN without one.
    """
    low, _ = _span(x)
    goal = np.broadcast_to(np.asarray(target, dtype=np.float64), x.shape)
    share = (x - low) / np.where(goal > low, goal - low, 1.0)
    return np.where(np.isnan(x) | np.isnan(goal), np.nan, np.where(goal > low, share, 1.0))


def distance_to_unit(x: Array, reference: int) -> Array:
    """1 - (x_ref - x) / (x_ref - min), x_ref being one unit's value (COINr `n_dist2ref`)."""
    return distance_to_target(x, float(x[reference]))


def winsorise(
    x: Array, points: int = 5, skewness_limit: float = 2.0, kurtosis_limit: float = 3.5
) -> Array:
    """Draw outliers in, one step at a time, until the shape passes or `points` are moved.

    Passing is |skewness| < limit or kurtosis < limit; a step sets the greatest value (the least
    when skewness is negative) to its neighbour in value (COINr `winsorise`).
    """
    x = x.copy()
    top = bottom = 0
    while top + bottom < points and not _passes(x, skewness_limit, kurtosis_limit):
        low, high = _span(x)
        if skewness(x) >= 0:
            x[x == high] = np.nanmax(x[x < high])
            top = int(np.count_nonzero(x == np.nanmax(x)))
        else:
            x[x == low] = np.nanmin(x[x > low])
            bottom = int(np.count_nonzero(x == np.nanmin(x)))
    return x


def skewness(x: Array) -> float:
    """Sample skewness G1 (adjusted Fisher-Pearson); NaN for fewer than 3 values or no spread."""
    d, n = _deviations(x)
    if n < 3 or not d.any():
        return float("nan")
    g1 = np.mean(d**3) / np.mean(d**2) ** 1.5
    return float(g1 * np.sqrt(n * (n - 1.0)) / (n - 2.0))


def kurtosis(x: Array) -> float:
    """Sample excess kurtosis G2; NaN for fewer than 4 values or no spread."""
    d, n = _deviations(x)
    if n < 4 or not d.any():
        return float("nan")
    g2 = np.mean(d**4) / np.mean(d**2) ** 2 - 3.0
    return float((n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * g2 + 6.0))


def _deviations(x: Array) -> tuple[Array, int]:
    """Distances from the mean, the greatest made 1 (shape has no scale), and their number."""
    known = x[~np.isnan(x)]
    if not known.size or known.min() == known.max():
        return np.zeros(known.size), known.size
    known = known / max(float(np.abs(known).max()), 1e-300)
    d = known - known.mean()
    return d / max(float(np.abs(d).max()), 1e-300), known.size


def _passes(x: Array, skewness_limit: float, kurtosis_limit: float) -> bool:
    # NaN passes: too few values, or all equal, have no outlier.
    return not (abs(skewness(x)) >= skewness_limit and kurtosis(x) >= kurtosis_limit)


def _span(x: Array) -> tuple[float, float]:
    known = x[~np.isnan(x)]
    if not known.size:
        return float("nan"), float("nan")
    return float(known.min()), float(known.max())


def _log(x: Array) -> Array:
    """The logarithm of x; what is not above 0 has none and is missing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x > 0, np.log(x), np.nan)


def _thresholds(x: Array, rule: Thresholds, _: int) -> Array:
    if not rule.log:
        return piecewise(x, rule.points)
    points = tuple((float(np.log(value)), score) for value, score in rule.points)
    # Below the first point every value counts as that point, so 0 needs no logarithm.
    return piecewise(_log(np.maximum(x, rule.points[0][0])), points)


def _goalposts(x: Array, rule: Goalposts, sign: int) -> Array:
    low, high = rule.low, rule.high
    if rule.log:
        x = _log(np.maximum(x, low))
        low, high = float(np.log(low)), float(np.log(high))
    share = goalposts(x, low, high)
    return 100.0 * (share if sign > 0 else 1.0 - share)


def _minmax(x: Array, rule: MinMax, sign: int) -> Array:
    return 100.0 * minmax(sign * (_log(x) if rule.log else x))


def _zscore(x: Array, rule: ZScore, sign: int) -> Array:
    return zscore(sign * (_log(x) if rule.log else x), rule.mean, rule.sd)


def _rank(x: Array, rule: Rank, sign: int) -> Array:
    if rule.kind == "percentile":
        return 100.0 * percentile_rank(sign * x)
    return 100.0 * rank(sign * x) / max(int(np.count_nonzero(~np.isnan(x))), 1)


def _reference(x: Array, rule: Reference, sign: int) -> Array:
    # Without a value each unit has its own, and none of them was given.
    value = np.nan if rule.value is None else rule.value
    return 100.0 * distance_to_target(sign * x, sign * value)


_RULES: dict[str, Callable[[Array, Any, int], Array]] = {
    "thresholds": _thresholds,
    "goalposts": _goalposts,
    "minmax": _minmax,
    "zscore": _zscore,
    "rank": _rank,
    "percentile": _rank,
    "reference": _reference,
}


def normalised(x: Array, indicator: Indicator, own: Array | None = None) -> Array:
    """The scores 0..100 of one indicator's raw values; infinite values count as missing.

    `own` are the units' own references, for an indicator that has them.

    A score below 1e-12 is 0: means of ratios and logarithms need no number near the smallest.
    """
    x = np.where(np.isfinite(x), x, np.nan)
    if indicator.winsorise:
        x = _winsorised(x, indicator.winsorise)
    rule = indicator.normalise
    sign = 1 if indicator.direction == "up" else -1
    # What overflows on the way is no number, and so missing.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if isinstance(rule, Reference) and own is not None:
            found = 100.0 * distance_to_target(sign * x, sign * own)
        else:
            found = _RULES[rule.kind](x, rule, sign)
        scores = np.clip(found, 0.0, 100.0)
    return np.where(scores < 1e-12, 0.0, scores)


def _winsorised(x: Array, rule: Winsorise) -> Array:
    return winsorise(x, rule.points, rule.skewness, rule.kurtosis)
