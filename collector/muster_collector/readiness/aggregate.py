"""Weighted means over the rows of a matrix, missing values left out and weights rescaled.

`x` is parts x units with NaN for missing, `weights` one number above 0 per part. Sums run over the
parts one after another and never over units, so a unit's result has the same bits whatever stands
beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from .schema import Aggregation

Array = npt.NDArray[np.float64]


def aggregate(kind: Aggregation, x: Array, weights: Sequence[float]) -> Array:
    """The mean of each column of `x`; NaN where a column has nothing.

    arithmetic sum w x, geometric exp(sum w ln x), harmonic 1 / sum(w / x), minimum; weights
    rescaled to 1 over what is there. A 0 makes the geometric and the harmonic mean 0, their limit.
    """
    least = np.asarray(np.fmin.reduce(x, axis=0))
    if kind == "minimum":
        return least
    # Between its parts a mean is anyway; held there, rounding cannot move a mean of equals.
    return np.clip(_mean(kind, x, weights), least, np.fmax.reduce(x, axis=0))


def _mean(kind: Aggregation, x: Array, weights: Sequence[float]) -> Array:
    forward, back = _COORDINATES[kind]
    known = ~np.isnan(x)
    if known.all():
        with np.errstate(divide="ignore"):
            return back(_weighted(forward(x), weights) / sum(weights))
    with np.errstate(divide="ignore", invalid="ignore"):
        total = _weighted(np.where(known, forward(x), 0.0), weights)
        return back(total / _weighted(known.astype(np.float64), weights))


def _weighted(x: Array, weights: Sequence[float]) -> Array:
    total: Array = weights[0] * x[0]
    for row, weight in zip(x[1:], weights[1:], strict=True):
        total += weight * row
    return total


def _same(x: Array) -> Array:
    return x


def _inverse(x: Array) -> Array:
    return np.divide(1.0, x)


_COORDINATES: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "arithmetic": (_same, _same),
    "geometric": (np.log, np.exp),
    "harmonic": (_inverse, _inverse),
}
"""The coordinate in which each mean is a weighted sum, and the way back."""
