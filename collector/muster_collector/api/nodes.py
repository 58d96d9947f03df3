"""Nodes over HTTP: what is known of each, what it sent and lost, and its newest scores."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

from fastapi import APIRouter, HTTPException, Response

from muster_collector.api import times, units
from muster_collector.api.params import Format, Limit, Offset, as_json, table
from muster_collector.api.services import Given, NodeInfo, Services

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
    limit: Limit = 10_000,
    offset: Offset = 0,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """All known nodes, silent ones too, ordered by id."""
    wanted = {"site": site, "online": online, "simulated": simulated}
    known = list(filtered(given, {k: v for k, v in wanted.items() if v is not None}))
    rows = await _rows(given, known[offset : offset + limit])
    return await table(rows, COLUMNS, format, total=len(known), offset=offset)


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


def filtered(given: Services, wanted: Mapping[str, Any]) -> Iterable[NodeInfo]:
    """The nodes whose attributes have these values, ordered by id."""
    for info in sorted(given.fleet.nodes(), key=lambda info: info.node):
        if all(getattr(info, name) == value for name, value in wanted.items()):
            yield info


async def _rows(given: Services, known: Sequence[NodeInfo]) -> list[dict[str, Any]]:
    """Ten thousand rows take a third of a second, in which reports must still be taken."""
    return await asyncio.to_thread(lambda: [about_node(given, info) for info in known])


def about_node(given: Services, info: NodeInfo) -> dict[str, Any]:
    """What is known of a node, its totals and its newest score."""
    last = info.last_report_ts or None
    silent = round((given.now() - last) / 1000, 3) if last is not None else None
    made: dict[str, Any] = {
        "node": info.node,
        "site": info.site,
        "online": info.online,
        "state": given.state(info),
        **_clock(info),
        "simulated": info.simulated,
        "every": info.every,
        "first_seen": times.iso(info.first_seen),
        "last_report": times.iso(last) if last is not None else None,
        "silent_s": silent,
        "agent": info.agent,
        "account": "interval" if info.source else "sequence",
        "config": info.config.state if info.config else "",
        "config_id": info.config.id if info.config else "",
        "score": None,
        "grade": "",
    }
    totals = plain(info.totals)
    made |= {name: int(totals.get(name, 0)) for name in TOTALS}
    made["reasons"] = dict(totals.get("reasons", {}))
    result = given.scorer.latest
    if result is not None and (found := result.find("node", info.node)) is not None:
        score = float(found[0].scores.value[found[1], 0])
        made |= {"score": units.number(score), "grade": result.card.grade(score)}
    return made


def _clock(info: NodeInfo) -> dict[str, float | None]:
    """How far the node's clock is ahead of the collector's, and how sure that is, in seconds."""
    clock = getattr(info, "clock", None)
    if clock is None or clock.ms is None:
        return {"clock_offset_s": None, "clock_uncertainty_s": None}
    return {
        "clock_offset_s": round(clock.ms / 1000, 3),
        "clock_uncertainty_s": round(clock.uncertainty / 1000, 3),
    }


def plain(value: Any) -> Mapping[str, Any]:
    """A dataclass, a named tuple or a mapping as a mapping."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if hasattr(value, "_asdict"):
        return dict(value._asdict())
    return value if isinstance(value, Mapping) else {}
