"""The bodies of HTTP answers, decoded as they come, counted and searched but never kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

LINE = 1024
"""Bytes of the line before a chunk at most."""
NO_BODY = frozenset([204, 304])


class Decoder(Protocol):
    """Takes what came and gives what of it is body."""

    done: bool
    """Whether the body has ended."""

    def feed(self, data: bytes) -> bytes:
        """The body's bytes in `data`; ValueError when it is none."""

    def end(self) -> None:
        """The connection has ended; ValueError when that is too early."""


def decoder(method: str, status: int, headers: Mapping[str, str]) -> Decoder:
    """What the body of an answer needs (RFC 9112, 6.3); ValueError for a length that is none."""
    if method == "HEAD" or status in NO_BODY:
        return Plain(0)
    if headers.get("transfer-encoding", "").lower().endswith("chunked"):
        return Chunked()
    length = headers.get("content-length")
    if length is None:
        return Plain(None)
    if not (length.isascii() and length.isdigit()) or len(length) > 18:
        raise ValueError("no length")
    return Plain(int(length))


class Plain:
    """A body of known length, or one that ends with the connection (None)."""

    def __init__(self, length: int | None) -> None:
        self.left = length
        self.done = length == 0

    def feed(self, data: bytes) -> bytes:
        """All of it, up to the length."""
        if self.left is None:
            return data
        data = data[: self.left]
        self.left -= len(data)
        self.done = not self.left
        return data

    def end(self) -> None:
        """Too early when something is left."""
        if self.left:
            raise ValueError("cut short")


class Chunked:
    """A body in chunks (RFC 9112, 7.1); trailers are not read."""

    def __init__(self) -> None:
        self.left = 0
        self.line = b""
        self.done = False

    def feed(self, data: bytes) -> bytes:
        """The chunks' content."""
        pieces: list[bytes] = []
        at = 0
        while at < len(data) and not self.done:
            if self.left:
                pieces.append(data[at : at + self.left])
                at += len(pieces[-1])
                self.left -= len(pieces[-1])
            else:
                at = self._read_line(data, at)
        return b"".join(pieces)

    def _read_line(self, data: bytes, at: int) -> int:
        """Take a line that says how long the next chunk is, or the empty one behind a chunk."""
        end = data.find(b"\n", at)
        stop = len(data) if end < 0 else end
        self.line += data[at : min(stop, at + LINE + 1)]
        if len(self.line) > LINE:
            raise ValueError("no chunk")
        if end < 0:
            return stop
        size, self.line = self.line.partition(b";")[0].strip(), b""
        if size:
            if not size.isalnum() or len(size) > 16:
                raise ValueError("no chunk")
            self.left = int(size, 16)
            self.done = not self.left
        return end + 1

    def end(self) -> None:
        """Always too early: the last chunk would have ended it."""
        raise ValueError("cut short")


class Counter:
    """How long a body is, and whether it holds a text."""

    def __init__(self, wanted: bytes, limit: int) -> None:
        self.wanted = wanted
        self.limit = limit
        self.length = 0
        self.found = False
        self._came = 0
        self._tail = b""

    def take(self, came: int, piece: bytes) -> None:
        """Take a piece of the body, for which `came` bytes came; ValueError beyond the limit."""
        self.length += len(piece)
        self._came += came
        if self._came > self.limit:
            raise ValueError("too long")
        if self.wanted and not self.found:
            seen = self._tail + piece
            self.found = self.wanted in seen
            self._tail = seen[-len(self.wanted) + 1 :] if len(self.wanted) > 1 else b""
