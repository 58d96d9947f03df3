"""What the centre may want of a node: the message, its limits, and the settings that it can open.

Both sides check with this, the centre before it sends and the node before it obeys. What only the
node knows (its own policy, which sensors and options its version has) only the node refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from muster_wire import VERSION, target, topics
from muster_wire.codec import open_payload
from muster_wire.forms import (
    FILE,
    NAME,
    Kind,
    Tables,
    duration,
    one_of,
    require,
    required,
    setting,
    show,
    whole,
)  # fmt: skip

LIMIT = 64 * 1024
"""Bytes that a message may have."""
LONGEST_ID = 100
OPEN = ("sample", "metered", "sensor", "probe")
"""Sections that a policy can open at all; all else stays local."""
OPENED = re.compile(
    r"sample\.(every|sensors)"
    r"|metered(\.(report_every|budget_mb_per_month|shed_first|shed_last))?"
    r"|(sensor|probe)(\.[a-z0-9][a-z0-9._-]*)?|throughput"
)
OPENABLE = (
    '"sample.every", "sample.sensors", "metered", "metered.SETTING", '
    '"sensor", "sensor.NAME", "probe", "probe.NAME", "throughput" (probes of that kind)'
)
"""What a node's policy can name."""
LONGEST_SEND = 1000
MOST_MEGABYTES = 1_000_000
THROUGHPUT = "throughput"
SELDOM = {"every": 3600.0, "jitter": 600.0, "timeout": 30.0}
"""What a throughput probe has where nothing else is said: it is a load to others."""
OFTENEST = 900.0
"""Seconds between its runs at least."""
WEB, STREAM, ENCRYPTED = ("http", "https"), ("tcp", "tls"), ("https", "tls")


def names(value: Any) -> tuple[str, ...]:
    """A list of texts; ValueError without text when it is none."""
    require(isinstance(value, list) and all(isinstance(v, str) for v in value))
    return tuple(value)


def megabytes() -> Kind:
    """Megabytes, not below zero."""

    def parse(value: Any) -> float:
        require(type(value) in (int, float) and 0 <= value <= MOST_MEGABYTES)
        return float(value)

    return Kind(f"a number from 0 to {MOST_MEGABYTES}", parse)


def _bytes(value: Any) -> str:
    require(isinstance(value, str) and len(value) <= LONGEST_SEND)
    return str(value)


def _target(value: Any) -> target.Target:
    require(isinstance(value, str))
    return target.parse(value)


MEASUREMENTS = Kind('a list of measurements, such as ["procstat", "nstat"]', names)
NAMES = Kind('a list of sensor names, such as ["cpu", "mem"]; [] for all', names)
BYTES = Kind(f"a text of at most {LONGEST_SEND} characters", _bytes)
TARGET = Kind(
    '"http://HOST/PATH", "https://HOST/PATH", "tcp://HOST:PORT", "tls://HOST:PORT", '
    '"dns://SERVER/NAME?type=A", "ping://HOST" or "throughput://HOST:PORT"',
    _target,
)


@dataclass(frozen=True, slots=True)
class Sample:
    """What is measured, and how often."""

    every: float = setting("10s", duration("100ms", "1d"), "from one report to the next")
    sensors: tuple[str, ...] = setting([], NAMES, "the sensors to use; [] for all that are default")


@dataclass(frozen=True, slots=True)
class Metered:
    """For links that cost money: fewer messages, and less in them when a budget says so."""

    report_every: float = setting(
        "0s", duration("0s", "1d"), "send all samples of this time in one message; 0s: each alone"
    )
    budget_mb_per_month: float = setting(
        0,
        megabytes(),
        "megabytes that the link may carry in a calendar month (UTC); 0: no limit",
    )
    shed_first: tuple[str, ...] = setting([], MEASUREMENTS, "measurements to leave out first")
    shed_last: tuple[str, ...] = setting([], MEASUREMENTS, "measurements never to leave out")


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
    secret_file: str = setting(
        "", FILE, "a file whose first line the other agent knows too", only=(THROUGHPUT,)
    )
    mb: int = setting(10, whole(1, 1000), "megabytes each way at most", only=(THROUGHPUT,))
    mbit: int = setting(
        50, whole(1, 10_000), "megabits a second at most: no measurement beyond", only=(THROUGHPUT,)
    )


class Wanted(NamedTuple):
    """A configuration that the centre wants, as it came."""

    id: str
    config: dict[str, Any]


