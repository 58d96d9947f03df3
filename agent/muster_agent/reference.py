"""The settings in words, for `muster-agent check --settings` and the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields

from muster_agent.settings import SECTIONS

HEAD = """\
# Agent settings

Made from `muster_agent/settings.py` by `make generate`.

The agent reads one TOML file, `/etc/muster/agent.toml` unless `--config` names another. Every
setting has a default. A text may also come from the environment, which wins: `[mqtt] url` from
`MUSTER_MQTT_URL`, and so on. The options of a sensor stand in a section `[sensor.NAME]`.
"""


def lines() -> Iterator[str]:
    """Every setting, as a TOML file with comments."""
    for name, section in SECTIONS.items():
        yield f"[{name}]"
        for declared in fields(section):
            facts = declared.metadata
            yield f"# {facts['meaning']}: {facts['kind'].form}"
            yield f"{declared.name} = {json.dumps(facts['default'])}"
        yield ""


def page() -> Iterator[str]:
    """The lines of the documentation's page."""
    yield HEAD
    for name, section in SECTIONS.items():
        yield f"## [{name}]\n"
        yield f"{(section.__doc__ or '').strip()}\n"
        yield "| setting | default | what it is | what may stand there |"
        yield "|---|---|---|---|"
        for declared in fields(section):
            facts = declared.metadata
            default = json.dumps(facts["default"])
            yield f"| `{declared.name}` | `{default}` | {facts['meaning']} | {facts['kind'].form} |"
        yield ""


def generate() -> dict[str, str]:
    """The page by its path in the repository."""
    return {"docs/reference/agent.md": "\n".join(page())}
