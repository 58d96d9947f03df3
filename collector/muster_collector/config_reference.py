"""docs/reference/collector.md, made from the settings' own declarations."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from muster_collector.config import Config, model_of
from muster_wire import topics

HEAD = """\
# Collector settings

Made from `muster_collector/config.py` by `make generate`.

The collector reads one TOML file: `muster collector run --config FILE`. Every setting has a
default, every section may be left out, and an unknown key is an error.
`muster collector check --config FILE` says whether the file is right, and prints what is in force.
Durations are written `250ms`, `10s`, `5m`, `1h`, `30d`.
"""
UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def generate() -> dict[str, str]:
    """The page by its path in the repository."""
    return {"docs/reference/collector.md": "\n".join(page())}


def page() -> Iterator[str]:
    """The lines of the page."""
    yield HEAD
    for name, section in Config.model_fields.items():
        model = model_of(name)
        yield f"## [[{name}]]\n" if section.default == () else f"## [{name}]\n"
        yield f"{inspect.getdoc(model)}\n"
        yield "| setting | default | meaning |"
        yield "|---|---|---|"
        schema = model.model_json_schema()["properties"]
        for key, declared in model.model_fields.items():
            meaning = (declared.description or "").replace("|", "\\|")
            yield f"| `{key}` | {default(declared)} | {meaning}{limits(schema[key])} |"
        yield ""


def default(declared: FieldInfo) -> str:
    """A default as one would write it in the file."""
    value = declared.default
    if declared.is_required():
        return "needed"
    if value is None:
        return "none"
    if isinstance(value, float):
        return f'`"{duration(value)}"`'
    if isinstance(value, frozenset):
        return f'`"0-{topics.PARTITIONS - 1}"`'
    if isinstance(value, Path):
        value = str(value)
    return f"`{json.dumps(value)}`"


def duration(seconds: float) -> str:
    """Seconds in the largest unit that makes a whole number."""
    for unit, length in UNITS:
        if seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds * 1000:.0f}ms"


def limits(schema: dict[str, Any]) -> str:
    """What a setting may be, where that is limited."""
    choices = schema.get("enum") or schema.get("items", {}).get("enum")
    if choices:
        return "; of " + ", ".join(f"`{choice}`" for choice in choices)
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None:
        return ""
    return f"; {least} to {most}" if most is not None else f"; at least {least}"
