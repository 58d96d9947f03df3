"""What the doctor finds on the way to the centre: certificate, broker, rights, collector."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

from muster_agent import config
from muster_agent.config import Config
from muster_agent.doctor.finding import Finding
from muster_agent.errors import ConfigError
from muster_agent.host import Host
from muster_agent.mqtt import PATIENCE, Event, Link, Will
from muster_agent.uplink import REFUSAL
from muster_wire import topics
from muster_wire.codec import JSON, Encoded
from muster_wire.echo import ECHO
from muster_wire.echo import clock as clock_in

KINDS = ("report", "birth", "status", "config/state")
"""What a node publishes."""
NOBODY = 0x10
"""The reason code of a PUBACK: there are no matching subscribers."""
ANSWER = 5.0
"""Seconds that a collector has to answer."""
OFF = 5.0
"""Seconds by which two clocks may differ before it is worth mending."""
SOON = 14 * 86_400
"""Seconds before a certificate ends from which it should be renewed."""
NOTHING = Encoded(b"{}", JSON)


def certificate(settings: Config, host: Host) -> Iterator[Finding]:
    """Whether the node's own certificate is in time, and its key is kept from others."""
    from muster_agent.sensors.x509_cert import LIMIT, parse_certificate

    path = settings.mqtt.cert_file
    if not path:
        return
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs memory
            start, end, tags = parse_certificate(file.read(LIMIT))
        others = os.stat(settings.mqtt.key_file).st_mode & 0o077  # noqa: PTH116 - as above
    except OSError as error:
        text = f"{error.filename}: {error.strerror}: let the agent's user read it"
        yield Finding("certificate", False, text)
        return
    except (ValueError, IndexError) as error:
        yield Finding("certificate", False, f"{path}: no certificate: {error}")
        return
    name, now = tags.get("common_name", ""), host.clock()
    until = time.strftime("%Y-%m-%d", time.gmtime(end))
    if now < start:
        text = f"{path}: valid only from {time.strftime('%Y-%m-%d', time.gmtime(start))}: "
        yield Finding("certificate", False, text + "is the clock right?")
    elif now > end:
        yield Finding("certificate", False, f"{path}: expired on {until}: issue a new one")
    elif others:
        text = f"others may read {settings.mqtt.key_file}: chmod 0400"
        yield Finding("certificate", False, text)
    elif now > end - SOON:
        yield Finding("certificate", None, f"{path}: expires on {until}: issue a new one soon")
    elif name != settings.node.id:
        text = f"{path}: of {name!r}, while [node] id is {settings.node.id!r}"
        yield Finding("certificate", None, f"{text}: most brokers want both to be the same")
    else:
        yield Finding("certificate", True, f"{path}: of {name!r}, until {until}")


def broker(settings: Config, host: Host) -> Iterator[Finding]:
    """Whether the broker takes us, lets us speak, and has a collector behind it.

    A client id of its own lets a running agent stay; a broker that names clients by their user
    parts the agent for a second.
    """
    node, mqtt = settings.node, settings.mqtt
    try:
        link = Link(mqtt, f"muster-doctor-{node.id}", config.password(mqtt))
    except ConfigError as error:
        yield Finding("broker", False, str(error))
        return
    started = time.monotonic()
    # Its will goes where nobody listens: it is a visitor, not the node.
    link.connect(Will(topics.topic(node.site, node.id, "status/doctor", root=mqtt.root), NOTHING))
    visit = Visit(link, settings)
    visit.wait(2 * PATIENCE, lambda: bool(visit.state))
    if visit.state != "up":
        yield Finding("broker", False, visit.why or "no answer")
        return
    took = (time.monotonic() - started) * 1000
    how = "TLS" if mqtt.url.tls else "no TLS: use mqtts:// off this machine"
    yield Finding("broker", True, f"{mqtt.url.host}:{mqtt.url.port} in {took:.0f} ms, {how}")
    yield from visit.findings(host)
    link.disconnect()


