"""MQTT topics of the wire contract: who speaks where, and which partition a node belongs to."""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

ROOT = "muster/v1"
PARTITIONS = 64
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
KINDS = ("report", "birth", "status", "ack", "config", "config/state")


class TopicError(ValueError):
    """A topic or name outside the scheme; the message says which part and what would be right."""


class Topic(NamedTuple):
    """The parts of one topic below the root."""

    partition: int
    site: str
    node: str
    kind: str


def check_name(value: str, what: str) -> str:
    """Return `value` if it may name a node or a site, else raise `TopicError`."""
    if not NAME.fullmatch(value):
        raise TopicError(
            f"{what} {value[:80]!r}: use 1 to 63 of a-z 0-9 . _ - beginning with a letter or digit"
        )
    return value


def partition(node: str) -> int:
    """The partition of a node, 0..63: crc32 of its id, so that every part of Muster agrees."""
    return zlib.crc32(node.encode()) % PARTITIONS


def topic(site: str, node: str, kind: str, *, root: str = ROOT) -> str:
    """The topic that `kind` of message of one node goes to."""
    return f"{root}/{partition(node):02d}/{site}/{node}/{kind}"


def parse(text: str, *, root: str = ROOT) -> Topic:
    """Split a topic into its parts; raise `TopicError` for anything outside the scheme."""
    head = root + "/"
    if not text.startswith(head):
        raise TopicError(f"topic {text[:120]!r} is not below {root!r}")
    parts = text[len(head) :].split("/", 3)
    if len(parts) != 4 or parts[3] not in KINDS:
        raise TopicError(
            f"topic {text[:120]!r}: expected {root}/PARTITION/SITE/NODE/"
            f" and one of {', '.join(KINDS)}"
        )
    number, site, node, kind = parts
    check_name(site, "site")
    check_name(node, "node")
    if number != f"{partition(node):02d}":
        raise TopicError(
            f"topic {text[:120]!r}: node {node!r} belongs to partition {partition(node):02d}"
        )
    return Topic(int(number), site, node, kind)
