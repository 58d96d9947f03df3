"""The limits that boards and alert rules are made from, and the shipped scorecard is held to."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Shade = Literal["fair", "warn", "poor", "bad"]


@cache
def table() -> dict[str, dict[str, Any]]:
    """`thresholds.toml`, which says what its entries mean."""
    return tomllib.loads((files("muster_collector") / "thresholds.toml").read_text("utf-8"))


def steps(name: str) -> dict[Shade, float]:
    """The limits of something, from mild to severe."""
    found: dict[Shade, float] = table()[name]["steps"]
    return found


def limit(name: str, shade: Shade = "bad") -> float:
    """One of them."""
    return steps(name)[shade]


def rises(name: str) -> bool:
    """Whether more of it is worse."""
    return bool(table()[name]["worse"] == "up")
