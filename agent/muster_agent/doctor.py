"""Tries what the agent needs and says in plain words what works, and what to do if not."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import NamedTuple

from muster_agent import config
from muster_agent.errors import ConfigError
from muster_agent.host import Host
from muster_agent.mqtt import PATIENCE, Link, Will
from muster_agent.sampler import FIRST
from muster_agent.sensors import Sensor, SensorAbsentError, load
from muster_wire import topics
from muster_wire.codec import JSON, Encoded

ROOM = 50_000_000
"""Bytes of free disk below which the spool will soon be in trouble."""
SYNCHRONISED = ("run/systemd/timesync/synchronized", "run/chrony/chronyd.pid", "run/ntpd.pid")
"""Files that are there while something keeps the clock."""
SLOW = 0.1
"""Seconds from which a sensor is worth a remark."""
NOTHING = Encoded(b"{}", JSON)


class Finding(NamedTuple):
    """What was tried and how it went; `good` None means that there is nothing to judge."""

    what: str
    good: bool | None
    text: str


def examine(settings: config.Config, host: Host) -> Iterator[Finding]:
    """Every finding, in the order of the flow."""
    yield from sensors(settings, host)
    yield clock(host)
    yield spool(settings)
    yield broker(settings)


def sensors(settings: config.Config, host: Host) -> Iterator[Finding]:
    """Each sensor twice, because many need a difference."""
    loaded = load(host, settings.sample.sensors or None, settings.sensor)
    for sensor in loaded:
        reading(sensor)
    time.sleep(FIRST)
    for sensor in loaded:
        yield reading(sensor)


def reading(sensor: Sensor) -> Finding:
    """One reading of one sensor."""
    what = f"sensor {sensor.name}"
    started = time.perf_counter()
    try:
        metrics = sensor.read()
    except SensorAbsentError as error:
        return Finding(what, None, str(error) or "this machine has nothing for it")
    except (OSError, ValueError) as error:
        return Finding(what, False, f"{error}: its readings will be missing")
    took = time.perf_counter() - started
    values = sum(len(metric.fields) for metric in metrics)
    slow = ", slow: consider leaving it out of [sample] sensors" if took > SLOW else ""
    return Finding(what, True, f"{values} values in {took * 1000:.1f} ms{slow}")


def clock(host: Host) -> Finding:
    """Whether something keeps the clock; a report with a wrong time is as bad as none."""
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(host.clock()))
    if any(host.exists(path) for path in SYNCHRONISED):
        return Finding("clock", True, f"{now}, kept by the network")
    return Finding("clock", None, f"{now}; nothing seen that keeps it: install chrony")


def spool(settings: config.Config) -> Finding:
    """Whether the spool's folder can be written and has room."""
    path = settings.spool.path
    folder = os.path.dirname(path) or "."  # noqa: PTH120 - pathlib costs memory
    try:
        found = os.statvfs(folder)
    except OSError as error:
        return Finding("spool", False, f"{folder}: {error.strerror}: make the folder")
    if not os.access(folder, os.W_OK):
        return Finding("spool", False, f"{folder}: not writable for this user: chown the folder")
    free = found.f_bavail * found.f_frsize
    room = f"{free // 1_000_000} MB free, at most {settings.spool.max_mb} MB will be used"
    if free < ROOM:
        return Finding("spool", False, f"{path}: {room}: make room on the disk")
    return Finding("spool", True, f"{path}: {room}")


def broker(settings: config.Config) -> Finding:
    """Whether the broker takes us; with a client id of its own, so a running agent stays."""
    node, mqtt = settings.node, settings.mqtt
    try:
        link = Link(mqtt, f"muster-doctor-{node.id}", config.password(mqtt))
    except ConfigError as error:
        return Finding("broker", False, str(error))
    started = time.monotonic()
    # Its will goes where nobody listens: it is a visitor, not the node.
    link.connect(Will(topics.topic(node.site, node.id, "status/doctor", root=mqtt.root), NOTHING))
    while not link.events and time.monotonic() < started + 2 * PATIENCE:
        link.wait(PATIENCE)
    event = link.events.popleft() if link.events else None
    link.disconnect()
    if event is None or event.kind != "up":
        return Finding("broker", False, event.text if event else "no answer")
    took = (time.monotonic() - started) * 1000
    how = "TLS" if mqtt.url.tls else "no TLS: use mqtts:// off this machine"
    return Finding("broker", True, f"{mqtt.url.host}:{mqtt.url.port} in {took:.0f} ms, {how}")


def report(settings: config.Config, host: Host) -> int:
    """Print every finding; the exit status says whether all is well."""
    marks = {True: "ok  ", False: "BAD ", None: "-   "}
    bad = 0
    for finding in examine(settings, host):
        bad += finding.good is False
        print(f"{marks[finding.good]} {finding.what:<22} {finding.text}", flush=True)
    print(f"{bad} to mend" if bad else "all well")
    return int(bad > 0)
