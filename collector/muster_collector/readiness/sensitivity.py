"""Which uncertain input matters: variance-based sensitivity, first and total order.

First order: the share of the output's variance that would go if the input were known. Total order:
the share that would stay if all others were known; more than the first where inputs interact.
Estimators by Saltelli et al. (2010) for the first and Jansen (1999) for the total order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .sampling import Input, Variants, places
from .scorecard import Scorecard

Array = npt.NDArray[np.float64]


class Sensitivity(NamedTuple):
    """Indices in the order of the inputs; estimates, so a small one may come out below 0."""

    first: Array
    total: Array
    variance: float


def sobol(
    model: Callable[[Array], float], inputs: int, samples: int, rng: np.random.Generator
) -> Sensitivity:
    """Indices of a model of `inputs` independent numbers, each uniform in 0..1.

    Calls the model `samples` x (inputs + 2) times. All 0 when the output does not vary.
    """
    a, b = rng.random((samples, inputs)), rng.random((samples, inputs))
    at_a, at_b = _outputs(model, a), _outputs(model, b)
    variance = float(np.var(np.concatenate([at_a, at_b])))
    first, total = np.zeros(inputs), np.zeros(inputs)
    if variance == 0:
        return Sensitivity(first, total, variance)
    # Centred outputs keep the first-order estimate steady where the mean is far from 0.
    centre = float(np.mean(np.concatenate([at_a, at_b])))
    for number in range(inputs):
        mixed = a.copy()
        mixed[:, number] = b[:, number]
        at_mixed = _outputs(model, mixed)
        first[number] = np.mean((at_b - centre) * (at_mixed - at_a)) / variance
        total[number] = np.mean((at_a - at_mixed) ** 2) / (2.0 * variance)
    return Sensitivity(first, total, variance)


def rank_sensitivity(
    card: Scorecard,
    values: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    samples: int = 256,
    spread: float = 0.25,
    shift: float = 0.1,
) -> tuple[tuple[Input, ...], Sensitivity]:
    """Which weights and thresholds move the ranking: output is the mean absolute shift of ranks.

    Inputs and their ranges as in `sampling`. (OECD/JRC handbook 2008, step 7, average shift.)
    """
    variants = Variants(card, values, spread=spread, shift=shift)
    nominal = places(variants.nominal)

    def shifted(variant: Array) -> float:
        return float(np.mean(np.abs(places(variants.score(variant)) - nominal)))

    if len(nominal) < 2:
        nothing = np.zeros(len(variants.inputs))
        return variants.inputs, Sensitivity(nothing, nothing, 0.0)
    return variants.inputs, sobol(shifted, len(variants.inputs), samples, rng)


def _outputs(model: Callable[[Array], float], rows: Array) -> Array:
    return np.array([model(row) for row in rows])
