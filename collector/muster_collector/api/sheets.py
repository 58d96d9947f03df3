"""Answers that are trees, laid out as rows of a table: for CSV, Parquet, XLSX, and the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Row = dict[str, Any]

EXPLAINED = (
    "part", "id", "title", "title_zh", "score", "low", "high", "coverage", "lost", "value", "unit",
    "why",
)  # fmt: skip
MOVED = ("part", "id", "title", "title_zh", "points")
COMPARED = ("part", "id", "title", "title_zh", "before", "after", "change")
BACKCAST = ("time", "date", "before", "after", "windows", "break")


def explained(answer: Mapping[str, Any]) -> Iterator[Row]:
    """The unit, its pillars with their indicators, its members: the costliest first."""
    yield {**answer, "part": answer["level"]}
    for pillar in _costliest(answer["pillars"]):
        yield _titled(pillar, "pillar")
        for indicator in _costliest(pillar["indicators"]):
            yield _titled(indicator, "indicator")
    for member in answer["members"]:
        yield {**member, "part": "member"}


def moved(answer: Mapping[str, Any]) -> list[Row]:
    """The score before, what moved it, and after; nothing where there is no split."""
    if answer["change"] is None:
        return []
    return [
        {"part": "before", "id": answer["from"], "points": answer["before"]},
        *(_titled(part, "indicator") for part in answer["indicators"] if part["points"]),
        {"part": "coverage", "id": "", "points": answer["coverage"]},
        {"part": "members", "id": "", "points": answer["members"]},
        {"part": "after", "id": answer["to"], "points": answer["after"]},
    ]


def compared(answer: Mapping[str, Any]) -> Iterator[Row]:
    """A unit and its pillars, as they are beside what they would be."""
    before, after = answer["before"], answer["after"]
    yield {"part": answer["level"], "id": answer["id"], **_sides(before, after)}
    for old, new in zip(before["pillars"], after["pillars"], strict=True):
        yield _titled(old, "pillar") | _sides(old, new)


def backcast(answer: Mapping[str, Any]) -> list[Row]:
    """Both series, each row with the breaks that lie in its step."""
    rows: list[Row] = [dict(row) for row in answer["rows"]]
    for one in answer["breaks"]:
        row = next((row for row in reversed(rows) if row["time"] < one["time"]), None)
        if row is not None:
            row["break"] = " ".join(filter(None, (row.get("break"), one["kind"])))
    return rows


def _titled(part: Mapping[str, Any], kind: str) -> Row:
    title = part["title"]
    return {**part, "part": kind, "title": title["en"], "title_zh": title["zh"]}


def _sides(before: Mapping[str, Any], after: Mapping[str, Any]) -> Row:
    scores = (before["score"], after["score"])
    change = None if None in scores else scores[1] - scores[0]
    return {"before": scores[0], "after": scores[1], "change": change}


def _costliest(parts: Sequence[Row]) -> list[Row]:
    """By points lost, those without a score last."""
    return sorted(parts, key=lambda part: (part["lost"] is None, -(part["lost"] or 0.0)))
