"""Exact accounts of scores: the points that each indicator costs, and what moved a score.

Every mean is a plain weighted sum in one coordinate: x itself (arithmetic), ln x (geometric), 1/x
(harmonic). Going from one vector to another along the straight line in that coordinate, and giving
each part what its own movement does to the mean on the way (the Aumann-Shapley value of that path),
has a closed form, sums exactly, treats both ends alike, and gives nothing to a part that did not
move. For the geometric mean it is LMDI-I (Ang 2005). For the minimum the same is done on the line
in x: each part answers for the stretch on which it is the least. Caps are accounted for apart: the
points that a cap takes go to the critical part that binds. Levels within levels follow by the
chain rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .aggregate import aggregate
from .engine import Scores, capped, caps
from .rollup import Rollup
from .schema import Aggregation
from .scorecard import Node, Scorecard

Array = npt.NDArray[np.float64]
Account = dict[int, Array]
"""Indicator's column -> points per unit; the sum is the movement of the level it belongs to."""


@dataclass(frozen=True)
class Change:
    """What moved the score of each unit from one time to another (arrays per unit).

    `total` = the sum of `parts` over the indicators' columns + `coverage`. `parts` is units x
    columns, a level's column being the sum of its indicators'. `coverage` is what came from data
    that was there at one time only. All NaN where a unit had no score at one of the times.
    """

    total: Array
    parts: Array
    coverage: Array


def lost(scores: Scores, of: str = "overall") -> Array:
    """Points of the score of level `of` that each column costs, units x columns.

    Over the indicators they sum to 100 - score; a level's column is the sum of its indicators'.
    What is missing costs nothing (the interval shows it). NaN where there is no score, 0 for
    columns outside the level. ValueError for a rollup: a group loses what its scored members lose
    on weighted average.
    """
    _no_group(scores)
    card = scores.card
    account = _Accounts(card, scores.value.T).lost(card[of])
    return _spread(card, card[of], account, ~np.isnan(scores.value[:, card.columns[of]]))


def change(before: Scores, after: Scores, of: str = "overall") -> Change:
    """Split the change of level `of` between two scorings of the same units under one card.

    ValueError when the cards or the numbers of units differ, and for rollups, whose members may
    have changed.
    """
    _no_group(before, after)
    card = before.card
    if card.method != after.card.method or len(before) != len(after):
        raise ValueError("a change needs the same units under the same card")
    node = card[of]
    common = ~np.isnan(before.value.T) & ~np.isnan(after.value.T)
    first, second = _revalued(card, before, common), _revalued(card, after, common)
    known = common[node.column]
    parts = _spread(card, node, _moved(card, node, first, second), known)
    total = after.value[:, node.column] - before.value[:, node.column]
    # Where nothing at all is common, everything is a matter of coverage.
    shared = np.nan_to_num(second[node.column] - first[node.column])
    return Change(total, parts, total - shared)


def _no_group(*many: Scores) -> None:
    if any(isinstance(scores, Rollup) for scores in many):
        raise ValueError("a group has no tree of its own: account for its members and average")


def _revalued(card: Scorecard, scores: Scores, allowed: npt.NDArray[np.bool_]) -> Array:
    """Values (columns x units) from the allowed places only, without coverage rules."""
    value = np.where(allowed, scores.value.T, np.nan)
    for node in reversed(card.levels):
        mean = aggregate(node.aggregation, value[list(node.parts)], node.weights)
        mean = capped(card, node, mean, value)
        value[node.column] = np.where(allowed[node.column], mean, np.nan)
    return value


def _spread(card: Scorecard, top: Node, account: Account, known: npt.NDArray[np.bool_]) -> Array:
    """An account of indicators as units x columns, with the sums of the levels on the way up."""
    result = np.zeros((len(card.nodes), len(known)))
    for column, points in account.items():
        result[column] = points
    for node in reversed(card.nodes[1:]):
        if node.column > top.column:
            result[node.parent] += result[node.column]
    result[:, ~known] = np.nan
    return result.T


class _Accounts:
    """Accounts of the loss from 100 at one time; each level's is made once."""

    def __init__(self, card: Scorecard, value: Array) -> None:
        self.card = card
        self.value = value
        self.ideal = np.where(np.isnan(value), np.nan, 100.0)
        self.known: dict[int, Account] = {}

    def lost(self, node: Node) -> Account:
        """Points from 100 down to the node's value, per indicator; positive, 0 where unknown."""
        if node.column not in self.known:
            falls = _fall(self.card, node, self)
            self.known[node.column] = falls
        return self.known[node.column]


def _fall(card: Scorecard, node: Node, accounts: _Accounts) -> Account:
    value, ideal = accounts.value, accounts.ideal
    if node.indicator:
        return {node.column: np.nan_to_num(100.0 - value[node.column])}
    parts = list(node.parts)
    slopes = multipliers(node.aggregation, ideal[parts], value[parts], node.weights)
    account: Account = {}
    for part, slope in zip(parts, slopes, strict=True):
        _add(account, accounts.lost(card.nodes[part]), slope)
    _add_caps(card, node, accounts, account)
    return account


