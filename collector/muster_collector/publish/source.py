"""Reads whole days from a running collector; nothing here depends on when it is asked.

Everything comes from what the store keeps for days that are over, never from "now": the same store
and the same days give the same rows. Rows are dictionaries whose `day` is a local day.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from muster_collector.publish.calendar import Span, day_ending_at, last_whole_day

Row = dict[str, Any]
Ask = Callable[..., Any]
"""`ask(path, **query)`: the JSON answer to a GET below `/api/v1/`."""

QUARTER = "15m"
"""Buckets in which days are found again: every zone's midnight lies on a quarter of an hour."""
MOST_DAYS = 50
MOST_ROWS = 50_000
"""What one question may ask for: half of what the API refuses, for units that are gone now."""
LEVELS = ("fleet", "region", "district", "site", "node")
DAILY = {
    **dict.fromkeys(("score", "low", "high", "coverage", "least", "most"), "mean"),
    **dict.fromkeys(("scored", "planned", "windows", "expected"), "last"),
}
PILLARS = {
    **dict.fromkeys(("score", "low", "high", "coverage"), "mean"),
    **dict.fromkeys(("windows", "expected"), "last"),
}
COUNTS = (
    "expected", "stored", "duplicate", "refused", "late", "lost", "missing", "down", "silent",
)  # fmt: skip
HOURLY = "completeness_hourly"


@dataclass(frozen=True)
class Source:
    """A collector, asked through its API."""

    ask: Ask

    @cached_property
    def estate(self) -> Row:
        """The estate in force."""
        found: Row = self.ask("estate")
        return found

    @cached_property
    def card(self) -> Row:
        """The scorecard in force."""
        found: Row = self.ask("scorecard")
        return found

    @cached_property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The estate's time zone."""
        return zoneinfo.ZoneInfo(self.estate["timezone"])

    @cached_property
    def last_day(self) -> dt.date:
        """The newest local day that is over."""
        newest = self.ask("readiness", level="fleet")["rows"][0]["time"]
        return last_whole_day(_milliseconds(newest), self.zone)

    def grade(self, row: Mapping[str, Any]) -> str:
        """The grade of a score that the scorecard in force has made, else nothing."""
        if row.get("score") is None or row["method"] != self.card["method"]:
            return ""
        bands = sorted(self.card["bands"], key=lambda band: -float(band["at_least"]))
        return next((b["grade"] for b in bands if row["score"] >= b["at_least"]), "")

    def scores(self, level: str, span: Span, **only: str) -> list[Row]:
        """Days of every unit of a level: means, extremes and counts of its windows."""
        by = ("id", "site", "district", "region", "method")
        rows = self._daily("readiness_daily", DAILY, span, by, {"level": level, **only})
        return [{**row, "level": level, "grade": self.grade(row)} for row in rows]

    def pillars(self, level: str, span: Span, **only: str) -> list[Row]:
        """Days of every pillar of every unit of a level."""
        by = ("id", "pillar", "method")
        rows = self._daily("readiness_pillar_daily", PILLARS, span, by, {"level": level, **only})
        return [{**row, "level": level} for row in rows]

    def _daily(
        self,
        measurement: str,
        fields: Mapping[str, str],
        span: Span,
        by: Sequence[str],
        where: Mapping[str, str],
    ) -> list[Row]:
        """Fields of stored days, gathered to one row for each series and day."""
        rows: dict[tuple[Any, ...], Row] = {}
        about: dict[str, Any] = {"by": by, "where": where}
        for part in span.parts(self._days(where, by)):
            # A day's point lies at its end.
            inside = (part.start + 1, part.end + 1)
            for field, statistic in fields.items():
                for found in self._series(measurement, field, statistic, inside, **about):
                    key = (found["time"], *(found.get(tag, "") for tag in by))
                    row = rows.setdefault(key, dict(zip(by, key[1:], strict=True)))
                    row[field] = found["value"]
                    row["day"] = day_ending_at(_milliseconds(found["time"]), self.zone)
        return [rows[key] for key in sorted(rows)]

    def _days(self, where: Mapping[str, str], by: Sequence[str]) -> int:
        """How many days one question may be about."""
        if "id" in where:
            return MOST_DAYS
        units = self.ask("readiness", level=where["level"], limit=1)["total"]
        each = max(1, units) * (len(self.card["levels"]) + 1 if "pillar" in by else 1)
        return int(max(1, min(MOST_DAYS, MOST_ROWS // each)))

    def _series(
        self,
        measurement: str,
        field: str,
        statistic: str,
        span: tuple[int, int],
        *,
        by: Sequence[str],
        where: Mapping[str, str],
        every: str = QUARTER,
    ) -> list[Row]:
        """Buckets of one field that have a value, in `start <= time < end` (ms)."""
        answer = self.ask(
            "series",
            measurement=measurement,
            field=field,
            statistic=statistic,
            by=list(by),
            where=[f"{tag}={value}" for tag, value in where.items()],
            every=every,
            **{"from": _iso(span[0]), "to": _iso(span[1])},
        )
        return [row for row in answer["rows"] if row["value"] is not None]

    def completeness(self, span: Span) -> list[Row]:
        """What became of the reports of each site's nodes, by the day for which they were made.

        From the accounts by hour, which are brought up to date when reports come late and which no
        restart sets back; an hour counts to the day in which it ends.
        """
        sites: dict[tuple[dt.date, str], Row] = {}
        nodes: set[tuple[dt.date, str, str]] = set()
        units = max(1, self.ask("readiness", level="node", limit=1)["total"])
        # Hours of many days at once where that is not too much, else the sum of a day.
        days = MOST_ROWS // (24 * units)
        for part in span.parts(min(MOST_DAYS, days) or 1):
            for field in COUNTS:
                for day, host, site, count in self._hours(field, part, "1h" if days else "1d"):
                    row = sites.setdefault((day, site), {"day": day, "site": site, "nodes": 0})
                    row[field] = row.get(field, 0) + count
                    row["nodes"] += (day, host, site) not in nodes
                    nodes.add((day, host, site))
        return [dict.fromkeys(COUNTS, 0) | sites[key] for key in sorted(sites)]

    def _hours(self, field: str, span: Span, every: str) -> Iterator[tuple[dt.date, str, str, int]]:
        """A count of each node and site, summed over the hours that end in a day."""
        inside = (span.start + 1, span.end + 1)
        by = ("host", "site")
        for row in self._series(HOURLY, field, "sum", inside, by=by, where={}, every=every):
            hour = day_ending_at(_milliseconds(row["time"]), self.zone)
            day = hour if every == "1h" else span.first
            yield day, row["host"], row["site"], int(row["value"])


def _milliseconds(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


def _iso(time: int) -> str:
    return dt.datetime.fromtimestamp(time / 1000, dt.UTC).isoformat(timespec="milliseconds")


def mean(rows: Iterable[Mapping[str, Any]], field: str, weight: str = "") -> float | None:
    """The mean of a field over the rows that have it, weighted by another; None for none."""
    pairs = [
        (float(row[field]), float(row.get(weight) or 0) if weight else 1.0)
        for row in rows
        if row.get(field) is not None
    ]
    total = sum(each for _, each in pairs)
    return sum(value * each for value, each in pairs) / total if total else None
