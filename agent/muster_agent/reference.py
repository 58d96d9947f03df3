"""The settings in words, for --help, `muster-agent check --settings` and the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import Field, fields
from typing import Any

from muster_agent.settings import SECTIONS, Probe

HEAD = """\
# Agent settings

Made from `muster_agent/settings.py` by `make generate`.

The agent reads one TOML file, `/etc/muster/agent.toml` unless `--config` names another. Every
setting has a default. A text may also come from the environment, which wins: `[mqtt] url` from
`MUSTER_MQTT_URL`, and so on. The options of a sensor stand in a section `[sensor.NAME]`, a probe
in a section `[probe.NAME]`.
"""
PROBES = "probe.NAME"
SHOWN: dict[str, type[Any]] = {**SECTIONS, PROBES: Probe}


def lines() -> Iterator[str]:
    """Every setting, as a TOML file with comments; a probe is a comment as a whole."""
    for name, section in SHOWN.items():
        lead = "#" if name == PROBES else ""
        yield f"{lead}[{name}]"
        for declared in fields(section):
            yield f"# {meaning(declared)}: {declared.metadata['kind'].form}"
            yield f"{lead}{declared.name} = {json.dumps(declared.metadata['default'])}"
        yield ""


def brief() -> Iterator[str]:
    """Every setting on a line of its own, for --help."""
    yield "settings of the file (texts also as MUSTER_SECTION_KEY in the environment):"
    for name, section in SHOWN.items():
        for declared in fields(section):
            default = json.dumps(declared.metadata["default"])
            yield f"  [{name}] {declared.name} = {default}  {meaning(declared)}"
    yield "what may stand there: muster-agent check --settings"


def page() -> Iterator[str]:
    """The lines of the documentation's page."""
    yield HEAD
    for name, section in SHOWN.items():
        yield f"## [{name}]\n"
        yield f"{(section.__doc__ or '').strip()}\n"
        yield "| setting | default | what it is | what may stand there |"
        yield "|---|---|---|---|"
        for declared in fields(section):
            default = json.dumps(declared.metadata["default"])
            form = declared.metadata["kind"].form
            yield f"| `{declared.name}` | `{default}` | {meaning(declared)} | {form} |"
        yield ""


def meaning(declared: Field[Any]) -> str:
    """What a setting is, and for which probes if not for all."""
    only = declared.metadata["only"]
    return str(declared.metadata["meaning"]) + (f" (only {', '.join(only)})" if only else "")


def generate() -> dict[str, str]:
    """The page by its path in the repository."""
    return {"docs/reference/agent.md": "\n".join(page())}
