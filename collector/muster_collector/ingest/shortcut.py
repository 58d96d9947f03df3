"""Reads reports that are surely right, at a fraction of pydantic's cost; it gets all others.

What this takes, pydantic would take with the same result. msgspec does not look at the UTF-8 of
what it ignores, so that is looked at here. Metrics of a known layout are matched, not decoded.
"""

from __future__ import annotations

from typing import Any

import msgspec

from muster_collector.ingest.layouts import Layouts, Matched
from muster_wire.messages import Lost, Metric, Report, Value


class Row(msgspec.Struct, gc=False):
    """A metric whose tags and fields are checked to be JSON, and no more."""

    name: str
    tags: msgspec.Raw
    fields: msgspec.Raw


class Outline(msgspec.Struct, gc=False):
    """A report; see `muster_wire.messages.Report`."""

    node: str
    site: str
    epoch: int
    seq: int
    oldest: int
    ts: int
    sent: int
    every: float
    metrics: msgspec.Raw
    lost: list[Lost] = []
    base: int | None = None
    delta: list[int | list[int | list[Value]]] = []
    keep: bool = False
    later: list[Any] = []
    wait: float = 0.0
    v: int = 1


OUTLINE = msgspec.json.Decoder(Outline)
ROWS = msgspec.json.Decoder(list[Row])
TAGS = msgspec.json.Decoder(dict[str, str])
FIELDS = msgspec.json.Decoder(dict[str, Value])
NONE = Layouts()


def read(text: bytes, layouts: Layouts = NONE) -> Report | None:
    """The report in JSON; None where pydantic has to judge, and to say what is wrong."""
    try:
        outline = OUTLINE.decode(text.decode())
        if outline.later:
            return None
        if outline.base is None:
            metrics = layouts.take(outline.metrics, lambda: _metrics(outline.metrics, layouts))
        else:
            metrics = _metrics(outline.metrics, layouts)
    except (ValueError, RecursionError):
        return None
    return Report(
        outline.node, outline.site, outline.epoch, outline.seq, outline.oldest, outline.ts,
        outline.sent, outline.every, metrics, outline.lost, outline.base, outline.delta,
        outline.keep, [], outline.wait, outline.v,
    )  # fmt: skip


def _metrics(text: msgspec.Raw, layouts: Layouts) -> list[Metric]:
    """Metrics one by one; ValueError where they are none."""
    metrics: list[Metric] = []
    for row in ROWS.decode(text):
        layout = layouts[row.name, bytes(row.tags)]
        if layout is not None and (found := layout.form.fullmatch(row.fields)):
            metrics.append(Matched(layout, layout.told, found.groups()))
        else:
            tags, fields = TAGS.decode(row.tags), FIELDS.decode(row.fields)
            metrics.append(Metric(row.name, tags, fields))
    return metrics
