"""Messages to payloads and back: JSON in UTF-8, zlib above a size, named by the content type."""

from __future__ import annotations

import json
import zlib
from typing import Any, NamedTuple

JSON = "application/json"
JSON_ZLIB = "application/json+zlib"
COMPRESS_ABOVE = 512
"""Bytes from which zlib pays for itself."""
MAX_PAYLOAD = 1 << 20
"""Bytes that a message may have once decompressed, unless the receiver sets its own limit."""


class CodecError(ValueError):
    """A payload that cannot be opened; the message says why."""


class Encoded(NamedTuple):
    """A payload and the MQTT 5 content type that names its encoding."""

    payload: bytes
    content_type: str


def encode(message: object, *, compress_above: int = COMPRESS_ABOVE) -> Encoded:
    """Encode one message dataclass."""
    text = json.dumps(
        message, default=_slots, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
    if len(text) <= compress_above:
        return Encoded(text, JSON)
    return Encoded(zlib.compress(text, 6), JSON_ZLIB)


def open_payload(payload: bytes, content_type: str | None, *, limit: int = MAX_PAYLOAD) -> bytes:
    """Return the JSON text of a payload; raise `CodecError` if it has more than `limit` bytes."""
    if content_type in (None, "", JSON):
        text = payload
    elif content_type == JSON_ZLIB:
        inflater = zlib.decompressobj()
        try:
            text = inflater.decompress(payload, limit + 1)
        except zlib.error as error:
            raise CodecError(f"not zlib: {error}") from error
        if len(text) <= limit and (not inflater.eof or inflater.unused_data):
            raise CodecError("zlib data is cut short or has something behind it")
    else:
        raise CodecError(f"content type {content_type[:80]!r}: use {JSON} or {JSON_ZLIB}")
    if len(text) > limit:
        raise CodecError(f"larger than {limit} bytes")
    return text


def _slots(message: object) -> dict[str, Any]:
    """The fields of a slotted dataclass, for json."""
    names: tuple[str, ...] = getattr(message, "__slots__", ())
    if not names:
        raise TypeError(f"{type(message).__name__} is not a message")
    return {name: getattr(message, name) for name in names}
