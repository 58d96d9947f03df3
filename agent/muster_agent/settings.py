"""Every setting of the agent, declared once: the loader, `check`, --help and the docs read it here.

A setting is a field of its section's class. Its default is written as people would write it in
TOML; its kind says in words what may stand there and turns it into what the code uses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from muster_agent.probes import target
from muster_wire import topics

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
URL = re.compile(r"(mqtts?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?/?")
PORTS = {"mqtt": 1883, "mqtts": 8883}
OPENED = re.compile(r"sample\.(every|sensors)|(sensor|probe)(\.[a-z0-9][a-z0-9._-]*)?")
LONGEST_SEND = 1000
WEB, STREAM, ENCRYPTED = ("http", "https"), ("tcp", "tls"), ("https", "tls")


class Kind(NamedTuple):
    """What a setting may be: in words that follow "use ", and as a function.

    `parse` takes what TOML gave and returns what the code uses; it raises ValueError, without a
    text when the words of `form` say all.
    """

    form: str
    parse: Callable[[Any], Any]


class Broker(NamedTuple):
    """Where the broker listens, and whether with TLS."""

    host: str
    port: int
    tls: bool


def _require(good: bool) -> None:
    if not good:
        raise ValueError


def _text(value: Any) -> str:
    _require(isinstance(value, str) and value.isprintable())
    return str(value)


def _name(value: Any) -> str:
    _require(isinstance(value, str) and (not value or topics.NAME.fullmatch(value) is not None))
    return str(value)


def _root(value: Any) -> str:
    _require(isinstance(value, str) and value.isprintable())
    _require(not set(value) & set("+#$ ") and all(value.split("/")))
    return str(value)


def _url(value: Any) -> Broker:
    found = URL.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError
    scheme, host, port = found.groups()
    number = int(port or PORTS[scheme])
    _require(1 <= number <= 65535)
    return Broker(host.strip("[]"), number, scheme == "mqtts")


def seconds(value: Any) -> float:
    """Seconds in a duration as people write it; ValueError without text when it is none."""
    _require(isinstance(value, str) and DURATION.fullmatch(value) is not None)
    return sum(float(number) * UNITS[unit] for number, unit in PART.findall(value))


def _names(value: Any) -> tuple[str, ...]:
    _require(isinstance(value, list) and all(isinstance(v, str) for v in value))
    return tuple(value)


def _opened(value: Any) -> tuple[str, ...]:
    names = _names(value)
    _require(all(OPENED.fullmatch(name) for name in names))
    return names


def _bytes(value: Any) -> str:
    _require(isinstance(value, str) and len(value) <= LONGEST_SEND)
    return str(value)


def _target(value: Any) -> target.Target:
    _require(isinstance(value, str))
    return target.parse(value)


def _no_secret(value: Any) -> str:
    _require(value == "")
    return ""


def duration(least: str, most: str) -> Kind:
    """A duration between two others."""

    def parse(value: Any) -> float:
        found = seconds(value)
        _require(seconds(least) <= found <= seconds(most))
        return found

    return Kind(f'a duration from {least} to {most}, such as "10s", "5m", "1h30m" or "30d"', parse)


def whole(least: int, most: int) -> Kind:
    """A whole number between two others."""

    def parse(value: Any) -> int:
        _require(type(value) is int and least <= value <= most)
        return int(value)

    return Kind(f"a whole number from {least} to {most}", parse)


def one_of(*choices: str) -> Kind:
    """One of a few words."""

    def parse(value: Any) -> str:
        _require(value in choices)
        return str(value)

    return Kind(" or ".join(f'"{choice}"' for choice in choices), parse)


TEXT = Kind("a text of one line", _text)
FILE = Kind("a path", _text)
NAME = Kind("1 to 63 of a-z 0-9 . _ - beginning with a letter or digit", _name)
ROOT = Kind('a topic without wildcards, without a slash at either end, such as "muster/v1"', _root)
URL_KIND = Kind('"mqtt://HOST", "mqtts://HOST" (TLS), or with ":PORT" behind', _url)
NAMES = Kind('a list of sensor names, such as ["cpu", "mem"]; [] for all', _names)
OPEN = Kind(
    'a list of "sample.every", "sample.sensors", "sensor", "sensor.NAME", "probe", "probe.NAME"',
    _opened,
)
BYTES = Kind(f"a text of at most {LONGEST_SEND} characters", _bytes)
TARGET = Kind(
    '"http://HOST/PATH", "https://HOST/PATH", "tcp://HOST:PORT", "tls://HOST:PORT", '
    '"dns://SERVER/NAME?type=A" or "ping://HOST"',
    _target,
)
SECRET = Kind("password_file, or MUSTER_MQTT_PASSWORD in the environment", _no_secret)


def setting(default: Any, kind: Kind, meaning: str, *, only: tuple[str, ...] = ()) -> Any:
    """A setting with its default as TOML has it; `only` are the probes that have it."""
    return field(
        default=kind.parse(default),
        metadata={"default": default, "kind": kind, "meaning": meaning, "only": only},
    )


def required(kind: Kind, meaning: str) -> Any:
    """A setting without a default."""
    return field(metadata={"default": "", "kind": kind, "meaning": meaning, "only": ()})


@dataclass(frozen=True, slots=True)
class Node:
    """What the node is called; both names are part of its topics."""

    id: str = setting("", NAME, "the node's name, unique in the fleet; empty for the host's name")
    site: str = setting("unassigned", NAME, "the site that it stands at")


@dataclass(frozen=True, slots=True)
class Mqtt:
    """Where the reports go."""

    url: Broker = setting("mqtt://127.0.0.1:1883", URL_KIND, "the broker")
    root: str = setting(topics.ROOT, ROOT, "the topic that all of Muster's are below")
    username: str = setting("", TEXT, "empty for none")
    password: str = setting("", SECRET, "only from the environment, never from this file")
    password_file: str = setting("", FILE, "a file whose first line is the password")
    ca_file: str = setting("", FILE, "who may sign the broker's certificate; empty: as the system")
    cert_file: str = setting("", FILE, "this node's certificate")
    key_file: str = setting("", FILE, "the key of this node's certificate")
    keepalive: float = setting("60s", duration("5s", "1h"), "a dead link is noticed within this")


@dataclass(frozen=True, slots=True)
class Sample:
    """What is measured, and how often."""

    every: float = setting("10s", duration("100ms", "1d"), "from one report to the next")
    sensors: tuple[str, ...] = setting([], NAMES, "the sensors to use; [] for all that are default")


@dataclass(frozen=True, slots=True)
class Spool:
    """Where reports wait until the collector has stored them; the oldest go when it is full."""

    path: str = setting("/var/lib/muster-agent/spool.db", FILE, "the file")
    max_mb: int = setting(256, whole(1, 1_000_000), "megabytes of reports to keep at most")
    max_age: float = setting("30d", duration("1m", "520w"), "how long to keep a report at most")


@dataclass(frozen=True, slots=True)
class Uplink:
    """How reports go out."""

    backlog_per_second: int = setting(
        50, whole(1, 10_000), "reports a second at most while catching up after an outage"
    )
    window: int = setting(20, whole(1, 1000), "reports on their way that the broker has not taken")
    ack_timeout: float = setting(
        "60s", duration("1s", "1d"), "ask the collector again when it has said nothing for this"
    )


@dataclass(frozen=True, slots=True)
class Remote:
    """What the centre may change; what it wants lies over this file, and is on trial first."""

    allow: tuple[str, ...] = setting([], OPEN, "what it may change; [] for nothing")
    trial: float = setting(
        "5m", duration("1s", "1d"), "a report must be stored within this, or the former comes back"
    )


@dataclass(frozen=True, slots=True)
class Probe:
    """What is asked beside the sampling; each probe has a section and a name of its own."""

    url: target.Target = required(TARGET, "what to ask")
    every: float = setting("60s", duration("1s", "1d"), "from one run to the next")
    timeout: float = setting("5s", duration("100ms", "60s"), "a run takes no longer than this")
    jitter: float = setting(
        "5s", duration("0s", "1h"), "a run begins up to this later, at random, and never a run late"
    )
    peer_site: str = setting("", NAME, "the site at the other end, put into a tag; empty: none")
    ca_file: str = setting(
        "", FILE, "who may sign the server's certificate; empty: as the system", only=ENCRYPTED
    )
    method: str = setting("GET", one_of("GET", "HEAD"), "the request", only=WEB)
    status: int = setting(0, whole(0, 599), "the status that is right; 0: any", only=WEB)
    redirects: int = setting(0, whole(0, 5), "redirects to follow", only=WEB)
    max_kb: int = setting(1000, whole(1, 100_000), "kilobytes to read at most", only=WEB)
    send: str = setting("", BYTES, "what to say first", only=STREAM)
    expect: str = setting(
        "", BYTES, "what the answer must hold; empty: anything", only=WEB + STREAM
    )
    count: int = setting(5, whole(1, 20), "echo requests in a run", only=("ping",))


SECTIONS: dict[str, type[Any]] = {
    "node": Node,
    "mqtt": Mqtt,
    "sample": Sample,
    "spool": Spool,
    "uplink": Uplink,
    "remote": Remote,
}
