"""Messages to payloads and back: JSON in UTF-8, zlib above a size, named by the content type.

The content types are `JSON`, `JSON_ZLIB`, and `JSON_ZLIB` with `;dict=` and the name of a preset
dictionary (see `muster_wire.dictionaries`), which halves a report.
"""

from __future__ import annotations

import json
import zlib
from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple

from muster_wire import dictionaries

JSON = "application/json"
JSON_ZLIB = "application/json+zlib"
WITH_DICTIONARY = JSON_ZLIB + ";dict="
FDICT = 0x20
"""The bit of a zlib stream's second byte that says that it needs a dictionary (RFC 1950)."""
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
        message, default=slots, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
    return packed(text, compress_above)


def packed(
    text: bytes,
    compress_above: int = COMPRESS_ABOVE,
    *,
    by: ModuleType = zlib,
    level: int = 6,
) -> Encoded:
    """JSON as a payload, deflated `by` the standard library or a faster one alike."""
    if len(text) <= compress_above:
        return Encoded(text, JSON)
    return Encoded(by.compress(text, level), JSON_ZLIB)


def open_payload(
    payload: bytes,
    content_type: str | None,
    *,
    limit: int = MAX_PAYLOAD,
    by: ModuleType = zlib,
) -> bytes:
    """Return the JSON text of a payload; raise `CodecError` if it has more than `limit` bytes.

    `by` inflates it: the standard library's zlib, or a faster one with the same interface.
    """
    if content_type in (None, "", JSON):
        text = payload
    elif content_type == JSON_ZLIB:
        if len(payload) > 1 and payload[1] & FDICT:
            raise CodecError(f"needs a dictionary: name it as {WITH_DICTIONARY}NAME")
        text = _inflate(by, by.decompressobj(), payload, limit)
    elif content_type.startswith(WITH_DICTIONARY):
        inflater = by.decompressobj(zdict=_dictionary(content_type))
        text = _inflate(by, inflater, payload, limit)
    else:
        raise CodecError(f"content type {content_type[:80]!r}: use {JSON} or {JSON_ZLIB}")
    if len(text) > limit:
        raise CodecError(f"larger than {limit} bytes")
    return text


@lru_cache(maxsize=8)
def _dictionary(content_type: str) -> bytes:
    """The dictionary that a content type names."""
    try:
        return dictionaries.load(content_type.removeprefix(WITH_DICTIONARY))
    except LookupError as error:
        raise CodecError(f"{error.args[0]}: update whoever reads this") from error


def _inflate(by: ModuleType, inflater: Any, payload: bytes, limit: int) -> bytes:
    """The text of a whole stream, or its first `limit` + 1 bytes."""
    try:
        text: bytes = inflater.decompress(payload, limit + 1)
    except by.error as error:
        raise CodecError(f"not zlib: {error}") from error
    if len(text) <= limit and (not inflater.eof or inflater.unused_data):
        raise CodecError("zlib data is cut short or has something behind it")
    return text


def slots(message: object) -> dict[str, Any]:
    """The fields of a slotted dataclass for json, without what rarely says anything."""
    names: tuple[str, ...] = getattr(message, "__slots__", ())
    if not names:
        raise TypeError(f"{type(message).__name__} is not a message")
    sparse = getattr(message, "SPARSE", {})
    fields = {name: getattr(message, name) for name in names}
    for name, usual in sparse.items():
        if type(fields[name]) is type(usual) and fields[name] == usual:
            del fields[name]
    return fields