def _add_caps(card: Scorecard, node: Node, accounts: _Accounts, account: Account) -> None:
    """Add the points that caps take from a level, each to the indicators of the binding part."""
    found = caps(card, node, accounts.value)
    if not found:
        return
    mean = aggregate(node.aggregation, accounts.value[list(node.parts)], node.weights)
    taken = np.nan_to_num(mean - capped(card, node, mean, accounts.value))
    lowest = np.fmin.reduce([cap for _, cap in found])
    binding = [(part, (cap == lowest).astype(np.float64)) for part, cap in found]
    number = np.maximum(sum(binds for _, binds in binding), 1.0)
    for part, binds in binding:
        losses = accounts.lost(card.nodes[part])
        whole = 100.0 - accounts.value[part]
        share = np.divide(
            taken * binds / number, whole, out=np.zeros_like(taken), where=taken * binds > 0
        )
        _add(account, losses, share)


def _moved(card: Scorecard, top: Node, first: Array, second: Array) -> Account:
    """The account of the movement of `top` from the values `first` to `second`."""
    before, after = _Accounts(card, first), _Accounts(card, second)

    def move(node: Node) -> Account:
        if node.indicator:
            return {node.column: np.nan_to_num(second[node.column] - first[node.column])}
        parts = list(node.parts)
        slopes = multipliers(node.aggregation, first[parts], second[parts], node.weights)
        account: Account = {}
        for part, slope in zip(parts, slopes, strict=True):
            _add(account, move(card.nodes[part]), slope)
        for accounts, sign in ((before, 1.0), (after, -1.0)):
            taken: Account = {}
            _add_caps(card, node, accounts, taken)
            _add(account, taken, np.asarray(sign))
        return account

    return move(top)


def _add(account: Account, other: Account, factor: Array) -> None:
    for column, points in other.items():
        account[column] = account.get(column, 0.0) + factor * points


def multipliers(kind: Aggregation, first: Array, second: Array, weights: Sequence[float]) -> Array:
    """How far the mean moves per point of each part, on the way from `first` to `second`.

    Parts x units, at least 0, 0 where a part is missing at an end; summed over the parts,
    multiplier x (second - first) is the movement of the mean.
    """
    known = ~np.isnan(first) & ~np.isnan(second)
    share = np.where(known, np.asarray(weights)[:, None], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.asarray(np.nan_to_num(share / share.sum(axis=0)))
    if kind == "arithmetic":
        return share
    # A stand-in that no mean sees: its share is 0, and it is never the least.
    blank = 1000.0 if kind == "minimum" else 1.0
    first, second = np.where(known, first, blank), np.where(known, second, blank)
    if kind == "minimum":
        return np.where(known, _least_stretch(first, second), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [_mean(kind, x, share) for x in (first, second)]
        if kind == "geometric":
            slope: Array = share * log_mean(means[0], means[1]) / log_mean(first, second)
        else:
            slope = share * means[0] * means[1] / (first * second)
        slope = _with_zeros(slope, share, (first, second), (means[0], means[1]))
    return np.where(known, slope, 0.0)


def _mean(kind: Aggregation, x: Array, share: Array) -> Array:
    if kind == "geometric":
        return np.asarray(np.exp((share * np.log(x)).sum(axis=0)))
    return np.asarray(1.0 / (share / x).sum(axis=0))


def _with_zeros(
    slope: Array, share: Array, ends: tuple[Array, Array], means: tuple[Array, Array]
) -> Array:
    """The limit where a part is 0 at one end: the parts at 0 answer, by share, for all of it.

    With zeros at both ends the mean stays 0 and nobody moves it.
    """
    zero = [mean == 0 for mean in means]
    if not (zero[0] | zero[1]).any():
        return slope
    end = np.where(zero[0], ends[0], ends[1])
    guilty = np.where((end == 0) & (zero[0] ^ zero[1]), share, 0.0)
    whole = means[0] + means[1]
    span = np.abs(ends[0] - ends[1])
    limit = np.nan_to_num(guilty / guilty.sum(axis=0) * whole / span)
    return np.where(zero[0] | zero[1], limit, slope)


def _least_stretch(first: Array, second: Array) -> Array:
    """The share of the straight way from first to second on which each part is the least."""
    result = np.empty_like(first)
    for part in range(len(first)):
        start, end = np.zeros(first.shape[1]), np.ones(first.shape[1])
        equals = np.zeros(first.shape[1])
        for other in range(len(first)):
            over, above = first[part] - first[other], second[part] - second[other]
            with np.errstate(invalid="ignore", divide="ignore"):
                crossing = over / (over - above)
            end = np.where((over <= 0) & (above > 0), np.fmin(end, crossing), end)
            start = np.where((over > 0) & (above <= 0), np.fmax(start, crossing), start)
            start = np.where((over > 0) & (above > 0), np.inf, start)
            equals += (over == 0) & (above == 0)
        result[part] = np.maximum(end - start, 0.0) / equals
    return result


def log_mean(a: Array, b: Array) -> Array:
    """The logarithmic mean (a - b) / ln(a / b); its limit a where both are equal."""
    ratio = (a - b) / b
    near, equal = np.abs(ratio) < 0.5, np.abs(ratio) < 1e-7
    # Near equality log1p keeps the digits that the quotient loses, elsewhere it is the reverse.
    logarithm = np.where(near, np.log1p(np.where(near, ratio, 0.0)), np.log(a / b))
    return np.where(equal, (a + b) / 2.0, (a - b) / np.where(equal, 1.0, logarithm))
