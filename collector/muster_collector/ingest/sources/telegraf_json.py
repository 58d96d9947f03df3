"""Telegraf's `data_format = "json"`: one object a metric, or a list of them below `metrics`.

Go writes the float 10.0 as `10`, so JSON does not tell whole numbers from others: a number has the
catalogue's type where the catalogue knows the field, and is a float everywhere else.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from muster_collector.ingest.sources.sample import Bad, Decoded, Precision, Sample, milliseconds
from muster_wire.catalogue import types
from muster_wire.messages import Value

TYPES = types()
_UNKNOWN: Mapping[str, str] = {}


def decode(payload: bytes, precision: Precision) -> Decoded:
    """The samples of a message; a metric that is wrong costs only itself."""
    try:
        found = from_json(payload, allow_inf_nan=False)
    except ValueError as error:
        yield Bad("not json", str(error)[:200], payload)
        return
    metrics = found.get("metrics", [found]) if isinstance(found, dict) else found
    if not isinstance(metrics, list):
        yield Bad("invalid", "neither a metric nor a list of metrics", payload)
        return
    for metric in metrics:
        try:
            yield _sample(metric, precision)
        except ValueError as error:
            yield Bad("invalid", str(error)[:200], json.dumps(metric).encode())


def _sample(metric: Any, precision: Precision) -> Sample:
    if not isinstance(metric, dict):
        raise ValueError("a metric is not an object")  # noqa: TRY004 - one kind of wrong for all
    name, tags, fields = metric.get("name"), metric.get("tags", {}), metric.get("fields")
    if not isinstance(name, str) or not isinstance(tags, dict) or not isinstance(fields, dict):
        raise ValueError("a metric has name, tags, fields and timestamp")  # noqa: TRY004
    if not all(isinstance(value, str) for value in tags.values()):
        raise ValueError("a tag is not a text")
    known = TYPES.get(name, _UNKNOWN)
    values = {key: _value(key, value, known.get(key)) for key, value in fields.items()}
    return Sample(name, tags, values, _time(metric.get("timestamp"), precision), metric)


def _value(key: str, value: Any, wanted: str | None) -> Value:
    if type(value) is int and wanted != "int":
        try:
            return float(value)
        except OverflowError as error:
            raise ValueError(f"{key[:80]} is too large for a float") from error
    if isinstance(value, int | float | str):
        return value
    raise ValueError(f"{key[:80]} is neither a number, a truth value nor a text")


def _time(value: Any, precision: Precision) -> int:
    if type(value) is int:
        return milliseconds(value, precision)
    if isinstance(value, str):
        found = dt.datetime.fromisoformat(value)
        if found.tzinfo is not None:
            return int(found.timestamp() * 1000)
    raise ValueError("the timestamp is neither a whole number nor ISO 8601 with its offset")
