"""Any stored field over time, bounded, for plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, get_args

from fastapi import APIRouter, HTTPException, Query, Response

from muster_collector.api import times
from muster_collector.api.params import (
    MOST_ROWS,
    DurationText,
    Format,
    TimeText,
    duration,
    table,
    time_range,
)
from muster_collector.api.services import Given
from muster_collector.store import base

router = APIRouter(prefix="/api/v1", tags=["series"])
MOST_BUCKETS = 5_000
"""Buckets that a series may have: more than any plot has pixels."""
Name = Annotated[str, Query(min_length=1, max_length=200)]


@router.get("/series")
async def series(
    *,
    given: Given,
    measurement: Name,
    field: Name,
    statistic: str = "mean",
    node: Annotated[str | None, Query(max_length=200)] = None,
    where: Annotated[
        list[str] | None, Query(max_length=20, description="tag=value, may be repeated")
    ] = None,
    by: Annotated[
        list[str] | None, Query(max_length=5, description="tags that tell series apart")
    ] = None,
    from_: Annotated[TimeText, Query(alias="from")] = None,
    to: TimeText = None,
    every: DurationText = None,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """Buckets of one field: time (the bucket's start), the tags of `by`, value."""
    first, last = time_range(from_, to, given.now())
    step = duration("every", every) if every else max(1000, math.ceil((last - first) / 500))
    if (last - first) / step > MOST_BUCKETS:
        raise HTTPException(
            400, f"every={every}: more than {MOST_BUCKETS} buckets, use a longer one"
        )
    query = base.Query(
        measurement=measurement,
        reads=(base.Read(field, _statistic(statistic)),),
        start=first,
        end=last,
        group=tuple(by or ()),
        where=_where(where, node),
        every=step,
    )
    found = await given.store.select(query)
    if len(found) > MOST_ROWS:
        raise HTTPException(400, f"{len(found)} rows: at most {MOST_ROWS}, narrow it with where=")
    names = {**{tag: tag for tag in query.group}, "time": "time", f"{field}_{statistic}": "value"}
    columns = {new: found.columns.get(old, []) for old, new in names.items()}
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    for row in rows:
        row["time"] = times.iso(row["time"])
    return await table(rows, ["time", *query.group, "value"], format, every=step / 1000)


def _statistic(text: str) -> Any:
    known = [name for name in get_args(base.Statistic) if name != "raw"]
    if text not in known:
        raise HTTPException(400, f"statistic={text[:80]!r}: use {', '.join(known)}")
    return text


def _where(pairs: Sequence[str] | None, node: str | None) -> dict[str, list[str]]:
    where: dict[str, list[str]] = {"host": [node]} if node is not None else {}
    for pair in pairs or ():
        tag, equals, value = pair.partition("=")
        if not (tag and equals):
            raise HTTPException(400, f"where={pair[:80]!r}: write tag=value")
        where.setdefault(tag, []).append(value)
    return where