class Visit:
    """A connection to the broker on which echoes are sent, and what comes of them."""

    def __init__(self, link: Link, settings: Config) -> None:
        self.link = link
        self.settings = settings
        self.state = self.why = ""
        self.token = os.urandom(8).hex().encode()
        self.sent: dict[int, str] = {}
        self.codes: dict[str, Event] = {}
        self.answered: tuple[int, float] | None = None
        """The collector's clock in ms, and when it came, in monotonic seconds."""

    def wait(self, seconds: float, until: Callable[[], bool]) -> None:
        """Work on the connection until something holds, or for a while."""
        end = time.monotonic() + seconds
        while not until() and self.state != "down" and (left := end - time.monotonic()) > 0:
            self.link.wait(left)
            while self.link.events:
                self.take(self.link.events.popleft())

    def take(self, event: Event) -> None:
        """Note what has happened."""
        if event.kind in ("up", "down"):
            self.state, self.why = event.kind, event.text
        elif event.kind == "puback" and event.number in self.sent:
            self.codes[self.sent[event.number]] = event
        elif event.kind == "message" and event.content_type == ECHO:
            found = clock_in(event.payload, self.token)
            if found is not None:
                self.answered = found, time.monotonic()

    def findings(self, host: Host) -> Iterator[Finding]:
        """What the node may publish, and whether a collector hears it."""
        node, root = self.settings.node, self.settings.mqtt.root
        self.link.subscribe(topics.topic(node.site, node.id, "ack", root=root))
        began, wall = time.monotonic(), host.clock()
        for kind in KINDS:
            place = topics.topic(node.site, node.id, kind, root=root)
            mid = self.link.publish(place, Encoded(self.token, ECHO))
            if mid is not None:
                self.sent[mid] = kind
        self.wait(PATIENCE, lambda: len(self.codes) == len(KINDS))
        yield self.rights()
        code = self.codes["report"].code if "report" in self.codes else REFUSAL
        if code == NOBODY:
            mend = f"is the collector running, at this broker, with root {root!r}?"
            yield Finding("collector", False, f"nobody listens for this node's reports: {mend}")
        elif code < REFUSAL:
            self.wait(ANSWER, lambda: self.answered is not None)
            yield self.collector(began, wall)

    def rights(self) -> Finding:
        """Whether the broker's ACL lets the node publish all that it must."""
        if self.state == "down":
            return Finding("publishing", False, f"{self.why}: does another agent have this name?")
        if len(self.codes) < len(KINDS):
            silent = ", ".join(kind for kind in KINDS if kind not in self.codes)
            return Finding("publishing", False, f"the broker does not answer for {silent}")
        refused = {k: e for k, e in self.codes.items() if e.code >= REFUSAL}
        if not refused:
            return Finding("publishing", True, f"the broker takes {', '.join(KINDS)}")
        node, mqtt = self.settings.node, self.settings.mqtt
        place = topics.topic(node.site, node.id, "...", root=mqtt.root)
        why = next(iter(refused.values())).text
        mend = "its ACL must let this node's user or certificate write there"
        text = f"the broker refuses {', '.join(refused)} below {place}: {why}: {mend}"
        return Finding("publishing", False, text)

    def collector(self, began: float, wall: float) -> Finding:
        """Whether it answered, and how far apart the clocks are."""
        if self.answered is None:
            text = f"no answer within {ANSWER:.0f} s: does it run, and may this node read its ack?"
            return Finding("collector", False, text)
        theirs, came = self.answered
        trip = came - began
        ahead = wall + trip / 2 - theirs / 1000
        word = "ahead of" if ahead > 0 else "behind"
        text = f"answers in {trip * 1000:.0f} ms; this clock is {abs(ahead):.3f} s {word} its own"
        if abs(ahead) - trip / 2 > OFF:
            return Finding("collector", False, f"{text}: set the clock that is wrong")
        return Finding("collector", True, text)
