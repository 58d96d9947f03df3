"""Query parameters that many answers share: a time range, a page of rows, a format."""

from __future__ import annotations

import asyncio
import datetime as dt
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import HTTPException, Query, Response
from pydantic_core import to_json

from muster_collector import durations
from muster_collector.api import times
from muster_collector.api.columns import Columns, as_rows
from muster_collector.api.formats import MEDIA_TYPES, to_file

LevelName = Literal["node", "site", "district", "region", "fleet"]
Format = Literal["json", "csv", "parquet", "xlsx"]
MOST_ROWS = 100_000
"""Rows that one answer may have."""
PAGE_ROWS = 10_000
"""Rows of an answer in JSON when nobody says how many."""
FILE_ROWS = 1_000_000
"""Rows that a file of stored periods may have."""

TimeText = Annotated[
    str | None, Query(max_length=64, description="ISO 8601 (UTC without offset) or `now-1h`")
]
DurationText = Annotated[str | None, Query(max_length=32, description="`5m`, `1h`, `1d`")]
EstateOf = Annotated[
    Literal["then", "now"], Query(description="the estate that held at the time, or today's")
]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS)]
PageLimit = Annotated[
    int | None,
    Query(ge=1, le=MOST_ROWS, description=f"{PAGE_ROWS} in JSON by default, a file has all rows"),
]
Offset = Annotated[int, Query(ge=0)]
Fields = Annotated[
    list[str] | None,
    Query(
        max_length=40,
        description="columns, as `score,low`, beside the id and the time, or for days the date",
    ),
]


def moment(name: str, text: str, now: int) -> int:
    """A time in ms; 400 names the parameter."""
    try:
        return times.parse(text, now)
    except ValueError as error:
        raise HTTPException(400, f"{name}={error}") from error


def time_range(start: str | None, end: str | None, now: int) -> tuple[int, int]:
    """`from` and `to` in ms, to now when open; 400 when nothing lies between them."""
    first = moment("from", start or "now-1h", now)
    last = moment("to", end or "now", now)
    if first >= last:
        raise HTTPException(400, f"from={start}: must be before to={end or 'now'}")
    return first, last


def duration(name: str, text: str) -> int:
    """A duration above 0 in ms; 400 names the parameter."""
    try:
        milliseconds = round(durations.parse(text) * 1000)
    except ValueError as error:
        raise HTTPException(400, f"{name}={error}") from error
    if milliseconds < 1:
        raise HTTPException(400, f"{name}={text!r}: use 1ms or more")
    return milliseconds


def time_zone(name: str) -> dt.tzinfo:
    """A time zone by its IANA name; 400 for another."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HTTPException(400, f"zone={name!r}: use an IANA name, as Asia/Shanghai") from error


def check_size(units: int, first: int, last: int, step: int) -> None:
    """400 for a range that would make more rows than one answer may have."""
    rows = units * ((last - first) // step + 1)
    if rows > MOST_ROWS:
        raise HTTPException(
            400,
            f"about {rows} rows: at most {MOST_ROWS}, ask for less time, fewer ids, a longer step",
        )


def page_of(offset: int, limit: int | None, form: Format) -> slice:
    """The rows to give; a file is whole unless a part of it is asked for."""
    if limit is None and form != "json":
        return slice(offset, None)
    return slice(offset, offset + (limit or PAGE_ROWS))


def columns_of(fields: Sequence[str] | None, known: Sequence[str]) -> frozenset[str] | None:
    """The columns that are wanted; None for all, 400 for one that there is not."""
    if fields is None:
        return None
    named = frozenset(name.strip() for text in fields for name in text.split(","))
    for name in sorted(named.difference(known)):
        raise HTTPException(400, f"fields={name[:80]!r}: use {', '.join(known)}")
    return named


def json_bytes(content: Any) -> bytes:
    """JSON without the cost of validating our own rows; what is not finite is null."""
    return to_json(content, inf_nan_mode="null")


def as_json(content: Any) -> Response:
    """An answer of it."""
    return Response(json_bytes(content), media_type="application/json")


async def sheet(
    answer: Mapping[str, Any],
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    form: Format,
) -> Response:
    """An answer that is a tree: as it is, or laid out as rows in a file to save."""
    if form == "json":
        return await asyncio.to_thread(as_json, answer)
    return await table(list(rows), columns, form)


async def table(
    rows: Columns | Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    form: Format,
    **about: Any,
) -> Response:
    """Rows as `{..., "rows": [...]}`, or as a file to save."""
    if form == "json":
        return await asyncio.to_thread(lambda: as_json({**about, "rows": as_rows(rows)}))
    content = await asyncio.to_thread(to_file, form, rows, columns)
    headers = {"Content-Disposition": f'attachment; filename="muster.{form}"'}
    return Response(content, media_type=MEDIA_TYPES[form], headers=headers)
