"""Scores of named units as rows, JSON and text: every level, rank, coverage and interval."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .engine import Scores
from .explain import lost
from .robustness import Robustness
from .scorecard import Scorecard

Array = npt.NDArray[np.float64]
LEVEL = ("low", "high", "coverage", "rank")
INDICATOR = ("value", "lost")
"""What a flat row has of each level and indicator beside its score."""


def ranks(value: Array) -> Array:
    """Place of each score, 1 the best, equal scores sharing the better place; NaN has none."""
    known = ~np.isnan(value)
    result = np.full(value.shape, np.nan)
    falling = np.sort(-value[known])
    result[known] = np.searchsorted(falling, -value[known], side="left") + 1.0
    return result


def as_json(units: Sequence[str], scores: Scores, firm: Robustness | None = None) -> str:
    """One object; numbers at full precision, null where there is none."""
    document = as_document(units, scores, firm)
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def as_document(
    units: Sequence[str], scores: Scores, firm: Robustness | None = None
) -> dict[str, Any]:
    """What `as_json` writes."""
    objects = list(_objects(units, scores))
    document: dict[str, Any] = {"scorecard": scores.card.id, "method": scores.card.method}
    if firm:
        document["draws"], document["share"] = firm.draws, firm.share
        for unit, row in enumerate(objects):
            row["varied"] = {name: _plain(array[unit]) for name, array in _varied(firm)}
    document["units"] = objects
    return document


def _varied(firm: Robustness) -> list[tuple[str, Array]]:
    """What random variants of the card make of each unit, by name."""
    return [
        ("rank_low", firm.rank_low),
        ("rank_median", firm.rank_median),
        ("rank_high", firm.rank_high),
        ("score_low", firm.score_low),
        ("score_high", firm.score_high),
    ]


def _objects(units: Sequence[str], scores: Scores) -> Iterator[dict[str, Any]]:
    card = scores.card
    places, points = _places(scores), lost(scores)
    for unit, name in enumerate(units):
        levels = {
            node.id: {
                "score": _plain(scores.value[unit, node.column]),
                "low": _plain(scores.low[unit, node.column]),
                "high": _plain(scores.high[unit, node.column]),
                "coverage": _plain(scores.coverage[unit, node.column]),
                "rank": _whole(places[unit, node.column]),
                "lost": _plain(points[unit, node.column]) if node.column else None,
            }
            for node in card.levels
        }
        indicators = {
            node.id: {
                "value": _plain(scores.raw[unit, number]),
                "score": _plain(scores.value[unit, node.column]),
                "rank": _whole(places[unit, node.column]),
                "lost": _plain(points[unit, node.column]),
            }
            for number, node in enumerate(card.indicators)
        }
        grade = card.grade(float(scores.value[unit, 0]))
        yield {
            "unit": name,
            "grade": grade,
            "why": scores.why(unit),
            "levels": levels,
            "indicators": indicators,
        }


def columns(card: Scorecard, firm: Robustness | None = None) -> list[str]:
    """The columns of `rows`: each level's score, interval, coverage and rank, then indicators'."""
    head = ["unit", "grade", "why"]
    for node in card.levels:
        head += [node.id, *(f"{node.id}:{part}" for part in LEVEL)]
    for node in card.indicators:
        head += [node.id, *(f"{node.id}:{part}" for part in INDICATOR)]
    return head + ([f"varied:{name}" for name, _ in _varied(firm)] if firm else [])


def rows(
    units: Sequence[str], scores: Scores, firm: Robustness | None = None
) -> list[dict[str, Any]]:
    """One flat row a unit; None where there is no number."""
    made = []
    varied = _varied(firm) if firm else []
    for place, unit in enumerate(_objects(units, scores)):
        row = {name: unit[name] for name in ("unit", "grade", "why")}
        for parts, names in ((unit["levels"], LEVEL), (unit["indicators"], INDICATOR)):
            for part, numbers in parts.items():
                row[part] = numbers["score"]
                row |= {f"{part}:{name}": numbers[name] for name in names}
        made.append(row | {f"varied:{name}": _plain(array[place]) for name, array in varied})
    return made


def as_table(units: Sequence[str], scores: Scores, firm: Robustness | None = None) -> str:
    """Aligned text, best first: rank, unit, grade, score, interval, coverage, the pillars."""
    card = scores.card
    place = ranks(scores.value[:, 0])
    head = ["rank", *(["ranks"] if firm else []), "unit", "grade", "score", "low", "high"]
    rows = [[*head, "coverage", *(node.id for node in card.pillars)]]
    for unit in np.argsort(place, kind="stable").tolist():
        value = float(scores.value[unit, 0])
        limits = (scores.low[unit, 0], scores.high[unit, 0])
        rows.append(
            [
                _cell(place[unit]) or "-",
                *([_range(firm.rank_low[unit], firm.rank_high[unit])] if firm else []),
                "".join(char if char.isprintable() else " " for char in units[unit]),
                card.grade(value) or "-",
                *(_short(number) for number in (value, *limits)),
                f"{scores.coverage[unit, 0]:.0%}",
                *(_short(scores.value[unit, node.column]) for node in card.pillars),
            ]
        )
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to the widest cell (a Chinese character counts two), two spaces between."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines) + "\n"


def _range(low: float, high: float) -> str:
    return "-" if np.isnan(low) else f"{low:.0f}-{high:.0f}"


def _places(scores: Scores) -> Array:
    return np.stack([ranks(column) for column in scores.value.T], axis=1)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _plain(number: np.float64) -> float | None:
    return None if np.isnan(number) else float(number)


def _whole(number: np.float64) -> int | None:
    return None if np.isnan(number) else int(number)


def _cell(number: float) -> str:
    return "" if np.isnan(number) else format(float(number), ".12g")


def _short(number: float) -> str:
    return "-" if np.isnan(number) else f"{number:.1f}"
