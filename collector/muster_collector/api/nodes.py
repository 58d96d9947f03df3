"""Nodes over HTTP: what is known of each, what it sent and lost, and its newest scores."""

from __future__ import annotations

import asyncio
from collections import Counter
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
    "node", "site", "online", "simulated", "every", "first_seen", "last_report", "silent_s",
    "agent", "config", "config_id", "score", "grade", *TOTALS,
)  # fmt: skip
COMPLETENESS = ("node", "site", "online", "last_report", "silent_s", *TOTALS)


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
    known = list(_filtered(given, {k: v for k, v in wanted.items() if v is not None}))
    rows = await _rows(given, known[offset : offset + limit])
    return await table(rows, COLUMNS, format, total=len(known), offset=offset)


@router.get("/nodes/{node}")
async def node(given: Given, node: str) -> Response:
    """One node: inventory, totals, pillars and indicators with the points they cost."""
    known = next((info for info in given.fleet.nodes() if info.node == node), None)
    if known is None:
        raise HTTPException(404, f"no node with the id {node[:80]!r}")
    about = _row(given, known) | {"epoch": known.epoch, "inventory": _plain(known.inventory)}
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


@router.get("/completeness")
async def completeness(
    *,
    given: Given,
    site: str | None = None,
    node: str | None = None,
    limit: Limit = 10_000,
    offset: Offset = 0,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """What became of every report of each node, and of all: stored, late, lost and why, missing."""
    wanted = {"site": site, "node": node}
    known = list(_filtered(given, {k: v for k, v in wanted.items() if v is not None}))
    rows = await _rows(given, known)
    total: dict[str, Any] = {name: sum(row[name] for row in rows) for name in TOTALS}
    reasons: Counter[str] = Counter()
    for row in rows:
        reasons.update(row["reasons"])
    total["reasons"] = dict(sorted(reasons.items()))
    names = (*COMPLETENESS, "reasons")
    page = [{name: row[name] for name in names} for row in rows[offset : offset + limit]]
    return await table(page, COMPLETENESS, format, total=len(rows), offset=offset, sum=total)


def _filtered(given: Services, wanted: Mapping[str, Any]) -> Iterable[NodeInfo]:
    for info in sorted(given.fleet.nodes(), key=lambda info: info.node):
        if all(getattr(info, name) == value for name, value in wanted.items()):
            yield info


async def _rows(given: Services, known: Sequence[NodeInfo]) -> list[dict[str, Any]]:
    """Ten thousand rows take a third of a second, in which reports must still be taken."""
    return await asyncio.to_thread(lambda: [_row(given, info) for info in known])


def _row(given: Services, info: NodeInfo) -> dict[str, Any]:
    last = info.last_report_ts or None
    silent = round((given.now() - last) / 1000, 3) if last is not None else None
    row: dict[str, Any] = {
        "node": info.node,
        "site": info.site,
        "online": info.online,
        "simulated": info.simulated,
        "every": info.every,
        "first_seen": times.iso(info.first_seen),
        "last_report": times.iso(last) if last is not None else None,
        "silent_s": silent,
        "agent": info.agent,
        "config": info.config.state if info.config else "",
        "config_id": info.config.id if info.config else "",
        "score": None,
        "grade": "",
    }
    totals = _plain(info.totals)
    row |= {name: int(totals.get(name, 0)) for name in TOTALS}
    row["reasons"] = dict(totals.get("reasons", {}))
    result = given.scorer.latest
    if result is not None and (found := result.find("node", info.node)) is not None:
        score = float(found[0].scores.value[found[1], 0])
        row |= {"score": units.number(score), "grade": result.card.grade(score)}
    return row


def _plain(value: Any) -> Mapping[str, Any]:
    """A dataclass, a named tuple or a mapping as a mapping."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if hasattr(value, "_asdict"):
        return dict(value._asdict())
    return value if isinstance(value, Mapping) else {}
