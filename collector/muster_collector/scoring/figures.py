"""Figures from outside (a yearbook, a survey): a CSV of them checked whole, their points, and back.

A figure lies at the beginning (UTC) of the last day that it stands for, so a year's at 31 December.
Its series is the indicator and the source; a figure imported again for the same day replaces the
former one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from muster_collector.errors import ConfigError, StoreError
from muster_collector.readiness import table
from muster_collector.store.base import Point, Query, Read, Store
from muster_wire.topics import NAME

MEASUREMENT = "imported"
MOST = 100_000
"""Figures that one file may have."""
TEXTS = ("indicator", "unit", "source")
LONGEST = 200
BATCH = 5_000
DAY = 86_400_000
END = 253_402_300_800_000
"""The year 10000, in ms."""


class Figure(NamedTuple):
    """One value of an indicator, in its unit, for the time that ends with `day`."""

    indicator: str
    source: str
    day: dt.date
    value: float
    unit: str


def parse(data: bytes, origin: str, *, today: dt.date | None = None) -> list[Figure]:
    """All figures of a CSV with the columns year or date, indicator, value, unit and source.

    Comma, semicolon, tab or bar between them, UTF-8 or UTF-16. `ConfigError` names row and column
    of the first thing wrong, a figure for a time that was not over on `today` among them.
    """
    rows = table.rows(table.decoded(data, origin), origin)
    _, header = next(rows, (0, []))
    when = _check_header(header, origin)
    seen: dict[tuple[str, str, dt.date], int] = {}
    units: dict[tuple[str, str], tuple[str, int]] = {}
    figures = []
    for row, cells in rows:
        where = f"{origin}: row {row}"
        if len(cells) != len(header):
            raise ConfigError(f"{where} has {len(cells)} cells, row 1 {len(header)}")
        figure = _figure(dict(zip(header, cells, strict=True)), when, where)
        if today is not None and figure.day > today:
            raise ConfigError(
                f"{where}, column {when}: {figure.day} has not been yet: leave it out"
            )
        _check_new(figure, seen, units, row, where)
        figures.append(figure)
        if len(figures) > MOST:
            raise ConfigError(f"{origin}: more than {MOST} rows: import it in parts")
    if not figures:
        raise ConfigError(f"{origin}: has a header and no rows: give one row a figure")
    return figures


def _check_header(header: Sequence[str], origin: str) -> str:
    """The name of the column that says when."""
    when = [name for name in ("year", "date") if name in header]
    lacking = [name for name in (*TEXTS, "value") if name not in header]
    if lacking or len(when) != 1:
        needed = ", ".join(lacking) or "one of year and date"
        raise ConfigError(
            f"{origin}: row 1: {needed} {'are' if len(lacking) > 1 else 'is'} needed; the columns"
            " are year or date, indicator, value, unit, source, separated by commas"
        )
    for name in header:
        if name not in (*TEXTS, "value", *when):
            raise ConfigError(f"{origin}: row 1: unknown column {name[:80]!r}")
        if header.count(name) > 1:
            raise ConfigError(f"{origin}: row 1: column {name} is there twice")
    return when[0]


def _figure(cells: Mapping[str, str], when: str, where: str) -> Figure:
    for name in TEXTS:
        if not 0 < len(cells[name]) <= LONGEST or not cells[name].isprintable():
            raise ConfigError(
                f"{where}, column {name} = {cells[name][:40]!r}: write 1 to {LONGEST} characters"
            )
    if not NAME.fullmatch(cells["indicator"]):
        raise ConfigError(
            f"{where}, column indicator = {cells['indicator'][:80]!r}: use an id of a-z 0-9 . _ -"
        )
    day = _day(cells[when], when, where)
    value = table.number(cells["value"], f"{where}, column value")
    return Figure(cells["indicator"], cells["source"], day, value, cells["unit"])


def _day(text: str, when: str, where: str) -> dt.date:
    try:
        # Whatever is no year of four digits makes no date either.
        day = dt.date.fromisoformat(f"{text}-12-31" if when == "year" else text)
    except ValueError as error:
        right = "2022" if when == "year" else "2022-12-31"
        raise ConfigError(f"{where}, column {when} = {text[:40]!r}: write it as {right}") from error
    if day.year < 1970:
        raise ConfigError(f"{where}, column {when} = {text}: use 1970 or later")
    return day


def _check_new(
    figure: Figure,
    seen: dict[tuple[str, str, dt.date], int],
    units: dict[tuple[str, str], tuple[str, int]],
    row: int,
    where: str,
) -> None:
    """One value a day and one unit a series."""
    first = seen.setdefault((figure.indicator, figure.source, figure.day), row)
    if first != row:
        raise ConfigError(
            f"{where}: {figure.indicator} of {figure.day} from {figure.source} stands in row"
            f" {first} already"
        )
    unit, since = units.setdefault((figure.indicator, figure.source), (figure.unit, row))
    if unit != figure.unit:
        raise ConfigError(
            f"{where}, column unit = {figure.unit!r}: row {since} gives {figure.indicator} in"
            f" {unit!r}: use one unit"
        )


async def write(store: Store, figures: Sequence[Figure]) -> None:
    """Store figures; `StoreError` when the store takes not all of them."""
    points = [
        Point(
            MEASUREMENT,
            (("indicator", figure.indicator), ("source", figure.source)),
            {"value": figure.value, "unit": figure.unit},
            (figure.day - dt.date(1970, 1, 1)).days * DAY,
        )
        for figure in figures
    ]
    for begin in range(0, len(points), BATCH):
        if refused := await store.write(points[begin : begin + BATCH]):
            row = figures[begin + refused[0].position]
            raise StoreError(f"{row.indicator} of {row.day} was refused: {refused[0].reason}")


async def read(store: Store, indicators: Iterable[str] | None = None) -> list[Figure]:
    """Stored figures in the order of indicator, source and day."""
    wanted = None if indicators is None else sorted(set(indicators))
    if wanted == []:
        return []
    found = await store.select(
        Query(
            MEASUREMENT,
            (Read("value", "raw"), Read("unit", "raw")),
            0,
            END,
            group=("indicator", "source"),
            where={} if wanted is None else {"indicator": wanted},
        )
    )
    if not len(found):
        return []
    names = ("indicator", "source", "time", "value", "unit")
    rows = zip(*(found.columns[name] for name in names), strict=True)
    epoch = dt.date(1970, 1, 1)
    return sorted(
        Figure(name, source, epoch + dt.timedelta(days=time // DAY), float(value), unit or "")
        for name, source, time, value, unit in rows
        if value is not None
    )


def newest(
    figures: Iterable[Figure], indicator: str, unit: str, source: str | None
) -> Figure | None:
    """The latest figure in that unit; of several sources on one day the first by name."""
    found = [
        figure
        for figure in figures
        if (figure.indicator, figure.unit) == (indicator, unit) and source in (None, figure.source)
    ]
    return max(sorted(found), key=lambda figure: figure.day, default=None)
