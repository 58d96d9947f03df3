"""Reads the agent's configuration: a TOML file, with the environment above it for texts.

Every mistake is found in one go and told in one line: what, where, and what would be right.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from muster_agent import imports, settings
from muster_agent.errors import ConfigError
from muster_wire import wanted
from muster_wire.forms import Tables, show

ENVIRONMENT = "MUSTER"
SENSOR, PROBE = "sensor", "probe"


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; `sensor` holds the options of sensors by name, `probe` probes."""

    node: settings.Node = field(default_factory=settings.Node)
    mqtt: settings.Mqtt = field(default_factory=settings.Mqtt)
    sample: settings.Sample = field(default_factory=settings.Sample)
    metered: settings.Metered = field(default_factory=settings.Metered)
    spool: settings.Spool = field(default_factory=settings.Spool)
    uplink: settings.Uplink = field(default_factory=settings.Uplink)
    remote: settings.Remote = field(default_factory=settings.Remote)
    throughput: settings.Throughput = field(default_factory=settings.Throughput)
    sensor: dict[str, dict[str, Any]] = field(default_factory=dict)
    probe: dict[str, settings.Probe] = field(default_factory=dict)


class Reader(Tables):
    """Turns tables of raw values into a `Config`, collecting mistakes."""

    def __init__(self, file: str, environment: Mapping[str, str]) -> None:
        super().__init__(file)
        self.environment = environment

    def config(self, raw: dict[str, Any], hostname: str) -> Config:
        """The configuration; raises `ConfigError` when anything in it is wrong."""
        for name in raw.keys() - settings.SECTIONS.keys() - {SENSOR, PROBE}:
            self.wrong(f"[{name}]", f"use {', '.join(f'[{s}]' for s in settings.SECTIONS)}")
        sections = {name: self.section(name, raw.get(name, {})) for name in settings.SECTIONS}
        sections["node"].setdefault("id", node_id(hostname))
        if not sections["node"]["id"]:
            sections["node"]["id"] = node_id(hostname)
        options = self.options(raw.get(SENSOR, {}))
        self.pairs(sections["mqtt"])
        answers = sections["throughput"]
        if answers.get("listen", settings.Place("", 0)).port and not answers.get("secret_file"):
            self.wrong("[throughput] listen has no secret_file", "use a file that the others have")
        probes = self.probes(raw.get(PROBE, {}))
        if self.mistakes:
            raise ConfigError(self.mistakes)
        made = {name: kind(**sections[name]) for name, kind in settings.SECTIONS.items()}
        return Config(**made, sensor=options, probe=probes)

    def section(self, name: str, raw: Any) -> dict[str, Any]:
        """The values of one section that are given."""
        if not isinstance(raw, dict):
            self.wrong(f"{name} = {show(raw)}", f"use a section [{name}]")
            return {}
        values = self.table(f"[{name}]", settings.SECTIONS[name], raw)
        for declared in fields(settings.SECTIONS[name]):
            key = declared.name
            variable = f"{ENVIRONMENT}_{name}_{key}".upper()
            if variable in self.environment and isinstance(declared.metadata["default"], str):
                self.overrule(values, variable, declared)
        return values

    def probes(self, raw: Any) -> dict[str, settings.Probe]:
        """The probes by name; those with mistakes are left out."""
        if not isinstance(raw, dict):
            self.wrong(f"{PROBE} = {show(raw)}", f"use sections [{PROBE}.NAME]")
            return {}
        made = {name: wanted.probe(self, name, table) for name, table in raw.items()}
        return {name: probe for name, probe in made.items() if probe is not None}

    def overrule(self, values: dict[str, Any], variable: str, declared: Any) -> None:
        """Take a value from the environment."""
        text = self.environment[variable]
        if declared.metadata["kind"] is settings.SECRET:
            values[declared.name] = text
        else:
            self.value(values, f"{variable}=", declared, text)

    def options(self, raw: Any) -> dict[str, dict[str, Any]]:
        """The tables below [sensor]."""
        if not isinstance(raw, dict):
            self.wrong(f"{SENSOR} = {show(raw)}", f"use sections [{SENSOR}.NAME]")
            return {}
        for name, table in raw.items():
            if not isinstance(table, dict):
                self.wrong(f"[{SENSOR}] {name} = {show(table)}", f"use a section [{SENSOR}.{name}]")
        return {name: table for name, table in raw.items() if isinstance(table, dict)}

    def pairs(self, mqtt: dict[str, Any]) -> None:
        """Settings that make sense only together."""
        cert, key = mqtt.get("cert_file", ""), mqtt.get("key_file", "")
        if bool(cert) != bool(key):
            given, other = ("cert_file", "key_file") if cert else ("key_file", "cert_file")
            self.wrong(f"[mqtt] {given} = {show(cert or key)}", f"use it together with {other}")


def load(
    file: str,
    *,
    hostname: str = "",
    environment: Mapping[str, str] = os.environ,
    over: dict[str, Any] | None = None,
) -> Config:
    """Read a configuration file; raises `ConfigError` with a line for every mistake.

    What is `over` the file is laid over it key by key.
    """
    with imports.for_now("tomllib"):
        import tomllib

        try:
            with open(file, "rb") as stream:  # noqa: PTH123 - pathlib costs memory
                raw = tomllib.load(stream)
        except OSError as error:
            right = "give the path of a configuration with --config"
            raise ConfigError([f"{file}: {error.strerror}: {right}"]) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError([f"{file}: not TOML: {error}"]) from error
    raw = overlaid(raw, over or {})
    return parse(raw, file, hostname=hostname, environment=environment)


def overlaid(raw: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """A configuration as TOML gave it, with another laid over it key by key."""
    merged = dict(raw)
    for section, table in over.items():
        below = merged.get(section, {})
        merged[section] = {**below, **table} if isinstance(below, dict) else table
    return merged


def parse(
    raw: dict[str, Any], file: str, *, hostname: str = "", environment: Mapping[str, str]
) -> Config:
    """A configuration from what TOML gave."""
    return Reader(file, environment).config(raw, hostname)


def sensor_mistakes(config: Config, file: str) -> Iterator[str]:
    """What is wrong with the names and options of sensors, one line each."""
    from muster_agent.host import Host
    from muster_agent.sensors import SENSORS, load

    for name in config.sample.sensors:
        if name not in SENSORS:
            yield f"{file}: [sample] sensors = {show(name)}: use {', '.join(SENSORS)}"
    for name, options in config.sensor.items():
        for key, value in options.items() or [("", None)]:
            try:
                load(Host(), [name], {name: {key: value}} if key else {name: {}})
            except ValueError as error:
                right = str(error).rpartition(": ")[2]
                given = f" {key} = {show(value)}" if key else ""
                yield f"{file}: [{SENSOR}.{name}]{given}: {right}"


def password(mqtt: settings.Mqtt) -> str:
    """The password, from the environment or the first line of its file; "" for none."""
    if mqtt.password or not mqtt.password_file:
        return mqtt.password
    try:
        with open(mqtt.password_file, encoding="utf-8") as stream:  # noqa: PTH123 - as above
            return stream.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or "not text"
        raise ConfigError(
            [f"[mqtt] password_file = {show(mqtt.password_file)}: {what}: use a readable file"]
        ) from error


def node_id(hostname: str) -> str:
    """A host's name made into a node's: small letters, "-" for what topics forbid."""
    name = re.sub(r"[^a-z0-9._-]+", "-", hostname.lower())[:63].lstrip("._-")
    return name or "node"
