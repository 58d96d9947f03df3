"""Local days and months of an estate's time zone, whatever their length."""

from __future__ import annotations

import calendar
import datetime as dt
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass

from muster_collector.errors import ConfigError

ONE = dt.timedelta(days=1)
MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Span:
    """The local days from `first` to `last`, both included."""

    first: dt.date
    last: dt.date
    zone: zoneinfo.ZoneInfo

    @property
    def start(self) -> int:
        """Its beginning in ms."""
        return midnight(self.first, self.zone)

    @property
    def end(self) -> int:
        """Its end in ms."""
        return midnight(self.last + ONE, self.zone)

    def __len__(self) -> int:
        """The number of days."""
        return (self.last - self.first).days + 1

    def days(self) -> Iterator[dt.date]:
        """Every day."""
        return (self.first + n * ONE for n in range(len(self)))

    def parts(self, days: int) -> Iterator[Span]:
        """The same days in spans of at most so many."""
        for n in range(0, len(self), days):
            first = self.first + n * ONE
            yield Span(first, min(self.last, first + (days - 1) * ONE), self.zone)


def midnight(day: dt.date, zone: dt.tzinfo) -> int:
    """The beginning of a local day in ms."""
    return round(dt.datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def day_ending_at(end: int, zone: dt.tzinfo) -> dt.date:
    """The local day that ends then, or that this time (ms) lies in."""
    return dt.datetime.fromtimestamp((end - 1) / 1000, zone).date()


def last_whole_day(newest: int, zone: dt.tzinfo) -> dt.date:
    """The newest local day that is over when the newest window ends at `newest` (ms)."""
    return dt.datetime.fromtimestamp(newest / 1000, zone).date() - ONE


def parse_day(option: str, text: str) -> dt.date:
    """A day; `ConfigError` names the option."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{option} {text}: write a day as 2026-03-01") from error


def parse_month(text: str, zone: zoneinfo.ZoneInfo) -> Span:
    """All days of a month written as 2026-11."""
    found = MONTH.fullmatch(text)
    if not found or not 1970 <= int(found[1]) < 9999:
        raise ConfigError(f"--month {text}: write a month as 2026-11")
    year, month = int(found[1]), int(found[2])
    days = calendar.monthrange(year, month)[1]
    return Span(dt.date(year, month, 1), dt.date(year, month, days), zone)


def month_before(span: Span) -> Span:
    """All days of the month before the one that a span begins in."""
    last = span.first.replace(day=1) - ONE
    return Span(last.replace(day=1), last, span.zone)
