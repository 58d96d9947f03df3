"""How firm scores and ranks are when weights and thresholds are varied at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .sampling import Variants, places
from .scorecard import Scorecard

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Robustness:
    """Per unit: the card's own score and rank, and the intervals that hold `share` of the draws.

    All arrays are as long as the units, NaN where a unit has no score. Rank 1 is the best.
    """

    draws: int
    share: float
    score: Array
    score_low: Array
    score_high: Array
    rank: Array
    rank_low: Array
    rank_median: Array
    rank_high: Array


def robustness(
    card: Scorecard,
    values: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    draws: int = 1000,
    share: float = 0.9,
    spread: float = 0.25,
    shift: float = 0.1,
) -> Robustness:
    """Score `draws` random variants of the card (`sampling`): all inputs independent and uniform.

    The same generator state gives the same numbers. Memory is about 12 bytes per unit and draw.
    After the OECD/JRC handbook (2008), step 7, and COINr's weight noise.
    """
    count = len(np.asarray(values))
    variants = Variants(card, values, spread=spread, shift=shift)
    scores = np.empty((draws, len(variants.units)), dtype=np.float32)
    ranks = np.empty((draws, len(variants.units)), dtype=np.int32)
    for draw in range(draws):
        value = variants.score(rng.random(len(variants.inputs)))
        scores[draw] = value
        ranks[draw] = places(value)
    tail = (1.0 - share) / 2.0
    score_low, _, score_high = _quantiles(scores, (tail, 0.5, 1.0 - tail))
    rank_low, rank_median, rank_high = _quantiles(ranks, (tail, 0.5, 1.0 - tail))

    def full(part: Array) -> Array:
        result = np.full(count, np.nan)
        result[variants.units] = part
        return result

    return Robustness(
        draws,
        share,
        full(variants.nominal),
        full(score_low),
        full(score_high),
        full(places(variants.nominal).astype(np.float64)),
        full(rank_low),
        full(rank_median),
        full(rank_high),
    )


def _quantiles(
    table: npt.NDArray[np.float32] | npt.NDArray[np.int32], shares: tuple[float, ...]
) -> list[Array]:
    """Quantiles of each column by nearest rank, a block of columns at a time."""
    draws, units = table.shape
    at = [min(max(int(np.ceil(share * draws)) - 1, 0), draws - 1) for share in shares]
    result = np.empty((len(shares), units))
    for start in range(0, units, 512):
        block = np.ascontiguousarray(table[:, start : start + 512].T)
        block.sort(axis=1)
        result[:, start : start + 512] = block[:, at].T
    return list(result)
