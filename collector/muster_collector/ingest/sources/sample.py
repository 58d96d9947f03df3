"""What a decoder of another agent's format makes of a payload: samples, and what is none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from muster_wire.messages import Value

Precision = str
PER_SECOND: Mapping[Precision, int] = {"ns": 10**9, "us": 10**6, "ms": 1000, "s": 1}
"""The units that a timestamp may have."""


class Sample(NamedTuple):
    """One metric at one time (ms), and what it was read from: bytes, or an object of JSON."""

    name: str
    tags: dict[str, str]
    fields: dict[str, Value]
    time: int
    raw: Any

    @property
    def piece(self) -> bytes:
        """What it was read from, as bytes that can be read again."""
        return self.raw if isinstance(self.raw, bytes) else json.dumps(self.raw).encode()


class Bad(NamedTuple):
    """A piece of a payload that is no sample: why (counted), the detail, its bytes."""

    reason: str
    detail: str
    piece: bytes


Decoded = Iterable[Sample | Bad]


def milliseconds(number: int, precision: Precision) -> int:
    """A time in ms, rounded down."""
    return number * 1000 // PER_SECOND[precision]
