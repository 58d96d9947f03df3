"""Completeness over HTTP: what became of the reports of any node or place, in any range of time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response

from muster_collector.api import nodes, times
from muster_collector.api.params import (
    DurationText,
    Format,
    LevelName,
    Offset,
    PageLimit,
    TimeText,
    check_size,
    duration,
    page_of,
    table,
    time_range,
    time_zone,
)
from muster_collector.api.services import Given, Services
from muster_collector.ledger import slots
from muster_collector.ledger.periods import COUNTS, Period, total
from muster_collector.ledger.states import STATES
from muster_collector.scoring.steps import Step, begin_of
from muster_collector.scoring.units import Level, make_units
from muster_collector.store import base

router = APIRouter(prefix="/api/v1", tags=["nodes"])
HOURLY = "completeness_hourly"
DAY = 86_400_000
FORGOTTEN = "forgotten"
"""The state of a node that is of the fleet no more, where a range of the past has it."""
ABOUT = ("level", "id", "site")
ONE = ("account", "online", "state", "last_report", "silent_s", "silent_since")
MANY = ("nodes", *(f"nodes_{state}" for state in STATES), "planned", "never_seen")

Row = dict[str, Any]
Span = tuple[int, int]


@router.get("/completeness")
async def completeness(
    *,
    given: Given,
    level: LevelName = "node",
    id: Annotated[list[str] | None, Query(max_length=200, description="may be repeated")] = None,  # noqa: A002 - the parameter's public name
    site: str | None = None,
    node: str | None = None,
    from_: Annotated[TimeText, Query(alias="from")] = None,
    to: TimeText = None,
    step: DurationText = None,
    zone: Annotated[str | None, Query(max_length=64)] = None,
    limit: PageLimit = None,
    offset: Offset = 0,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """What became of every report of each node, site, district, region or of the fleet.

    Without times since each node's first report. With `from`, `to` or `step` of the reports that
    were sampled then; the range is widened to whole five minutes, and to whole hours where it
    begins more than three days ago: `from` and `to` of the answer say to what. Steps of days are
    local days of the estate's time zone, or of `zone`. State, silence and plan are of now.
    `account` says what a node's rests on: `sequence` counts reports, which our agent numbers;
    `interval` counts the intervals of another agent in which anything came, and knows only gaps.
    """
    span = time_range(from_, to, given.now()) if from_ or to or step else None
    fleet = _Then(given, span)
    units = make_units(given.scorer.estate, fleet, given.now() + 1)
    chosen = {
        info.node: info
        for info in sorted(fleet.nodes(), key=lambda info: info.node)
        if site in (None, info.site) and node in (None, info.node)
    }
    if not chosen:
        _known(units, fleet, site=site, node=node)
    groups = _groups(units[level], units["node"], chosen, id, whole=site is None and node is None)
    answer: Row = {}
    timed: list[tuple[Row, Mapping[str, Period]]]
    if span is not None:
        if given.accounts is not None and given.accounts.others is not None:
            await given.accounts.others.look(given.now())
        spans = _spans(given, span, duration("step", step) if step else None, zone)
        check_size(len(groups) * len(spans), 0, 0, 1)
        answer = {"from": times.iso(spans[0][0]), "to": times.iso(spans[-1][1])}
        found = await _periods(given, spans, node, set(chosen))
        timed = [
            ({"time": times.iso(start)} if step else {}, {n: found[n][at] for n in found})
            for at, (start, _) in enumerate(spans)
        ]
    else:
        timed = [({}, await asyncio.to_thread(_so_far, chosen))]
    rows, sums = await asyncio.to_thread(_rows, given, units[level], chosen, groups, timed)
    columns = (*(("time",) if step else ()), *ABOUT, *(ONE if level == "node" else MANY))
    columns = (*columns, *COUNTS, "unreadable", "complete")
    page = rows[page_of(offset, limit, format)]
    return await table(page, columns, format, total=len(rows), offset=offset, **answer, sum=sums)


def _rows(
    given: Services,
    level: Level,
    chosen: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    timed: Sequence[tuple[Row, Mapping[str, Period]]],
) -> tuple[list[Row], Row]:
    """A row for each step and unit, and the sum of all."""
    about = {unit: _about(given, level, unit, chosen, group) for unit, group in groups.items()}
    rows: list[Row] = []
    everything = Period()
    for when, periods in timed:
        for unit, members in groups.items():
            whole = total(periods[name] for name in members if name in periods)
            everything.add(whole)
            rows.append(when | about[unit] | _counts(whole, chosen, members))
    return rows, _counts(everything, chosen, [n for group in groups.values() for n in group])


def _known(units: Mapping[str, Level], fleet: _Then, *, site: str | None, node: str | None) -> None:
    """Nothing is the answer of a place without nodes, but not of a name that nobody has."""
    nodes_ = fleet.nodes()
    for level, name, known in (
        ("site", site, {info.site for info in nodes_}),
        ("node", node, {info.node for info in nodes_}),
    ):
        if name is not None and name not in known and name not in units[level].index:
            raise HTTPException(404, f"no {level} with the id {name[:80]!r}")


class _Then:
    """The fleet as a range of time has it: with those that were forgotten after its beginning."""

    def __init__(self, given: Services, span: Span | None) -> None:
        self._nodes = list(given.fleet.nodes())
        if span is not None and given.accounts is not None:
            self._nodes += given.accounts.past(span[0])

    def nodes(self) -> Sequence[Any]:
        """All of them."""
        return self._nodes


def _groups(
    level: Level,
    every: Level,
    chosen: Mapping[str, Any],
    wanted: Sequence[str] | None,
    *,
    whole: bool,
) -> dict[str, list[str]]:
    """Each unit with its chosen nodes; empty places too where nothing narrows the choice."""
    for unit in wanted or ():
        if unit not in level.index:
            raise HTTPException(404, f"no {level.name} with the id {unit[:80]!r}")
    groups: dict[str, list[str]] = {unit: [] for unit in level.ids} if whole else {}
    own = "id" if level.name == "node" else level.name
    for name, tags in zip(every.ids, every.tags, strict=True):
        if name in chosen:
            groups.setdefault(dict(tags).get(own, level.name), []).append(name)
    if level.name == "node":
        # One that was heard of only now belongs to no level yet.
        groups = {name: [name] for name in chosen}
    return {unit: group for unit, group in groups.items() if wanted is None or unit in wanted}


def _about(
    given: Services, level: Level, unit: str, chosen: Mapping[str, Any], members: Sequence[str]
) -> Row:
    """Who it is, and how it is with it now."""
    if level.name == "node":
        info = chosen[unit]
        row = nodes.about_node(given, info)
        if _is_forgotten(info):
            row["state"] = FORGOTTEN
        last = info.last_arrival if row["state"] == "silent" else None
        made: Row = {"level": "node", "id": unit, "node": unit, "site": info.site}
        made |= {name: row[name] for name in ONE[:-1]}
        return made | {"silent_since": times.iso(last) if last else None}
    tags = dict(level.tags[level.index[unit]])
    members = [name for name in members if not _is_forgotten(chosen[name])]
    states = Counter(given.state(chosen[name]) for name in members)
    planned = int(level.planned[level.index[unit]])
    made = tags | {"nodes": len(members), "planned": planned}
    made |= {f"nodes_{state}": states[state] for state in STATES}
    return made | {"never_seen": max(0, planned - len(members))}


def _is_forgotten(info: Any) -> bool:
    return getattr(info, "forgotten", None) is not None


def _counts(period: Period, chosen: Mapping[str, Any], members: Sequence[str]) -> Row:
    made: Row = {name: getattr(period, name) for name in COUNTS}
    made["unreadable"] = sum(int(getattr(chosen[name], "unreadable", 0)) for name in members)
    made["complete"] = round(period.stored / period.expected, 6) if period.expected else None
    return made | {"reasons": dict(sorted(period.reasons.items()))}


def _so_far(chosen: Mapping[str, Any]) -> dict[str, Period]:
    """Counts of each node since its first report: of what was made, whatever the interval is."""
    found = {}
    for name, info in chosen.items():
        totals = nodes.plain(info.totals)
        counts = {key: int(totals.get(key, 0)) for key in COUNTS}
        period = Period(**counts, reasons=Counter(totals.get("reasons", {})))
        period.expected = period.stored + period.refused + period.lost + period.missing
        found[name] = period
    return found


def _spans(given: Services, span: Span, step: int | None, zone: str | None) -> list[Span]:
    """The range as rows of the ledger can answer it, cut into steps."""
    now = given.now()
    first, last = slots.widen(*span, now)
    others = given.accounts.others if given.accounts else None
    hours = given.accounts is None or (others is not None and first < others.coarse_until)
    if hours:
        first, last = first // slots.HOUR * slots.HOUR, -(-last // slots.HOUR) * slots.HOUR
    if step is None:
        return [(first, last)]
    coarse = hours or first < slots.fine_since(now)
    least = slots.HOUR if coarse else slots.SLOT
    if step % least:
        text = "1h, from three days ago on 5m" if coarse else "5m"
        raise HTTPException(400, f"step={step / 1000:g}s: use a multiple of {text}")
    check_size(1, first, last, step)
    begin = begin_of(Step(step), time_zone(zone or given.scorer.estate.timezone))
    return list(_steps(first, last, step, begin, least))


def _steps(
    first: int, last: int, step: int, begin: Callable[[int], int], least: int
) -> Iterator[Span]:
    start = first
    while start < last:
        # From a day's beginning a day and a half on is in the next day, also when clocks change.
        following = begin(begin(start) + step + min(step, DAY) // 2) // least * least
        end = min(last, following if following > start else start + step)
        yield start, end
        start = end


async def _periods(
    given: Services, spans: Sequence[Span], node: str | None, chosen: set[str]
) -> dict[str, list[Period]]:
    """The account of every chosen node in each span."""
    accounts = given.accounts
    if accounts is None:
        return await _stored(given, spans, chosen)
    others = await accounts.others.sums(spans) if accounts.others else []
    try:
        return await asyncio.to_thread(
            lambda: {
                name: periods
                for name, periods in accounts.periods(spans, given.now(), node, others)
                if name in chosen
            }
        )
    except sqlite3.Error as error:
        raise HTTPException(503, f"the ledger does not answer: {error}") from error


async def _stored(
    given: Services, spans: Sequence[Span], chosen: set[str]
) -> dict[str, list[Period]]:
    """The same from the store, which another process keeps up to date within minutes."""
    found = {name: [Period() for _ in spans] for name in chosen}
    reads = tuple(base.Read(name, "sum") for name in COUNTS)
    for at, (start, end) in enumerate(spans):
        query = base.Query(HOURLY, reads, start + 1, end + 1, ("host",))
        rows = await given.store.select(query)
        for row, name in enumerate(rows.columns.get("host", [])):
            if name in found:
                for count in COUNTS:
                    value = rows.columns[f"{count}_sum"][row]
                    setattr(found[name][at], count, int(value or 0))
    return found
