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
GOOD, FAIR, WARN, POOR, BAD = "#4A90D9", "#5FB3A1", "#E3B53C", "#DD7A35", "#C0413B"
QUIET = "#8E95A3"
"""For what is neither good nor bad: bands, context, counts."""
LOSS = "#A98BD1"
"""For points lost, which have no grade."""
PALETTE = (GOOD, WARN, FAIR, LOSS, POOR, "#7FC4E8", QUIET)
"""Distinct lines, in this order."""

USE_STEPS = ((None, GOOD), (70.0, FAIR), (85.0, WARN), (95.0, BAD))
COVERAGE_STEPS = ((None, BAD), (0.5, WARN), (0.8, FAIR), (0.95, GOOD))
COUNT_STEPS = ((None, GOOD), (1.0, WARN), (10.0, BAD))
OBJECTIVE = 0.995
"""Share of probes that must be answered rightly, of every service."""
ERRORS_ALLOWED = round(1 - OBJECTIVE, 6)
AVAILABILITY_STEPS = ((None, BAD), (0.95, POOR), (0.99, WARN), (OBJECTIVE, GOOD))
EXPIRY_DAYS = ((None, BAD), (3.0, POOR), (14.0, WARN), (30.0, GOOD))
"""Days that a certificate has left."""
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


def distinct() -> FieldColor:
    """A colour of its own for each line; colours that follow names give two of seven the same."""
    return FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC)


def fixed(color: str) -> dict[str, object]:
    """One colour, as the value of an override."""
    return {"mode": "fixed", "fixedColor": color}
