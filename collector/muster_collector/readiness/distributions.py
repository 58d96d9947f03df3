"""The few distributions that dated targets need, from the standard library and numpy alone."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def first_passage(time: float, distance: float, drift: Array, sigma: Array) -> Array:
    """P(a Brownian motion with drift has been at `distance` > 0 by `time`): inverse Gaussian.

    Phi((m t - a) / (s root t)) + exp(2 m a / s^2) Phi(-(m t + a) / (s root t)).
    """
    root = sigma * math.sqrt(time)
    power = 2.0 * drift * distance / sigma**2
    back = normal(-(drift * time + distance) / root)
    # The product stays below 1 even where the exponential alone would overflow.
    with np.errstate(divide="ignore"):
        reflected = np.exp(np.minimum(power + np.log(back), 0.0))
    return np.minimum(normal((drift * time - distance) / root) + reflected, 1.0)


def chi_squared_quantile(chance: float, freedom: int) -> float:
    """Quantile by Wilson and Hilferty's cube (exact enough for a grid; exact form for 1 and 2)."""
    if freedom == 1:
        return normal_quantile((1.0 + chance) / 2.0) ** 2
    if freedom == 2:
        return -2.0 * math.log(1.0 - chance)
    part = 2.0 / (9.0 * freedom)
    return freedom * (1.0 - part + normal_quantile(chance) * math.sqrt(part)) ** 3


def normal_quantile(chance: float) -> float:
    """Quantile of the standard normal, by bisection of its distribution."""
    low, high = -9.0, 9.0
    for _ in range(60):
        middle = (low + high) / 2.0
        below = math.erfc(-middle / math.sqrt(2.0)) / 2.0 < chance
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2.0


def normal(x: Array) -> Array:
    """Distribution function of the standard normal."""
    root = math.sqrt(2.0)
    return np.array([math.erfc(-value / root) / 2.0 for value in x.tolist()])


@cache
def _legendre() -> tuple[Array, Array]:
    """Nodes and weights of the integral, when they are needed: LAPACK takes 32 MB to find them."""
    nodes, weights = np.polynomial.legendre.leggauss(64)
    return nodes, weights


def student(t: float, freedom: float) -> float:
    """Distribution function of Student's t, by integrating cos^(freedom - 1) (Abramowitz 26.7)."""
    if freedom > 1000:
        return math.erfc(-t / math.sqrt(2.0)) / 2.0
    if freedom > 30:
        t = min(max(t, -10.0), 10.0)
    angle = math.atan(t / math.sqrt(freedom))
    places, weights = _legendre()
    nodes = angle * (places + 1.0) / 2.0
    area = float(weights @ np.cos(nodes) ** (freedom - 1.0)) * angle / 2.0
    scale = math.exp(math.lgamma((freedom + 1.0) / 2.0) - math.lgamma(freedom / 2.0))
    return min(max(0.5 + area * scale / math.sqrt(math.pi), 0.0), 1.0)
