"""What differs between two estates, one line for each place and key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from muster_collector.estate.model import Estate

LISTS = ("regions", "districts", "sites", "nodes")


def differences(old: Estate, new: Estate) -> Iterator[str]:
    """`+`, `-` and `~` lines in the order of places; nothing for equal estates."""
    before, after = _flat(old), _flat(new)
    for place in sorted({*before, *after}):
        if place not in after:
            yield f"- {place} = {before[place]!r}"
        elif place not in before:
            yield f"+ {place} = {after[place]!r}"
        elif before[place] != after[place]:
            yield f"~ {place} = {before[place]!r} -> {after[place]!r}"


def _flat(estate: Estate) -> dict[str, Any]:
    """Place to value; rows by their id, targets by their number, what is default left out."""
    content = estate.model_dump(mode="json", exclude_defaults=True)
    for kind in LISTS:
        content[kind] = {row["id"]: {"": "", **row} for row in content.get(kind, ())}
    content["targets"] = {str(n): row for n, row in enumerate(content.get("targets", ()), 1)}
    flat: dict[str, Any] = {}
    for name, value in content.items():
        _walk(name, value, flat)
    return flat


def _walk(place: str, value: Any, flat: dict[str, Any]) -> None:
    if isinstance(value, Mapping):
        for key, part in value.items():
            # The empty key is the row itself; its id stands in the place already.
            if key == "":
                flat[place] = "there"
            elif key != "id":
                _walk(f"{place} {key}", part, flat)
    else:
        flat[place] = value
