"""What people send: bounded, of a named type, and never from another site's page.

A browser sends text of these types to another origin only after asking it (CORS), which nothing
here allows; so a page elsewhere cannot make somebody's browser write to a collector on loopback.
"""

from __future__ import annotations

import asyncio
import urllib.parse
from typing import Any

from fastapi import HTTPException, Request

from muster_collector.errors import ConfigError
from muster_collector.estate import Estate
from muster_collector.estate.files import check_text
from muster_collector.readiness.scorecard import Scorecard, load
from muster_collector.scoring import live

CARD_BYTES = 256 << 10
"""A scorecard is smaller: the default one has 20 KiB."""
CARD_PARTS = 500
"""Levels and indicators that an uploaded card may have."""
ESTATE_BYTES = 4 << 20
"""An estate of 10,000 sites has about 2 MiB."""


async def body(request: Request, media: str, most: int) -> bytes:
    """The request's content; 415 for another type, 413 beyond `most` bytes, 403 across sites."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != media:
        raise HTTPException(415, f"Content-Type: {kind[:80]}: send {media}")
    same_site(request)
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise HTTPException(413, f"more than {most} bytes: send less")
    return bytes(content)


def same_site(request: Request) -> None:
    """403 for what another site's page sends."""
    origin = request.headers.get("origin")
    if origin and urllib.parse.urlsplit(origin).netloc != request.headers.get("host", ""):
        raise HTTPException(403, f"Origin: {origin[:80]}: not from another site's page")


async def scorecard(request: Request) -> Scorecard:
    """The card that a request carries as TOML; 400 with the place of what is wrong in it."""
    content = await body(request, "application/toml", CARD_BYTES)
    try:
        card = await asyncio.to_thread(load, content.decode("utf-8-sig"), "scorecard")
        live.check(card, "scorecard")
    except UnicodeDecodeError as error:
        raise HTTPException(400, f"scorecard: byte {error.start} is not UTF-8") from error
    except ConfigError as error:
        raise HTTPException(400, str(error)) from error
    if len(card.nodes) > CARD_PARTS:
        raise HTTPException(400, f"scorecard: {len(card.nodes)} parts: at most {CARD_PARTS}")
    return card


async def estate(request: Request) -> Estate:
    """The estate that a request carries as TOML or CSV; 400 with the first thing wrong in it."""
    is_csv = request.headers.get("content-type", "").startswith("text/csv")
    content = await body(request, "text/csv" if is_csv else "application/toml", ESTATE_BYTES)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HTTPException(400, f"estate: byte {error.start} is not UTF-8") from error
    found, findings = await asyncio.to_thread(check_text, text, "estate", is_csv=is_csv)
    if found is None or findings:
        raise HTTPException(400, findings[0])
    return found


def openapi(media: str, about: str, *others: str) -> dict[str, Any]:
    """What OpenAPI says of such a body."""
    content = {
        kind: {"schema": {"type": "string", "description": about}} for kind in (media, *others)
    }
    return {"requestBody": {"required": True, "content": content}}
