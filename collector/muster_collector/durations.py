"""Durations as people write them: "250ms", "10s", "5m", "1h30m", "30d"."""

from __future__ import annotations

import re

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


def parse(text: str) -> float:
    """Seconds in a duration; raise `ValueError` with an example of what would be right."""
    if not WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration: write 10s, 5m, 1h or 30d")
    return sum(float(number) * UNITS[unit] for number, unit in PART.findall(text))
