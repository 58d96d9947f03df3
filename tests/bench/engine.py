"""The scoring engine on large fleets: scores, rollups, explanations, Monte Carlo, memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from muster_collector.cli.scorecard import read_card
from muster_collector.readiness import lost, rollup, score
from muster_collector.readiness.robustness import robustness

NODES = 10_000
SITES = 500
DRAWS = 1_000
LATE, SITE = 0.2, 20


def main() -> None:
    """Print CPU seconds of each step and the peak memory of them all."""
    card = read_card()
    rng = np.random.default_rng(1)
    values = np.abs(rng.normal(30.0, 40.0, (NODES, len(card.indicators))))
    values[rng.random(values.shape) < LATE] = np.nan
    site = rng.integers(0, SITES, NODES)
    line = f"{NODES} nodes, {len(card.indicators)} indicators"

    def window() -> None:
        nodes = score(card, values)
        lost(nodes)
        sites = rollup(nodes, site, SITES, planned=np.full(SITES, NODES // SITES))
        districts = rollup(sites, np.arange(SITES) // SITE, SITES // SITE, weights=sites.weight)
        rollup(districts, np.zeros(SITES // SITE), 1, weights=districts.weight)

    report(f"{line}: score, explain, roll up", window, 3.0)
    report(f"{NODES} sites x {DRAWS} draws: ranks", lambda: draws(card, values), 5.0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'peak memory':<50} {peak:8.0f} MB   (goal 500)")


def draws(card: Any, values: Any) -> None:
    """The Monte Carlo of a large set of sites."""
    robustness(card, values, np.random.default_rng(2), draws=DRAWS)


def report(title: str, step: Callable[[], None], goal: float) -> None:
    """The median CPU seconds of three runs."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        step()
        seconds.append(time.process_time() - start)
    print(f"{title:<50} {sorted(seconds)[1]:8.3f} s CPU (goal {goal:g})")


if __name__ == "__main__":
    main()
