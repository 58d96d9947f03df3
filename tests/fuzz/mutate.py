"""Makes new inputs out of old ones: bytes turned, pieces repeated, moved, joined, and swapped."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence

from fuzz.seeds import Message
from muster_wire.codec import JSON, JSON_ZLIB

MOST = 1024
"""Bytes of an input; the promise on its cost is for as many."""
TOKENS = (
    b"NaN", b"-Infinity", b"1e999", b"9" * 40, b"-1", b"9223372036854775808", b"null", b"true",
    b"{}", b"[]", b'""', b"\\ud800", b"\\u0000", b"\xff", b"\0", b"\\", b'"', b",", b"=", b" ",
    b"\n", b":", b"[" * 50, b'{"a":' * 20, b'"time"', b'"host"', b"1i", b"5u", b"0x10", b"1_0",
    b"#", b'"v":2', b'"seq":-1', b'"metrics":[]', "塔".encode(), "٣".encode(),
)  # fmt: skip


def mutated(message: Message, others: Sequence[Message], luck: random.Random) -> Message:
    """A message that is a little, or much, unlike the one given."""
    payload = bytearray(message.payload[: 4 * MOST])
    content_type = message.content_type
    inner = content_type == JSON_ZLIB and luck.random() < 0.7
    if inner:
        try:
            payload = bytearray(zlib.decompressobj().decompress(message.payload, 1 << 16))
        except zlib.error:
            inner = False
    for _ in range(luck.choice((1, 1, 1, 2, 3, 8))):
        luck.choice(CHANGES)(payload, luck)
    if luck.random() < 0.05:
        other = luck.choice(others).payload[:MOST]
        at = luck.randrange(len(payload) + 1)
        payload[at:] = other[luck.randrange(len(other) + 1) :]
    if luck.random() < 0.03:
        content_type = luck.choice(
            (JSON, JSON_ZLIB, "", "text/plain", luck.choice(others).content_type)
        )
    made = zlib.compress(bytes(payload), 9) if inner else bytes(payload)
    return Message(message.door, made[:MOST], content_type)


def _flip(payload: bytearray, luck: random.Random) -> None:
    if payload:
        payload[luck.randrange(len(payload))] ^= 1 << luck.randrange(8)


def _cut(payload: bytearray, luck: random.Random) -> None:
    at = luck.randrange(len(payload) + 1)
    del payload[at : at + luck.choice((1, 2, 10, 100, 10_000))]


def _insert(payload: bytearray, luck: random.Random) -> None:
    at = luck.randrange(len(payload) + 1)
    payload[at:at] = luck.choice(TOKENS)


def _replace(payload: bytearray, luck: random.Random) -> None:
    at, token = luck.randrange(len(payload) + 1), luck.choice(TOKENS)
    payload[at : at + len(token)] = token


def _repeat(payload: bytearray, luck: random.Random) -> None:
    at = luck.randrange(len(payload) + 1)
    piece = payload[at : at + luck.choice((1, 2, 8, 40, 200))]
    payload[at:at] = piece * luck.choice((1, 2, 10, 200))
    del payload[1 << 18 :]


def _move(payload: bytearray, luck: random.Random) -> None:
    at = luck.randrange(len(payload) + 1)
    payload[:] = payload[at:] + payload[:at]


CHANGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip, _flip, _cut, _insert, _insert, _replace, _replace, _repeat, _move,
)  # fmt: skip