def parse(payload: bytes, content_type: str | None) -> Wanted:
    """What a message wants; raises ValueError that says what is wrong with it."""
    try:
        raw = json.loads(open_payload(payload, content_type, limit=LIMIT))
        if not isinstance(raw, dict) or raw.get("v", VERSION) != VERSION:
            raise ValueError(f"not a configuration of version {VERSION}")
        return wanted(raw.get("id"), raw.get("config"))
    except (UnicodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error


def wanted(id_: object, config: object) -> Wanted:
    """The two checked; raises ValueError."""
    if not isinstance(id_, str) or not 0 < len(id_) <= LONGEST_ID or not id_.isprintable():
        raise ValueError(f"id = {show(id_)}: use a text of 1 to {LONGEST_ID} characters")
    if not isinstance(config, dict):
        form = "use an object of sections"
        raise ValueError(f"config = {show(config)}: {form}")  # noqa: TRY004 - one kind for all
    # What cannot be written could not be reported in a birth either.
    json.dumps(config, ensure_ascii=False, allow_nan=False).encode()
    return Wanted(id_, config)


def message(found: Wanted) -> bytes:
    """The payload of a message; ValueError when it is larger than a node takes."""
    text = {"v": VERSION, "id": found.id, "config": found.config}
    payload = json.dumps(text, ensure_ascii=False, allow_nan=False).encode()
    if len(payload) > LIMIT:
        raise ValueError(f"{len(payload)} bytes: a node takes {LIMIT}")
    return payload


def forbidden(config: dict[str, Any], allow: Iterable[str]) -> list[str]:
    """What a node's policy does not let the centre change, one line each."""
    allow = tuple(allow)
    mistakes: list[str] = []
    for section, table in config.items():
        if section not in OPEN or not isinstance(table, dict):
            right = f"use objects {', '.join(OPEN)}"
            mistakes.append(f"{section[:40]} = {show(table)}: {right}")
            continue
        here = ", ".join(allow) or "nothing"
        for key, value in table.items():
            path = f"{section}.{key}"
            if path not in allow and section not in allow:
                mistakes.append(f"{path[:80]}: this node's [remote] allow opens {here}")
            elif section == "probe" and moves_data(value) and THROUGHPUT not in allow:
                right = f"does not open {THROUGHPUT}"
                mistakes.append(f"{path[:80]}: this node's [remote] allow {right}")
    return mistakes


def moves_data(probe: Any) -> bool:
    """Whether it is a throughput test: nobody's data are to be spent without being asked."""
    url = probe.get("url") if isinstance(probe, dict) else ""
    return isinstance(url, str) and url.startswith(f"{THROUGHPUT}:")


def mistakes(config: dict[str, Any], source: str) -> list[str]:
    """What every node would refuse, one line each, beginning with `source`."""
    found = Tables(source)
    for section, table in config.items():
        if section not in OPEN:
            found.wrong(f"[{section[:40]}]", f"use {', '.join(f'[{name}]' for name in OPEN)}")
        elif not isinstance(table, dict):
            found.wrong(f"{section} = {show(table)}", f"use a section [{section}]")
    for name, table in tables(config, "sensor").items():
        if not isinstance(table, dict):
            found.wrong(
                f"[sensor] {name[:40]} = {show(table)}", f"use a section [sensor.{name[:40]}]"
            )
    found.table("[sample]", Sample, tables(config, "sample"))
    found.table("[metered]", Metered, tables(config, "metered"))
    for name, table in tables(config, "probe").items():
        probe(found, name, table)
    return found.mistakes


def tables(config: dict[str, Any], section: str) -> dict[str, Any]:
    """A section that is a table, else an empty one."""
    found = config.get(section, {})
    return found if isinstance(found, dict) else {}


def probe(found: Tables, name: str, raw: Any) -> Probe | None:
    """One probe, None when anything in it is wrong."""
    where, before = f"[probe.{name[:80]}]", len(found.mistakes)
    if not isinstance(raw, dict):
        found.wrong(f"[probe] {name[:80]} = {show(raw)}", f"use a section {where}")
        return None
    if not topics.NAME.fullmatch(name):
        found.wrong(where, f"use a name of {NAME.form}")
    values = found.table(where, Probe, raw)
    if "url" not in raw:
        found.wrong(f"{where} has no url", f"use {TARGET.form}")
    if "url" in values:
        foreign(found, where, values["url"].scheme, raw)
        if values["url"].scheme == THROUGHPUT:
            values = seldom(found, where, values)
    return Probe(**values) if len(found.mistakes) == before else None


def seldom(found: Tables, where: str, values: dict[str, Any]) -> dict[str, Any]:
    """The values of a throughput probe with its own defaults; notes what it must not be."""
    values = {**SELDOM, **values}
    if not values.get("secret_file"):
        found.wrong(f"{where} has no secret_file", f"use {FILE.form} that the other agent has too")
    if values["every"] < OFTENEST:
        right = f"use {OFTENEST / 60:.0f}m or more with {THROUGHPUT}"
        found.wrong(f'{where} every = "{values["every"]:g}s"', right)
    return values


def foreign(found: Tables, where: str, scheme: str, raw: dict[str, Any]) -> None:
    """Note settings that only other kinds of probes have."""
    for declared in fields(Probe):
        only = declared.metadata["only"]
        if declared.name in raw and only and scheme not in only:
            what = f"{where} {declared.name} = {show(raw[declared.name])}"
            found.wrong(what, f"leave it out, it is for {', '.join(only)} and not for {scheme}")
