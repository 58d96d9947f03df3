"""What was refused, over HTTP: listed, and played again after a fix."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from muster_collector.api import times, upload
from muster_collector.api.params import Format, Limit, TimeText, as_json, moment, table
from muster_collector.api.services import Given, Quarantine, Services
from muster_collector.quarantine import COLUMNS, Chosen

router = APIRouter(prefix="/api/v1", tags=["quarantine"])
BODY_BYTES = 64 << 10
MOST = 500
"""Records that one request plays again; the answer says where to go on."""
Text = Annotated[str | None, Query(max_length=1024)]


class Wanted(BaseModel):
    """What to play again: ids, what is of a node or a reason (both: what is of both), or all."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ids: list[int] = Field(default=[], max_length=10_000)
    node: str | None = None
    reason: str | None = None
    all: bool = False
    dry_run: bool = False
    after: int = 0


@router.get("/quarantine")
async def listing(
    *,
    given: Given,
    node: Text = None,
    reason: Text = None,
    topic: Annotated[str | None, Query(max_length=1024, description="its beginning")] = None,
    since: TimeText = None,
    limit: Limit = 100,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """Refused messages and metrics that are kept, the newest first, without their bytes."""
    start = None if since is None else moment("since", since, given.now())
    chosen = Chosen(node=node, reason=reason, topic=topic, since=start, limit=limit)
    rows = [row | {"time": times.iso(row["time"])} for row in await _of(given).listing(chosen)]
    return await table(rows, COLUMNS, format, total=len(rows))


@router.get("/quarantine/{id}")
async def one(*, given: Given, id: int) -> Response:  # noqa: A002 - the parameter's public name
    """One of them with its bytes: `payload` in base64, `text` where they are UTF-8."""
    found = await _of(given).chosen(Chosen(ids=(id,)))
    if not found:
        raise HTTPException(404, f"no refused message with the id {id}")
    row: dict[str, Any] = found[0]._asdict()
    row |= {"time": times.iso(row["time"]), "payload": base64.b64encode(row["payload"]).decode()}
    try:
        row["text"] = found[0].payload.decode()
    except UnicodeDecodeError:
        row["text"] = None
    return as_json(row)


@router.post(
    "/quarantine/replay",
    openapi_extra=upload.openapi(
        "application/json", "`ids`, `node`, `reason`, `all`, `dry_run`, `after`"
    ),
)
async def replay(*, given: Given, request: Request) -> Response:
    """Play refused messages again: what is stored now leaves, what is refused again stays.

    `dry_run` tells what this collector would refuse, and changes nothing. At most 500 at once, the
    oldest first: while `next` is not null, ask again with `after` set to it.
    """
    if not request.app.state.writable:
        raise HTTPException(403, "replay is done with a token only: set [api] token_file")
    content = await upload.body(request, "application/json", BODY_BYTES)
    try:
        wanted = Wanted.model_validate_json(content)
    except ValidationError as error:
        found = error.errors()[0]
        place = ".".join(str(step) for step in found["loc"])
        raise HTTPException(400, f"{place or 'body'}: {found['msg']}") from error
    if not (wanted.ids or wanted.node or wanted.reason or wanted.all):
        raise HTTPException(400, "say what to play again: ids, node, reason or all")
    chosen = Chosen(tuple(wanted.ids), wanted.node, wanted.reason, after=wanted.after, limit=MOST)
    results = await _of(given).replay(chosen, dry_run=wanted.dry_run)
    return as_json(
        {
            "dry_run": wanted.dry_run,
            "next": results[-1].id if len(results) == MOST else None,
            "rows": [result._asdict() for result in results],
        }
    )


def _of(given: Services) -> Quarantine:
    if given.quarantine is None:
        raise HTTPException(404, "this collector has no ingest role, and so no quarantine")
    return given.quarantine
