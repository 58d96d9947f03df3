"""Colours and limits of the boards: safe for colour-blind eyes, never alone in their meaning."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig as Steps
from grafana_foundation_sdk.models.dashboard import (
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

from muster_collector import thresholds as table
from muster_collector.thresholds import Shade, limit

# From blue to vermilion: told apart with every common colour blindness, and seen on Grafana's light
# and dark ground.
GOOD, FAIR, WARN, POOR, BAD = "#4A8FDA", "#49A391", "#D39F14", "#C65F1A", "#CC3F46"
QUIET = "#858C9A"
"""For what is neither good nor bad: bands, context, counts."""
LOSS = "#9A5C9D"
"""For points lost, which have no grade."""
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#606774")
"""Lines whose names are known, in this order: Okabe and Ito's, in B. Wong, "Color blindness",
Nature Methods 8 (2011) 441; slate for their yellow, which nobody sees on white."""

HUES = {
    "/[159aeimquy]$/i": "#30A880",
    "/[260bfjnrvz]$/i": "#BD6A9C",
    "/[37cgkosw]$/i": "#A07C45",
}
"""Of lines whose names nobody knows, by the last letter; the others are GOOD.

Neither light nor dark: Grafana's shades of them are to be seen on white and on black.
"""

OBJECTIVE = limit("availability", "warn")
"""Share of probes that must be answered rightly, of every service."""
ERRORS_ALLOWED = round(1 - OBJECTIVE, 6)
PLAIN_STEPS = ((None, QUIET),)
CLEAR, AMBER = "transparent", "#E3B53C"
"""Grounds of cells: where nothing is wrong, and WARN, so light that Grafana writes black on it."""

Limits = tuple[tuple[float | None, str], ...]


SHADES: Mapping[Shade, str] = {"fair": FAIR, "warn": WARN, "poor": POOR, "bad": BAD}


def steps(name: str, *, calm: str = GOOD) -> Limits:
    """The colours of something in `thresholds.toml`; `calm` where nothing is wrong."""
    mild_first = [(value, SHADES[shade]) for shade, value in table.steps(name).items()]
    if table.rises(name):
        return ((None, calm), *mild_first)
    # Below a step it is that bad: from the step on it is as mild as the next one.
    values = [value for value, _ in reversed(mild_first)]
    colors = [color for _, color in reversed(mild_first)]
    return tuple(zip((None, *values), (*colors, calm), strict=True))


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


def ground(color: str) -> str:
    """What a cell of this meaning stands on: nothing but what is wrong is to catch the eye."""
    return {WARN: AMBER, POOR: POOR, BAD: BAD}.get(color, CLEAR)


def by_limits() -> FieldColor:
    """Colour by the thresholds."""
    return FieldColor().mode(FieldColorModeId.THRESHOLDS)


def of_lines(limits: Limits) -> FieldColor:
    """Of lines whose names nobody knows beforehand: by the limits, else shades of a few colours.

    Shades are told apart by their lightness, so by every eye, and lie by turns above and below the
    first; HUES has the other colours. Grafana's own palettes have neighbours that are one colour to
    every twelfth man, and no panel can bring another palette.
    """
    if limits is not PLAIN_STEPS:
        return by_limits()
    return FieldColor().mode(FieldColorModeId.SHADES).fixed_color(GOOD)


def shaded(color: str) -> dict[str, object]:
    """Shades of one colour, as the value of an override."""
    return {"mode": "shades", "fixedColor": color}


def fixed(color: str) -> dict[str, object]:
    """One colour, as the value of an override."""
    return {"mode": "fixed", "fixedColor": color}
