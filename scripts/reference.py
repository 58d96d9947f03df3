"""The reference pages of the documentation that are made from code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module

from muster_agent.sensors import SENSORS
from muster_wire.catalogue import CATALOGUE, Measurement

HEAD = """\
# Metrics

Made from `muster_wire/catalogue.py` by `make generate`.

Every series also has the tags `host` and `site`. Names, types and units are those of Telegraf's
input plugins wherever Telegraf has the metric; the others are marked *Muster's own*. A counter
grows until the machine restarts; a gauge is the state at the time of the sample.
"""


def metrics() -> dict[str, str]:
    """The page on every metric that an agent can send."""
    return {"docs/reference/metrics.md": "\n".join(page(CATALOGUE))}


SENSORS_HEAD = """\
# Sensors

Made from `agent/muster_agent/sensors` by `make generate`.

All are on by default, and silent on a machine that has not got what they measure. `[sample]
sensors` in the agent's configuration names others; the options of one stand in `[sensor.NAME]`.
What they send is [listed apart](metrics.md).

| sensor | every | options | what it measures |
|---|---|---|---|"""


def sensors() -> dict[str, str]:
    """The page on every sensor and its options."""
    rows = [sensor_row(name, made) for name, made in SENSORS.items()]
    return {"docs/reference/sensors.md": "\n".join([SENSORS_HEAD, *rows, ""])}


def sensor_row(name: str, made: str) -> str:
    """One row of the table: interval, options with their defaults, the module's first sentence."""
    module = import_module(f"muster_agent.sensors.{name}")
    sensor = getattr(module, made)
    every = "sample" if sensor.every is None else f"{sensor.every:g} s"
    defaults = sensor.__init__.__kwdefaults__ or {}
    options = ", ".join(f"`{key} = {json.dumps(value)}`" for key, value in defaults.items())
    what = (module.__doc__ or "").strip().splitlines()[0].removesuffix(".")
    return f"| `{name}` | {every} | {options} | {what} |"


def page(catalogue: tuple[Measurement, ...]) -> Iterator[str]:
    """The lines of the page."""
    yield HEAD
    for measurement in catalogue:
        own = " (Muster's own)" if measurement.source == "muster" else ""
        yield f"## {measurement.name}{own}\n"
        yield f"Tags: {', '.join(f'`{t}`' for t in measurement.tags) or 'none'}\n"
        yield "| field | type | unit | kind | meaning |"
        yield "|---|---|---|---|---|"
        for field in measurement.fields:
            yield f"| `{field.name}` | {' | '.join(field[1:])} |"
        yield ""
