"""What a setting may be, in words and as a check, and a reader of tables that collects mistakes.

Agent and centre share it, so that what the centre wants of a node is checked with the node's rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import field, fields
from typing import Any, NamedTuple

from muster_wire import topics

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
SHOWN = 60
"""Characters of a wrong value that are repeated."""


class Kind(NamedTuple):
    """What a setting may be: in words that follow "use ", and as a function.

    `parse` takes what TOML gave and returns what the code uses; it raises ValueError, without a
    text when the words of `form` say all.
    """

    form: str
    parse: Callable[[Any], Any]


def require(good: bool) -> None:
    """ValueError without text when something does not hold."""
    if not good:
        raise ValueError


def seconds(value: Any) -> float:
    """Seconds in a duration as people write it; ValueError without text when it is none."""
    require(isinstance(value, str) and DURATION.fullmatch(value) is not None)
    return sum(float(number) * UNITS[unit] for number, unit in PART.findall(value))


def duration(least: str, most: str) -> Kind:
    """A duration between two others."""

    def parse(value: Any) -> float:
        found = seconds(value)
        require(seconds(least) <= found <= seconds(most))
        return found

    return Kind(f'a duration from {least} to {most}, such as "10s", "5m", "1h30m" or "30d"', parse)


def whole(least: int, most: int) -> Kind:
    """A whole number between two others."""

    def parse(value: Any) -> int:
        require(type(value) is int and least <= value <= most)
        return int(value)

    return Kind(f"a whole number from {least} to {most}", parse)


def one_of(*choices: str) -> Kind:
    """One of a few words."""

    def parse(value: Any) -> str:
        require(value in choices)
        return str(value)

    return Kind(" or ".join(f'"{choice}"' for choice in choices), parse)


def _text(value: Any) -> str:
    require(isinstance(value, str) and value.isprintable())
    return str(value)


def _name(value: Any) -> str:
    require(isinstance(value, str) and (not value or topics.NAME.fullmatch(value) is not None))
    return str(value)


TEXT = Kind("a text of one line", _text)
FILE = Kind("a path", _text)
NAME = Kind("1 to 63 of a-z 0-9 . _ - beginning with a letter or digit", _name)


def setting(default: Any, kind: Kind, meaning: str, *, only: tuple[str, ...] = ()) -> Any:
    """A setting with its default as TOML has it; `only` are the probes that have it."""
    return field(
        default=kind.parse(default),
        metadata={"default": default, "kind": kind, "meaning": meaning, "only": only},
    )


def required(kind: Kind, meaning: str) -> Any:
    """A setting without a default."""
    return field(metadata={"default": "", "kind": kind, "meaning": meaning, "only": ()})


def show(value: Any) -> str:
    """A value as TOML has it, cut to what fits in a line."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:
        text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


class Tables:
    """Turns tables of raw values into settings, and notes every mistake in a line of its own."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.mistakes: list[str] = []

    def table(self, where: str, kind: type[Any], raw: dict[str, Any]) -> dict[str, Any]:
        """The values of one table that are given and right."""
        known = {f.name: f for f in fields(kind)}
        for key in raw.keys() - known.keys():
            self.wrong(f"{where} {key} = {show(raw[key])}", f"use {', '.join(known)}")
        values: dict[str, Any] = {}
        for key, declared in known.items():
            if key in raw:
                self.value(values, f"{where} {key} = ", declared, raw[key])
        return values

    def value(self, values: dict[str, Any], what: str, declared: Any, raw: Any) -> None:
        """Put one parsed value into `values`, or note what is wrong with it."""
        kind: Kind = declared.metadata["kind"]
        try:
            values[declared.name] = kind.parse(raw)
        except ValueError as error:
            self.wrong(f"{what}{show(raw)}", str(error) or f"use {kind.form}")

    def wrong(self, what: str, right: str) -> None:
        """Note one mistake."""
        self.mistakes.append(f"{self.source}: {what}: {right}")
