"""What the spool keeps of a report, compressed once; what only sending knows is added behind it.

A body is a zlib stream (RFC 1950) of the report's beginning, flushed so that it may go on, without
its end, and 4 bytes Adler-32 of the text so far. Sending appends the deflated rest and the checksum
of all, which costs a tenth of compressing the whole again. Epoch and seq come with the rest, so
that a body can be given another number.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

from muster_wire import VERSION, dictionaries
from muster_wire.codec import FDICT, JSON_ZLIB, WITH_DICTIONARY
from muster_wire.messages import Lost, Metric

CHECKSUM = 4


def make(*, ts: int, every: float, metrics: Sequence[Metric]) -> bytes:
    """The body of a report; raises ValueError for a number that is not finite."""
    rows = [{"name": m.name, "tags": m.tags, "fields": m.fields} for m in metrics]
    head = {"v": VERSION, "ts": ts, "every": every, "metrics": rows}
    text = _text(head)[:-1]
    deflate = zlib.compressobj(6, zdict=dictionaries.load(dictionaries.NEWEST))
    stream = deflate.compress(text) + deflate.flush(zlib.Z_FULL_FLUSH)
    return stream + zlib.adler32(text).to_bytes(CHECKSUM, "big")


def payload(
    body: bytes,
    *,
    node: str,
    site: str,
    epoch: int,
    seq: int,
    oldest: int,
    sent: int,
    lost: Sequence[Lost] = (),
) -> bytes:
    """The whole message, of the body's `content_type`."""
    tail: dict[str, Any] = {
        "node": node,
        "site": site,
        "epoch": epoch,
        "seq": seq,
        "oldest": oldest,
        "sent": sent,
    }
    if lost:
        tail["lost"] = [{"first": r.first, "last": r.last, "reason": r.reason} for r in lost]
    text = b"," + _text(tail)[1:]
    checksum = zlib.adler32(text, int.from_bytes(body[-CHECKSUM:], "big"))
    deflate = zlib.compressobj(6, wbits=-9, memLevel=1)  # a small window costs no start-up
    rest = deflate.compress(text) + deflate.flush()
    return body[:-CHECKSUM] + rest + checksum.to_bytes(CHECKSUM, "big")


def content_type(body: bytes) -> str:
    """How a body is encoded, which another version of the agent may have done its own way."""
    return WITH_DICTIONARY + body[2:6].hex() if body[1] & FDICT else JSON_ZLIB


def _text(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
