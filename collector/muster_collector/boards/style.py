"""Colours and limits of the boards: safe for colour-blind eyes, never alone in their meaning."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig as Steps
from grafana_foundation_sdk.models.dashboard import (
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

# From blue to vermilion: told apart with every common colour blindness, and by lightness in grey.
GOOD, FAIR, WARN, BAD = "#4A90D9", "#5FB3A1", "#E3A72F", "#D9603B"
QUIET = "#8E95A3"
"""For what is neither good nor bad: bands, context, counts."""
PALETTE = ("#4A90D9", "#E3A72F", "#5FB3A1", "#B084CC", "#D9603B", "#7FC4E8", "#8E95A3")
"""Distinct lines, in this order."""

SILENT_S = 120
"""Seconds without a report after which a node counts as silent."""
SCORE_STEPS = ((None, BAD), (40.0, WARN), (60.0, FAIR), (80.0, GOOD))
USE_STEPS = ((None, GOOD), (70.0, FAIR), (85.0, WARN), (95.0, BAD))
COVERAGE_STEPS = ((None, BAD), (0.5, WARN), (0.8, FAIR), (0.95, GOOD))
COUNT_STEPS = ((None, GOOD), (1.0, WARN), (10.0, BAD))
PLAIN_STEPS = ((None, QUIET),)

Limits = tuple[tuple[float | None, str], ...]


def thresholds(limits: Limits) -> Steps:
    """The limits as Grafana wants them: ascending, the first without a value."""
    steps = [Threshold(value=value, color=color) for value, color in limits]
    return Steps().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def steps_json(limits: Limits) -> dict[str, object]:
    """The same as JSON, for overrides of one column."""
    return {
        "mode": "absolute",
        "steps": [{"value": value, "color": color} for value, color in limits],
    }


def by_limits() -> FieldColor:
    """Colour by the thresholds."""
    return FieldColor().mode(FieldColorModeId.THRESHOLDS)


def by_name() -> FieldColor:
    """A colour that follows a series' name, so that a filter does not recolour the others."""
    return FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME)


def fixed(color: str) -> dict[str, object]:
    """One colour, as the value of an override."""
    return {"mode": "fixed", "fixedColor": color}
