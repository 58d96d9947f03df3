"""The facts of a monthly report: means over the stored local days of a month, and what moved them.

A month's mean weighs each day by its scored windows. What has no stored day is absent, never zero.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muster_collector.errors import ConfigError
from muster_collector.publish import outlooks
from muster_collector.publish.calendar import ONE, Span, midnight, month_before, parse_month
from muster_collector.publish.source import COUNTS, Row, Source, mean

LISTED = 8
"""Sites that a list shows."""


@dataclass(frozen=True)
class Month:
    """Everything that the page shows; `units` by level hold means and their days."""

    source: Source
    whole: Span
    span: Span
    fleet: Row | None
    pillars: Sequence[Row]
    districts: Sequence[Row]
    sites: Sequence[Row]
    change: Mapping[str, Any]
    targets: Sequence[Row]
    completeness: Sequence[Row]
    places: Mapping[tuple[str, str], Row]

    @property
    def is_whole(self) -> bool:
        """The month is over."""
        return self.span == self.whole

    @property
    def worst(self) -> list[Row]:
        """The sites with the lowest means."""
        scored = [site for site in self.sites if site["score"] is not None]
        return sorted(scored, key=lambda site: (site["score"], site["id"]))[:LISTED]

    @property
    def improved(self) -> list[Row]:
        """The sites that gained most since the month before."""
        gained = [site for site in self.sites if (site["gain"] or 0.0) > 0]
        return sorted(gained, key=lambda site: (-site["gain"], site["id"]))[:LISTED]

    @property
    def unscored(self) -> list[str]:
        """Planned or known sites without any score in the month."""
        scored = {site["id"] for site in self.sites if site["score"] is not None}
        known = {unit for level, unit in self.places if level == "site"}
        return sorted((known | {site["id"] for site in self.sites}) - scored)


def read(source: Source, text: str) -> Month:
    """The month written as 2026-11, up to its last day that is over."""
    whole = parse_month(text, source.zone)
    if whole.first > source.last_day:
        raise ConfigError(f"--month {text}: none of its days is over: use a month up to now")
    span = Span(whole.first, min(whole.last, source.last_day), source.zone)
    fleet = _units(source, source.scores, "fleet", span)
    place = source.scores
    return Month(
        source=source,
        whole=whole,
        span=span,
        fleet=fleet[0] if fleet and fleet[0]["score"] is not None else None,
        pillars=_pillars(source, span),
        districts=_units(source, place, "district", span),
        sites=_units(source, place, "site", span),
        change=_change(source, span, fleet),
        targets=outlooks.judged(source, span),
        completeness=_completeness(source, span),
        places=outlooks.places(source.estate),
    )


def _units(
    source: Source, ask: Callable[..., list[Row]], level: str, span: Span, by: str = "id"
) -> list[Row]:
    """Means of every unit of a level, with the gain since the month before, by id."""
    # Another method's numbers are not comparable, so that only today's count.
    only = {"method": source.card["method"]}
    days = _grouped(ask(level, span, **only), by)
    before = _grouped(ask(level, month_before(span), **only), by)
    return [_unit(unit, days[unit], before.get(unit, ())) for unit in sorted(days)]


def _grouped(rows: Iterable[Row], by: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[by], []).append(row)
    return found


def _unit(unit: str, days: Sequence[Row], before: Sequence[Row]) -> Row:
    score, former = (mean(rows, "score", "windows") for rows in (days, before))
    gain = score - former if score is not None and former is not None else None
    scored = [row for row in days if row.get("score") is not None]
    # The interval stands beside the score: of the same days, weighed the same way.
    interval = {name: mean(scored, name, "windows") for name in ("low", "high")}
    return {
        "id": unit,
        "score": score,
        "former": former,
        "gain": gain,
        "coverage": mean(days, "coverage"),
        "days": {row["day"]: row for row in days},
        "scored_days": len(scored),
        "scored": days[-1].get("scored") if days else None,
        "planned": days[-1].get("planned") if days else None,
        **interval,
    }


def _pillars(source: Source, span: Span) -> list[Row]:
    """The fleet's pillars in the order of the scorecard."""
    found = {row["id"]: row for row in _units(source, source.pillars, "fleet", span, by="pillar")}
    tops = [level for level in source.card["levels"] if not level.get("parent")]
    nothing = _unit("", (), ())
    return [
        {**found.get(level["id"], nothing), "id": level["id"], "title": level["title"]}
        for level in tops
    ]


def _change(source: Source, span: Span, fleet: Sequence[Row]) -> Mapping[str, Any]:
    """What moved the fleet's score over the month, or between its first and last scored days."""
    whole = _moved(source, span.start, span.end)
    if whole["change"] is not None or not fleet:
        return whole
    scored = [day for day, row in fleet[0]["days"].items() if row.get("score") is not None]
    if len(scored) < 2:
        return whole
    ends = [midnight(day + ONE, span.zone) for day in (min(scored), max(scored))]
    return _moved(source, ends[0], ends[1])


def _moved(source: Source, first: int, last: int) -> Mapping[str, Any]:
    texts = [dt.datetime.fromtimestamp(t / 1000, dt.UTC).isoformat() for t in (first, last)]
    found: Mapping[str, Any] = source.ask("change", **{"from": texts[0], "to": texts[1]})
    return found


def _completeness(source: Source, span: Span) -> list[Row]:
    """The fleet's reports by day."""
    days: dict[dt.date, Row] = {}
    for row in source.completeness(span):
        day = days.setdefault(row["day"], {"day": row["day"], **dict.fromkeys(COUNTS, 0)})
        for name in COUNTS:
            day[name] += row[name]
    return [days[day] for day in sorted(days)]
