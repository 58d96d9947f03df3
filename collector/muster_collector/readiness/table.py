"""Tables that people bring (CSV) as units x indicators; refusals name row and column."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from muster_collector.errors import ConfigError

from .scorecard import Scorecard

SEPARATORS = (",", ";", "\t", "|")
MISSING = frozenset({"", "-", "--", ".", "..", "...", "na", "n/a", "nan", "nil", "none", "null"})
"""What stands for "no data" in the tables of statistical offices, in lower case."""
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Table(NamedTuple):
    """A table under a card: `values` is units x `card.indicators`; `ignored` columns had no use."""

    units: tuple[str, ...]
    values: npt.NDArray[np.float64]
    ignored: tuple[str, ...]


def parse(
    data: bytes, origin: str, card: Scorecard, *, encoding: str = "", partial: bool = False
) -> Table:
    """Read a CSV: the first column names the units, the others are named after indicators.

    The separator (comma, semicolon, tab, bar) is the one of the first line. UTF-8, or UTF-16 with
    a byte order mark, unless `encoding` says otherwise. With `partial` indicators may have no
    column: they are missing for every unit. The units' own references (column ID:reference) stand
    behind the values. ConfigError names `origin`, row and column.
    """
    text = decoded(data, origin, encoding)
    lines = rows(text, origin)
    _, header = next(lines, (0, []))
    if not any(header):
        raise ConfigError(f"{origin}: is empty: the first row must name the columns")
    places = _places(header, origin, card, partial=partial)
    units: dict[str, int] = {}
    values: list[list[float]] = []
    for row, cells in lines:
        if len(cells) != len(header):
            raise ConfigError(f"{origin}: row {row} has {len(cells)} cells, row 1 {len(header)}")
        _add_unit(units, cells[0], row, origin)
        values.append([_number(cells, place, header, f"{origin}: row {row}") for place in places])
    if not units:
        raise ConfigError(f"{origin}: has a header and no rows: give one row a unit")
    ignored = [name for n, name in enumerate(header) if n and name and n not in places]
    return Table(tuple(units), np.array(values), tuple(ignored))


def decoded(data: bytes, origin: str, encoding: str = "") -> str:
    """The text of a file; UTF-8, or UTF-16 with a mark, unless `encoding` says otherwise."""
    wanted = encoding or ("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    try:
        text = data.decode(wanted)
    except LookupError as error:
        raise ConfigError(f"{origin}: encoding {wanted} is unknown: use one of Python's") from error
    except UnicodeError as error:
        place = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        shown = wanted.removesuffix("-sig").upper()
        raise ConfigError(
            f"{origin}: is not {shown}{place}: save it as UTF-8, or name its encoding (gb18030, …)"
        ) from error
    if "\0" in text:
        raise ConfigError(f"{origin}: has NUL characters: it is no CSV, or UTF-16 without mark")
    return text.removeprefix("\ufeff")


def rows(text: str, origin: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank with the number of the line they end on; cells stripped."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    bare = re.sub(r'"[^"]*"', "", first)
    separator = max(SEPARATORS, key=bare.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise ConfigError(f"{origin}: row {reader.line_num}: {error}") from error


def _places(header: Sequence[str], origin: str, card: Scorecard, *, partial: bool) -> list[int]:
    """For each indicator the position of its column, -1 where it may be and is missing."""
    for name in header:
        if name and header.count(name) > 1:
            raise ConfigError(f"{origin}: column {name} stands twice in row 1: keep one of them")
    columns = {name: place for place, name in enumerate(header) if place and name}
    names = [node.id for node in card.indicators]
    names += [f"{names[number]}:reference" for number in card.own]
    places = [columns.get(name, -1) for name in names]
    absent = [name for name, place in zip(names, places, strict=True) if place < 0]
    if len(absent) == len(places) or (absent and not partial):
        raise ConfigError(
            f"{origin}: no column for {', '.join(absent[:5])}{' …' * (len(absent) > 5)}; "
            f"row 1 has {', '.join(header[:10])}"
        )
    return places


def _add_unit(units: dict[str, int], name: str, row: int, origin: str) -> None:
    if not name:
        raise ConfigError(f"{origin}: row {row}: the first cell is empty: name the unit")
    if name in units:
        raise ConfigError(f"{origin}: row {row}: unit {name} stands in row {units[name]} already")
    units[name] = row


def _number(cells: Sequence[str], place: int, header: Sequence[str], where: str) -> float:
    cell = cells[place] if place >= 0 else ""
    if cell.lower() in MISSING:
        return math.nan
    return number(cell, f"{where}, column {header[place]}")


HINT = "leave the cell empty if it is missing"
HINTS = (
    (re.compile(r"^[=@]"), "write the value itself, not a formula"),
    (re.compile(r"[0-9][,\s'][0-9]"), "write a point for decimals and nothing between thousands"),
    (re.compile(r"^[-+0-9.]+\s*[^-+0-9.\s]+$"), "write the number alone, in the indicator's unit"),
)


def number(cell: str, where: str) -> float:
    """A plain decimal number; ConfigError names the place."""
    value = float(cell) if NUMBER.fullmatch(cell) else math.nan
    if math.isfinite(value):
        return value
    hint = next((hint for pattern, hint in HINTS if pattern.search(cell)), HINT)
    shown = cell if len(cell) <= 40 else cell[:39] + "…"
    raise ConfigError(f'{where}: "{shown}" is not a number: {hint}')
