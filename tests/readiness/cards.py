"""Small scorecards for the tests, written as people write them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from muster_collector.readiness import Scorecard, load

INDICATOR: Mapping[str, Any] = {
    "title": {"en": "x", "zh": "某"},
    "meaning": "m",
    "unit": "1",
    "direction": "up",
    "reason": "r",
    "reference": "s",
    "normalise": {"kind": "goalposts", "low": 0.0, "high": 100.0},
}


def toml(value: Any) -> str:
    """A Python value as an inline TOML value."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.date):
        return value.isoformat()
    # JSON's strings are TOML's too.
    return repr(value) if isinstance(value, int | float) else json.dumps(value)


def table(name: str, keys: Mapping[str, Any]) -> str:
    """One TOML table with a line for each key."""
    return f"[{name}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in keys.items())


def text(
    indicators: Mapping[str, Mapping[str, Any]],
    levels: Mapping[str, Mapping[str, Any]] | None = None,
    **head: Any,
) -> str:
    """A scorecard file: what is not given has harmless defaults."""
    title = {"en": "t", "zh": "题"}
    parts = [table("scorecard", {"id": "test", "title": title, "version": "1", **head})]
    parts += [
        table(f"level.{name}", {"title": title, **keys}) for name, keys in (levels or {}).items()
    ]
    parts += [
        table(f"indicator.{name}", {**INDICATOR, **keys}) for name, keys in indicators.items()
    ]
    return "\n".join(parts)


def card(
    indicators: Mapping[str, Mapping[str, Any]],
    levels: Mapping[str, Mapping[str, Any]] | None = None,
    **head: Any,
) -> Scorecard:
    """The loaded form of `text`."""
    return load(text(indicators, levels, **head), "card.toml")
