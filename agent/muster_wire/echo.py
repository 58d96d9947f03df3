"""The question whether the way to the collector is open, and its answer with the collector's clock.

A message of content type `ECHO` on a node's topic, with a token as its payload, is no report: the
broker's PUBACK says whether the node may publish there and whether anybody listens. A collector
stores nothing, and answers the one on `report` on the node's `ack` topic with its content type.
"""

from __future__ import annotations

import re

ECHO = "application/vnd.muster.echo"
TOKEN = re.compile(rb"[0-9a-f]{8,32}")


def answer(token: bytes, now: int) -> bytes | None:
    """The answer at `now` (ms of Unix time); None for what is no token."""
    return b"%b %d" % (token, now) if TOKEN.fullmatch(token) else None


def clock(payload: bytes, token: bytes) -> int | None:
    """The collector's clock (ms) in the answer to a token; None for any other answer."""
    found, _, text = payload.partition(b" ")
    return int(text) if found == token and text.isdigit() and len(text) < 16 else None
