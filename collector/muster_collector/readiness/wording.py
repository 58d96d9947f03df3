"""What is wrong with a scorecard, in one line: the place, the value, what would be right."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from .schema import (
    Band,
    Critical,
    Document,
    Goalposts,
    Head,
    Impute,
    Indicator,
    Level,
    MinMax,
    Rank,
    Read,
    Reference,
    RollupRule,
    Source,
    Thresholds,
    Title,
    Winsorise,
    ZScore,
)

KINDS = frozenset(
    {"thresholds", "goalposts", "minmax", "zscore", "rank", "percentile", "reference"}
)


def line(place: str, value: Any, right: str) -> str:
    """Place, value as JSON (None for no value) and what would be right."""
    shown = "" if value is None else f" = {json.dumps(value, ensure_ascii=False, default=str)}"
    return f"{place}{shown}: {right}"


_RIGHT = {
    "greater_than_equal": "use {ge:g} or more",
    "greater_than": "use a number above {gt:g}",
    "less_than_equal": "use {le:g} or less",
    "less_than": "use a number below {lt:g}",
    "literal_error": "use one of {expected}",
    "union_tag_invalid": "use one of {expected_tags} as kind",
    "union_tag_not_found": "say which kind",
    "string_too_short": "use a text that is not empty",
    "finite_number": "use a finite number",
    "float_type": "use a number",
    "int_type": "use a whole number",
    "string_type": "use a text",
    "bool_type": "use true or false",
    "tuple_type": "use a list",
    "too_short": "use at least {min_length}",
    "model_type": "use a table",
    "model_attributes_type": "use a table",
    "string_pattern_mismatch": "use a-z, 0-9, - and _, a letter first",
}


def first(error: ValidationError) -> str:
    """One problem as one line: place, value, what would be right."""
    found = error.errors()
    # A misspelt key also makes the right one missing: the misspelling is the better news.
    one = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    kind, value = one["type"], one["input"]
    place = ".".join(str(part) for part in one["loc"] if part not in KINDS and part != "[key]")
    if kind == "extra_forbidden":
        return f"{place}: unknown key; known: {_known(one['loc'])}"
    if kind == "missing":
        return f"{place}: is missing"
    right = _RIGHT.get(kind, one["msg"].replace("{", "{{").replace("}", "}}"))
    right = right.format(**one.get("ctx", {}))
    if place.endswith(".weight") and kind == "greater_than_equal":
        right = "use a number above 0 (0 leaves it out)"
    hidden = isinstance(value, dict) or one["loc"][-1] == "[key]"
    return line(place, None if hidden else value, right)


_TABLES: dict[str | int, type[BaseModel]] = {
    "scorecard": Head,
    "rollup": RollupRule,
    "level": Level,
    "indicator": Indicator,
    "band": Band,
    "title": Title,
    "critical": Critical,
    "impute": Impute,
    "winsorise": Winsorise,
    "source": Source,
    "over": Read,
    "thresholds": Thresholds,
    "goalposts": Goalposts,
    "minmax": MinMax,
    "zscore": ZScore,
    "rank": Rank,
    "percentile": Rank,
    "reference": Reference,
}
"""The tables that people write, by name; levels, indicators and bands by their kind."""


def _known(location: tuple[int | str, ...]) -> str:
    """The keys that are right where an unknown one stands."""
    if len(location) == 1:
        return ", ".join(Document.model_fields)
    many = len(location) == 3 and location[0] in ("level", "indicator", "band")
    named = location[0] if many else location[-2]
    return ", ".join(_TABLES[named].model_fields)
