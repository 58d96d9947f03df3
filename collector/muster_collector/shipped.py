"""The scorecard that Muster ships, as it stands in its file: the source of names and limits."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

CARD = "new-digital-infrastructure.toml"


@cache
def card() -> dict[str, Any]:
    """The card's TOML."""
    text = (files("muster_collector") / "scorecards" / CARD).read_text(encoding="utf-8")
    return tomllib.loads(text)


def grade_limit(grade: str) -> float:
    """The least score of a grade."""
    return float(next(band["at_least"] for band in card()["band"] if band["grade"] == grade))
