"""Steps of time (windows, hours, local days, weeks, months) and rows of scores gathered into them.

Points of scores lie at the END of their window or period, so a step takes `start < t <= end`. Weeks
begin on Monday; runs of several days, weeks or months are counted from the first day of the
calendar, for ever the same.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from muster_collector import durations

HOUR, DAY = 3_600_000, 86_400_000
WEEK = 7 * DAY
MONTHS = re.compile(r"([1-9][0-9]{0,2})mo")
MEANS = ("score", "low", "high", "coverage")
COUNTS = ("scored", "planned")

Row = dict[str, Any]
Begin = Callable[[int], int]
"""From a time to the start of the step that it lies in, both in ms."""


class Step(NamedTuple):
    """So many milliseconds, or so many calendar months where `months` is above 0."""

    milliseconds: int
    months: int = 0

    @property
    def is_of_days(self) -> bool:
        """Whether it consists of whole local days."""
        return bool(self.months) or self.milliseconds % DAY == 0

    @property
    def kind(self) -> str:
        """The longest stored period that it consists of; "" for less than hours."""
        if self.months:
            return "monthly"
        for kind, length in (("weekly", WEEK), ("daily", DAY), ("hourly", HOUR)):
            if self.milliseconds % length == 0:
                return kind
        return ""

    @property
    def is_one(self) -> bool:
        """Whether it is a single stored period."""
        lengths = {"hourly": HOUR, "daily": DAY, "weekly": WEEK}
        return self.months == 1 or lengths.get(self.kind) == self.milliseconds


def parse(text: str) -> Step:
    """A step as people write it: 5m, 1h, 1d, 1w, 1mo; `ValueError` says what is right."""
    if found := MONTHS.fullmatch(text):
        return Step(0, int(found[1]))
    try:
        milliseconds = round(durations.parse(text) * 1000)
    except ValueError:
        milliseconds = 0
    if milliseconds < 1:
        raise ValueError(f"{text!r} is not a step: write 5m, 1h, 1d, 1w or 1mo")
    return Step(milliseconds)


def begin_of(step: Step, zone: dt.tzinfo) -> Begin:
    """What finds the start of a step; days, weeks and months are those of a zone."""
    if not step.is_of_days:
        return lambda time: time // step.milliseconds * step.milliseconds
    days = step.milliseconds // DAY

    def first_day(time: int) -> int:
        day = dt.datetime.fromtimestamp(time / 1000, zone).date()
        if step.months:
            month = (day.year * 12 + day.month - 1) // step.months * step.months
            return midnight(dt.date(month // 12, month % 12 + 1, 1), zone)
        # Ordinal 1, the first day of the calendar, is a Monday.
        return midnight(day - dt.timedelta(days=(day.toordinal() - 1) % days), zone)

    return first_day


def midnight(day: dt.date, zone: dt.tzinfo) -> int:
    """The beginning of a local day, in ms."""
    return round(dt.datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def gathered(rows: Iterable[Row], begin: Begin, tags: Sequence[str]) -> Iterator[Row]:
    """Windows and periods gathered into steps, told apart by their tags; `time` is the start.

    A row's `time` is its end, `windows` how many windows in it had a score and `expected` how many
    it has. A score is weighed by the first, what every window has by the second; counts of members
    are those of the last row, `least` and `most` those of all.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    # Thousands of units share a time, and a calendar is slow to ask.
    start_of = cache(begin)
    for row in rows:
        key = (start_of(row["time"] - 1), *[row.get(tag, "") for tag in tags])
        groups.setdefault(key, []).append(row)
    for (start, *_), members in groups.items():
        yield _one(start, members, tags)


def _one(start: int, members: list[Row], tags: Sequence[str]) -> Row:
    if len(members) == 1:
        return {**members[0], "time": start, "windows": members[0]["windows"] or 0}
    newest = max(members, key=lambda row: int(row["time"]))
    step = {tag: newest[tag] for tag in tags if tag in newest} | {"time": start}
    for name in MEANS:
        step[name] = _mean(members, name, "windows" if name == "score" else "expected")
    step |= {name: newest.get(name) for name in COUNTS}
    for name, choose in (("least", min), ("most", max)):
        known = [row[name] for row in members if row.get(name) is not None]
        step |= {name: choose(known)} if known else {}
    step["expected"] = sum(row["expected"] or 0 for row in members)
    return step | {"windows": sum(row["windows"] or 0 for row in members)}


def _mean(rows: Sequence[Mapping[str, Any]], field: str, weight: str) -> float | None:
    total = whole = 0.0
    for row in rows:
        if (value := row.get(field)) is not None and (share := row[weight] or 0):
            total += value * share
            whole += share
    return total / whole if whole else None
