"""The load of the collector's benchmarks: reports as agents make them, and who publishes them."""

from __future__ import annotations

import json
import os
import random
import socket
import time
from collections.abc import Iterable, Iterator
from itertools import islice, starmap
from typing import BinaryIO, NamedTuple

import mqtt5
from hosts.machine import HOSTS

from muster_agent import body
from muster_agent.compact import RENEWED, Full
from muster_wire import topics
from muster_wire.codec import JSON, Encoded, encode, open_payload
from muster_wire.messages import Birth, Metric, Value

METRICS, FIELDS = 12, 5
VARIETY = 50
"""Nodes in a row whose values differ."""
WINDOW = 1000
"""Messages on their way to the broker that it has not acknowledged."""
BROKER = """allow_anonymous true
max_queued_messages 0
max_queued_bytes 0
max_inflight_messages 0
"""


class Sent(NamedTuple):
    """A message to publish."""

    topic: str
    message: Encoded
    retain: bool = False


def metrics() -> list[Metric]:
    """60 fields in 12 lines, as the sensors give them on one of the machines of the tests."""
    rows = json.loads((HOSTS / "vm.golden.json").read_text())
    return [
        Metric(name, tags, dict(islice(fields.items(), FIELDS)))
        for name, tags, fields in rows
        if len(fields) >= FIELDS
    ][:METRICS]


def varied(rows: list[Metric], seed: int) -> list[Metric]:
    """The same with other values of the same types."""
    chance = random.Random(seed)
    return [
        Metric(m.name, m.tags, {key: _other(value, chance) for key, value in m.fields.items()})
        for m in rows
    ]


def _other(value: object, chance: random.Random) -> float | int | str | bool:
    if type(value) is float:
        return round(value + chance.random() * 3, 3)
    return value + chance.randrange(1000) if type(value) is int else str(value)


def reports(root: str, count: int, nodes: int, *, begin: int = 0) -> Iterator[Sent]:
    """Reports of all nodes in turn; `begin` is the first seq."""
    rows = metrics()
    now = time.time_ns() // 1_000_000
    made: dict[int, bytes] = {}
    for number in range(count):
        seq, which = begin + number // nodes, number % nodes
        node, site = f"node-{which}", f"site-{which % 10}"
        kind = (seq << 6) + number % VARIETY
        if kind not in made:
            made = {} if len(made) > VARIETY else made
            ts = now - (100_000 - seq) * 100
            made[kind] = body.make(ts=ts, every=0.1, metrics=varied(rows, kind))
        envelope = body.Envelope(node, site, 1, seq, begin, now)
        message = Encoded(body.payload(made[kind], envelope), body.content_type(made[kind]))
        yield Sent(topics.topic(site, node, "report", root=root), message)


def changes(root: str, count: int, nodes: int) -> Iterator[Sent]:
    """The same told as agents tell them: one in full, the next ones against it; all values new."""
    rows = metrics()
    now = time.time_ns() // 1_000_000
    for number in range(count):
        seq, which = number // nodes, number % nodes
        node, site, kind = f"node-{which}", f"site-{which % 10}", number % VARIETY
        base = seq - seq % (RENEWED + 1)

        def full(seq: int, kind: int = kind) -> Full:
            ts = now - (100_000 - seq) * 100
            return Full((1, seq), ts, 0.1, varied(rows, (seq << 6) + kind))

        envelope = body.Envelope(node, site, 1, seq, 0, now, keep=seq == base)
        if seq == base:
            kept = body.make(ts=full(seq).ts, every=0.1, metrics=full(seq).metrics)
            message = Encoded(body.payload(kept, envelope), body.content_type(kept))
        else:
            message = body.told(full(seq), full(base), envelope)
        yield Sent(topics.topic(site, node, "report", root=root), message)


def births(root: str, nodes: int) -> Iterator[Sent]:
    """What makes as many nodes known."""
    now = time.time_ns() // 1_000_000
    inventory: dict[str, Value] = {
        "os": "Debian GNU/Linux 12",
        "kernel": "6.1.0-18-amd64",
        "cores": 4,
        "arch": "x86",
    }
    for which in range(nodes):
        node, site = f"node-{which}", f"site-{which % 10}"
        birth = Birth(node, site, 1, 0, 0, now, 10.0, "0.1.0", ["cpu", "mem"], dict(inventory))
        yield Sent(topics.topic(site, node, "birth", root=root), encode(birth), retain=True)


def plain(sent: Iterable[Sent]) -> list[Sent]:
    """The same as JSON, for who knows no zlib."""
    return [
        Sent(topic, Encoded(open_payload(message.payload, message.content_type), JSON))
        for topic, message, _ in sent
    ]


def flood(port: int, messages: list[Sent]) -> int:
    """Publish all from a child process; its process id."""
    pid = os.fork()
    if pid == 0:
        publish(port, messages)
        os._exit(0)
    return pid


def publish(port: int, messages: list[Sent]) -> None:
    """Send as fast as the broker takes them, and wait until it has them all."""
    with (
        socket.create_connection(("127.0.0.1", port)) as connection,
        connection.makefile("rb") as answers,
    ):
        connection.sendall(mqtt5.ConnectPacket(f"flood-{os.getpid()}").write())
        _read(answers)
        for begin in range(0, len(messages), WINDOW):
            some = messages[begin : begin + WINDOW]
            connection.sendall(b"".join(starmap(_packet, enumerate(some, 1))))
            for _ in some:
                _read(answers)
        connection.sendall(mqtt5.DisconnectPacket().write())


def _packet(number: int, sent: Sent) -> bytes:
    payload, content_type = sent.message
    return mqtt5.PublishPacket(
        sent.topic,
        payload,
        qos=mqtt5.QoS.AT_LEAST_ONCE,
        packet_id=number,
        content_type=content_type,
        retain=sent.retain,
    ).write()


def _read(answers: BinaryIO) -> None:
    """Read a packet, all of which are short here."""
    answers.read(answers.read(2)[1])
