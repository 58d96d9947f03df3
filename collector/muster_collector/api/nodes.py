"""Nodes over HTTP: what is known of each, what it sent and lost, and its newest scores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response

from muster_collector.api import times, units
from muster_collector.api.params import Format, Offset, PageLimit, as_json, page_of, table
from muster_collector.api.services import Given, NodeInfo, Services
from muster_collector.errors import AliveError, MusterError, UnknownNodeError

router = APIRouter(prefix="/api/v1", tags=["nodes"])
TOTALS = ("stored", "duplicate", "refused", "late", "lost", "missing", "unreadable")
COLUMNS = (
    "node", "site", "online", "state", "simulated", "every", "first_seen", "last_report",
    "silent_s", "clock_offset_s", "clock_uncertainty_s", "agent", "account", "config", "config_id",
    "score", "grade", *TOTALS,
)  # fmt: skip


@router.get("/nodes")
async def nodes(
    *,
    given: Given,
    site: str | None = None,
    online: bool | None = None,
    simulated: bool | None = None,
    columns: Annotated[str | None, Query(description="comma-separated; all by default")] = None,
    limit: PageLimit = None,
    offset: Offset = 0,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """All known nodes, silent ones too, ordered by id; of each what is asked for."""
    wanted = {"site": site, "online": online, "simulated": simulated}
    names = _columns(columns) if columns is not None else None
    known = list(filtered(given, {k: v for k, v in wanted.items() if v is not None}))
    rows = await _rows(given, known[page_of(offset, limit, format)], names)
    return await table(rows, names or COLUMNS, format, total=len(known), offset=offset)


def _columns(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in COLUMNS]:
        raise HTTPException(400, f"columns={unknown[0][:80]!r}: use {', '.join(COLUMNS)}")
    return names


@router.get("/nodes/{node}")
async def node(given: Given, node: str) -> Response:
    """One node: inventory, totals, pillars and indicators with the points they cost."""
    known = next((info for info in given.fleet.nodes() if info.node == node), None)
    if known is None:
        raise HTTPException(404, f"no node with the id {node[:80]!r}")
    about = about_node(given, known) | {"epoch": known.epoch, "inventory": plain(known.inventory)}
    about["config_reason"] = known.config.reason if known.config else ""
    result = given.scorer.latest
    found = result.find("node", node) if result else None
    if result is not None and found is not None:
        level, row = found
        about |= {
            "time": times.iso(result.end),
            "method": result.card.method,
            **units.overall(result, level, row),
            "pillars": list(units.pillars(result, level, row)),
        }
    return as_json(about)


@router.delete("/nodes/{node}")
async def forget(given: Given, node: str, *, force: bool = False) -> Response:
    """Forget a node that will not be back: 409 for one that still reports, unless forced.

    Its past stays in the database and in the account of every range; a report makes it a node
    again.
    """
    if given.forgetting is None:
        raise HTTPException(503, "this process takes no reports: ask the one that does")
    try:
        return as_json(await given.forgetting.forget(node, force=force))
    except UnknownNodeError as error:
        raise HTTPException(404, str(error)) from error
    except AliveError as error:
        raise HTTPException(409, str(error)) from error
    except MusterError as error:
        raise HTTPException(503, str(error)) from error


def filtered(given: Services, wanted: Mapping[str, Any]) -> Iterable[NodeInfo]:
    """The nodes whose attributes have these values, ordered by id."""
    for info in sorted(given.fleet.nodes(), key=lambda info: info.node):
        if all(getattr(info, name) == value for name, value in wanted.items()):
            yield info


async def _rows(
    given: Services, known: Sequence[NodeInfo], names: Sequence[str] | None
) -> list[dict[str, Any]]:
    """Ten thousand whole rows take a third of a second, in which reports must still be taken."""

    def some(columns: Sequence[str]) -> list[dict[str, Any]]:
        parts = [part for part, of in PARTS.items() if set(of) & set(columns)]
        return [_some(given, info, parts, columns) for info in known]

    if names is not None:
        return await asyncio.to_thread(some, names)
    return await asyncio.to_thread(lambda: [about_node(given, info) for info in known])


Part = Callable[[Services, NodeInfo], dict[str, Any]]


def _some(
    given: Services, info: NodeInfo, parts: Sequence[Part], columns: Sequence[str]
) -> dict[str, Any]:
    """The wanted columns of a node; parts of which none is wanted are not made."""
    made: dict[str, Any] = {}
    for part in parts:
        made |= part(given, info)
    return {name: made[name] for name in columns}


def about_node(given: Services, info: NodeInfo) -> dict[str, Any]:
    """What is known of a node, its totals and its newest score."""
    made: dict[str, Any] = {}
    for part in PARTS:
        made |= part(given, info)
    return made


def _own(given: Services, info: NodeInfo) -> dict[str, Any]:
    return {
        "node": info.node,
        "site": info.site,
        "online": info.online,
        "state": given.state(info),
        "simulated": info.simulated,
        "every": info.every,
        "agent": info.agent,
        "account": "interval" if info.source else "sequence",
        "config": info.config.state if info.config else "",
        "config_id": info.config.id if info.config else "",
    }


def _seen(given: Services, info: NodeInfo) -> dict[str, Any]:
    last = info.last_report_ts or None
    return {
        "last_report": times.iso(last) if last is not None else None,
        "silent_s": round((given.now() - last) / 1000, 3) if last is not None else None,
    }


def _first(_: Services, info: NodeInfo) -> dict[str, Any]:
    return {"first_seen": times.iso(info.first_seen)}


def _score(given: Services, info: NodeInfo) -> dict[str, Any]:
    result = given.scorer.latest
    if result is None or (found := result.find("node", info.node)) is None:
        return {"score": None, "grade": ""}
    score = float(found[0].scores.value[found[1], 0])
    return {"score": units.number(score), "grade": result.card.grade(score)}


def _totals(_: Services, info: NodeInfo) -> dict[str, Any]:
    totals = plain(info.totals)
    made: dict[str, Any] = {name: int(totals.get(name, 0)) for name in TOTALS}
    return made | {"reasons": dict(totals.get("reasons", {}))}


def _clock(_: Services, info: NodeInfo) -> dict[str, Any]:
    """How far the node's clock is ahead of the collector's, and how sure that is, in seconds."""
    clock = getattr(info, "clock", None)
    if clock is None or clock.ms is None:
        return {"clock_offset_s": None, "clock_uncertainty_s": None}
    return {
        "clock_offset_s": round(clock.ms / 1000, 3),
        "clock_uncertainty_s": round(clock.uncertainty / 1000, 3),
    }


PARTS: Mapping[Part, tuple[str, ...]] = {
    _own: (
        "node", "site", "online", "state", "simulated", "every", "agent", "account", "config",
        "config_id",
    ),
    _seen: ("last_report", "silent_s"),
    _first: ("first_seen",),
    _clock: ("clock_offset_s", "clock_uncertainty_s"),
    _score: ("score", "grade"),
    _totals: TOTALS,
}  # fmt: skip
"""What makes which columns."""


def plain(value: Any) -> Mapping[str, Any]:
    """A dataclass, a named tuple or a mapping as a mapping."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if hasattr(value, "_asdict"):
        return dict(value._asdict())
    return value if isinstance(value, Mapping) else {}
