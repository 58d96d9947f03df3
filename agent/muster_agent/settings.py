"""Every setting of the agent, declared once: the loader, `check`, --help and the docs read it here.

A setting is a field of its section's class. Its default is written as people would write it in
TOML; its kind says in words what may stand there and turns it into what the code uses. What the
centre may want of an agent is declared in `muster_wire.wanted`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from muster_wire import topics
from muster_wire.forms import FILE, NAME, TEXT, Kind, duration, require, setting, whole
from muster_wire.wanted import OPENABLE, OPENED, Metered, Probe, Sample, names

__all__ = [
    "SECTIONS",
    "Broker",
    "Metered",
    "Mqtt",
    "Node",
    "Probe",
    "Remote",
    "Sample",
    "Spool",
    "Throughput",
    "Uplink",
]

URL = re.compile(r"(mqtts?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?/?")
LISTEN_AT = re.compile(r"(\d+\.\d+\.\d+\.\d+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
PORTS = {"mqtt": 1883, "mqtts": 8883}


class Broker(NamedTuple):
    """Where the broker listens, and whether with TLS."""

    host: str
    port: int
    tls: bool


class Place(NamedTuple):
    """An address to listen at; port 0 is nowhere."""

    host: str
    port: int


def _listen(value: Any) -> Place:
    found = LISTEN_AT.fullmatch(value) if isinstance(value, str) else None
    require(value == "" or found is not None)
    if found is None:
        return Place("", 0)
    require(1 <= int(found[2]) <= 65535)
    return Place(found[1].strip("[]"), int(found[2]))


def _yes_no(value: Any) -> bool:
    require(isinstance(value, bool))
    return bool(value)


def _root(value: Any) -> str:
    require(isinstance(value, str) and value.isprintable())
    require(not set(value) & set("+#$ ") and all(value.split("/")))
    return str(value)


def _url(value: Any) -> Broker:
    found = URL.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError
    scheme, host, port = found.groups()
    number = int(port or PORTS[scheme])
    require(1 <= number <= 65535)
    return Broker(host.strip("[]"), number, scheme == "mqtts")


def _opened(value: Any) -> tuple[str, ...]:
    found = names(value)
    require(all(OPENED.fullmatch(name) for name in found))
    return found


def _no_secret(value: Any) -> str:
    require(value == "")
    return ""


LISTEN = Kind('"ADDRESS:PORT" of this machine, such as "0.0.0.0:5021"', _listen)
YES_NO = Kind("true or false", _yes_no)
ROOT = Kind('a topic without wildcards, without a slash at either end, such as "muster/v1"', _root)
URL_KIND = Kind('"mqtt://HOST", "mqtts://HOST" (TLS), or with ":PORT" behind', _url)
OPEN = Kind(f"a list of {OPENABLE}", _opened)
SECRET = Kind("password_file, or MUSTER_MQTT_PASSWORD in the environment", _no_secret)


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
class Spool:
    """Where reports wait until the collector has stored them; the oldest go when it is full."""

    path: str = setting("/var/lib/muster-agent/spool.db", FILE, "the file")
    max_mb: int = setting(256, whole(1, 1_000_000), "megabytes of reports to keep at most")
    max_age: float = setting(
        "30d", duration("1m", "520w"), "how long to keep a report at most, while it runs"
    )


@dataclass(frozen=True, slots=True)
class Uplink:
    """How reports go out."""

    compact: bool = setting(
        True, YES_NO, "send the newest report as what changed, to a collector that understands it"
    )
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
class Throughput:
    """Lets other agents measure how much the path to this node carries; off unless it listens."""

    listen: Place = setting("", LISTEN, "where; empty: off")
    secret_file: str = setting("", FILE, "a file whose first line the other agents know too")
    max_mb: int = setting(20, whole(1, 10_000), "megabytes each way that a test may take")
    max_mbit: int = setting(100, whole(1, 100_000), "megabits a second that a test may take")
    max_time: float = setting("30s", duration("1s", "5m"), "how long a test may take")
    per_day: int = setting(
        96, whole(1, 10_000), "tests in 24 hours at most, of all others together"
    )


SECTIONS: dict[str, type[Any]] = {
    "node": Node,
    "mqtt": Mqtt,
    "sample": Sample,
    "metered": Metered,
    "spool": Spool,
    "uplink": Uplink,
    "remote": Remote,
    "throughput": Throughput,
}
