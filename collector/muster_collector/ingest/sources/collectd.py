"""What collectd's mqtt plugin publishes: one value list a message, `EPOCH:VALUE[:VALUE...]`.

The topic ends in HOST/PLUGIN[-INSTANCE]/TYPE[-INSTANCE]; the names of the values are in types.db.
Measurements, tags and the one field `value` are named as by InfluxDB's collectd listener and the
parser of Telegraf (`interface_rx`, tags `instance`, `type`, `type_instance`). A float always:
with StoreRates the same topic carries rates. Where collectd has exactly what the catalogue has, in
the same unit whatever its settings are, the value is stored under that name as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from muster_collector.errors import ConfigError
from muster_collector.ingest.sources.sample import Bad, Decoded, Sample
from muster_wire.messages import Value

TypesDb = Mapping[str, tuple[str, ...]]
"""Type to the names of its values, in order."""
LOADS = {"shortterm": "load1", "midterm": "load5", "longterm": "load15"}
CPU_STATES = {
    "user": "usage_user", "system": "usage_system", "nice": "usage_nice", "idle": "usage_idle",
    "wait": "usage_iowait", "interrupt": "usage_irq", "softirq": "usage_softirq",
    "steal": "usage_steal",
}  # fmt: skip
"""With ValuesPercentage; `cpu-N` is one CPU, without instance it is all of them."""


class Identifier(NamedTuple):
    """What the end of a topic says."""

    host: str
    plugin: str
    instance: str
    type: str
    type_instance: str


def identify(topic: str) -> Identifier | None:
    """The identifier in a topic; None where it has too few levels."""
    parts = topic.rsplit("/", 3)
    if len(parts) < 3:
        return None
    host, plugins, types = parts[-3:]
    plugin, _, instance = plugins.partition("-")
    kind, _, type_instance = types.partition("-")
    return Identifier(host, plugin, instance, kind, type_instance)


def load_types(path: Path) -> TypesDb:
    """Collectd's types.db; `ConfigError` names the file and the line."""
    found: dict[str, tuple[str, ...]] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"[source] types_db = {path}: cannot be read: {getattr(error, 'strerror', error)};"
            " copy a node's /usr/share/collectd/types.db"
        ) from error
    for number, line in enumerate(text.splitlines(), 1):
        name, *values = line.partition("#")[0].replace(",", " ").split() or [""]
        if name and not (values and all(value.count(":") == 3 for value in values)):
            raise ConfigError(
                f"[source] types_db = {path}: line {number} is not NAME VALUE:KIND:MIN:MAX"
            )
        if name:
            found[name] = tuple(value.partition(":")[0] for value in values)
    return found


def decode(topic: str, payload: bytes, types: TypesDb) -> Decoded:
    """The samples of a value list; values that collectd does not know (nan) are left out."""
    about = identify(topic)
    if about is None or not about.plugin:
        yield Bad("topic", f"topic {topic[:120]!r}: expected .../HOST/PLUGIN/TYPE", payload)
        return
    names = types.get(about.type)
    if names is None:
        yield Bad("type", f"type {about.type[:80]!r} is not in types_db", payload)
        return
    try:
        # The plugin sends the C string with the NUL at its end.
        time, *values = map(float, payload.rstrip(b"\0\r\n").split(b":"))
        milliseconds = round(time * 1000)
    except (ValueError, OverflowError):
        yield Bad("invalid", "not EPOCH:VALUE[:VALUE...]", payload)
        return
    if len(values) != len(names):
        detail = f"{len(values)} values, but type {about.type!r} has {', '.join(names)}"
        yield Bad("invalid", detail, payload)
        return
    for name, value in zip(names, values, strict=True):
        if math.isfinite(value):
            yield from _samples(about, name, value, milliseconds, payload)


def _samples(about: Identifier, name: str, value: float, time: int, raw: bytes) -> Decoded:
    tags = {
        "instance": about.instance, "type": about.type, "type_instance": about.type_instance,
    }  # fmt: skip
    given = {key: text for key, text in tags.items() if text}
    yield Sample(f"{about.plugin}_{name}", given, {"value": value}, time, raw)
    match about.plugin, about.type:
        case "load", "load" if name in LOADS:
            yield Sample("system", {}, {LOADS[name]: value}, time, raw)
        case "cpu", "percent" if about.type_instance in CPU_STATES:
            cpu = f"cpu{about.instance}" if about.instance else "cpu-total"
            fields: dict[str, Value] = {CPU_STATES[about.type_instance]: value}
            yield Sample("cpu", {"cpu": cpu}, fields, time, raw)
        case "uptime", "uptime":
            yield Sample("system", {}, {"uptime": int(value)}, time, raw)
