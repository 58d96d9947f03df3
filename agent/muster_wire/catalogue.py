"""The one list of metrics: name, type, unit, kind and meaning of every field that agents send.

Names, types and units are Telegraf's wherever Telegraf has the metric (`source` names the input
plugin); what Telegraf lacks is named in the same style and has `source` "muster".
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Type = Literal["int", "float", "bool", "str"]
Kind = Literal["gauge", "counter", "info"]


class Field(NamedTuple):
    """One field of a measurement; `unit` is UCUM-like ("percent", "bytes", "ms", "s", "1")."""

    name: str
    type: Type
    unit: str
    kind: Kind
    meaning: str


class Measurement(NamedTuple):
    """A measurement: the tags that tell its series apart (beside host and site) and its fields."""

    name: str
    tags: tuple[str, ...]
    fields: tuple[Field, ...]
    source: str = "telegraf"


CATALOGUE: tuple[Measurement, ...] = ()


def types(catalogue: tuple[Measurement, ...] = CATALOGUE) -> dict[str, dict[str, Type]]:
    """Measurement to field to type, for validation."""
    return {m.name: {f.name: f.type for f in m.fields} for m in catalogue}
