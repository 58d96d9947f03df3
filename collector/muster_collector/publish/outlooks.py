"""The estate's targets as they stood at the end of a day, judged by the collector's own model."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

from muster_collector.estate.model import Target
from muster_collector.publish.calendar import ONE, Span, midnight
from muster_collector.publish.source import Row, Source
from muster_collector.readiness.targets import Outlook
from muster_collector.scoring.figures import Figure
from muster_collector.scoring.outlooks import DAY, WHOLE, due_at, judged_days, judged_figures

HISTORY = 180
"""Days that a target is judged by."""
SHARE = 0.8
NUMBERS = ("gap", "pace_needed", "pace_seen", "probability")
ORDER = ("level", "id", "part", "due")
DATES = ("earliest", "likely", "latest")
LATEST = 2_932_897.0
"""The year 10000 in days."""


def judged(source: Source, span: Span) -> list[Row]:
    """A row for every target as of the end of `span`, in the order of level, unit and due date."""
    known = figures(source, span.last)
    targets = [Target.model_validate(target) for target in source.estate.get("targets", [])]
    rows = [
        _imported(target, known, span) if target.indicator else _live(source, target, span)
        for target in targets
    ]
    return sorted(rows, key=lambda row: tuple(str(row[k]) for k in ORDER))


def figures(source: Source, last: dt.date) -> list[Figure]:
    """The imported figures for times up to a day, in order."""
    rows = source.ask("figures")["rows"]
    found = (
        Figure(r["indicator"], r["source"], dt.date.fromisoformat(r["date"]), r["value"], r["unit"])
        for r in rows
    )
    return sorted(figure for figure in found if figure.day <= last)


def _live(source: Source, target: Target, span: Span) -> Row:
    due = due_at(target.due, span.zone.key)
    # A target whose day has passed is settled by the days up to it.
    last = min(span.last, target.due)
    past = Span(last - (HISTORY - 1) * ONE, last, span.zone)
    only = {"id": target.id, "method": source.card["method"]}
    if target.part == WHOLE:
        days = source.scores(target.level, past, **only)
    else:
        days = source.pillars(target.level, past, pillar=target.part, **only)
    scored = sorted((row["day"], row["score"]) for row in days if row.get("score") is not None)
    found = judged_days(
        target,
        [midnight(day + ONE, span.zone) / DAY for day, _ in scored],
        [score for _, score in scored],
        now=span.end,
        due=due,
        share=SHARE,
    )
    about = {"level": target.level, "id": target.id, "part": target.part, "unit": "points"}
    known = scored and found.status != "unknown"
    value = scored[-1][1] if known or (scored and due > span.end) else None
    return {**about, **_row(target, found, target.score, value), "days": len(scored)}


def _imported(target: Target, known: Sequence[Figure], span: Span) -> Row:
    found, used = judged_figures(target, known, now=span.end - 1, share=SHARE)
    about = {"level": "imported", "id": target.indicator, "part": "value", "unit": target.unit}
    last = used[-1] if used else None
    row = _row(target, found, target.value, last.value if last else None)
    row |= {"days": len(used), "as_of": last.day if last else None}
    return {**about, **row, "source": last.source if last else target.source}


def _row(target: Target, found: Outlook, goal: float | None, value: float | None) -> Row:
    row: dict[str, Any] = {
        "name": target.name,
        "name_zh": target.name_zh,
        "target": goal,
        "due": target.due,
        "status": found.status,
        "value": value,
        "source": target.source,
        "as_of": None,
    }
    row |= {name: _finite(getattr(found, name)) for name in NUMBERS}
    return row | {name: _date(getattr(found, name)) for name in DATES}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _date(days: float) -> dt.date | None:
    """A day; None for never, and for what lies beyond any calendar."""
    if not math.isfinite(days) or not 0 <= days < LATEST:
        return None
    return dt.date(1970, 1, 1) + dt.timedelta(days=math.floor(days))


def places(estate: Mapping[str, Any]) -> dict[tuple[str, str], Row]:
    """What the estate says of its places, by level and id."""
    found = {("fleet", "fleet"): _place("fleet", {**estate, "id": "fleet"})}
    for level in ("region", "district", "site"):
        for place in estate.get(f"{level}s", []):
            found[level, place["id"]] = _place(level, place)
    return found


def _place(level: str, place: Mapping[str, Any]) -> Row:
    names = ("id", "name", "name_zh", "district", "region", "sector", "lat", "lon")
    row = {name: place.get(name) for name in names}
    planned = place.get("planned")
    return {**row, "level": level, "planned": sum(planned.values()) if planned else None}
