"""What a score was made of, once an hour: the values of every node, to score years again.

Of the windows that end with an hour each unit has one point in `readiness_values_hourly`, under the
tags level and id, with the fields `score`, `scored` (0 when there is no score, whatever an older
field says) and `method`; a node's also has `site` and one field for each indicator that it has a
value of. Such a field is named after the indicator and a hash of all that makes its value, so that
a card finds exactly the values that its own sources would give, whichever card was in force then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import numpy as np

from muster_collector.readiness.schema import Indicator
from muster_collector.readiness.scorecard import Scorecard
from muster_collector.scoring.result import LevelResult, Result
from muster_collector.store.base import Point, Value

MEASUREMENT = "readiness_values_hourly"
HOUR = 3_600_000


def field(name: str, indicator: Indicator) -> str:
    """The field that an indicator's values lie in; the direction says which series is the worst."""
    source = indicator.source.model_dump(mode="json") if indicator.source else None
    content = json.dumps([source, indicator.direction], sort_keys=True, separators=(",", ":"))
    return f"{name}:{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def fields(card: Scorecard) -> tuple[str, ...]:
    """The fields of a card's indicators, in their order."""
    return tuple(field(node.id, node.indicator) for node in card.indicators if node.indicator)


def points(result: Result) -> Iterator[Point]:
    """The points of a window that ends with an hour; none of another."""
    if result.end % HOUR:
        return
    names = fields(result.card)
    for name, level in result.levels.items():
        for row, tags in enumerate(level.level.tags):
            own = tuple(pair for pair in tags if pair[0] in ("id", "level"))
            values = _outcome(result, level, row)
            if name == "node":
                values["site"] = dict(tags)["site"]
                raw = level.value[row].tolist()
                # NaN is the one number that is not itself.
                values |= {k: x for k, x in zip(names, raw, strict=True) if x == x}  # noqa: PLR0124
            yield Point(MEASUREMENT, own, values, result.end)


def _outcome(result: Result, level: LevelResult, row: int) -> dict[str, Value]:
    score = float(level.scores.value[row, 0])
    known = not np.isnan(score)
    outcome: dict[str, Value] = {"scored": int(known), "method": result.card.method}
    return outcome | ({"score": score} if known else {})
