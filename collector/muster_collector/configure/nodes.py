"""What the broker's retained messages say of each node: its policy, what is wanted, its answer.

Everything in them comes from nodes, so it is read like any other message of theirs; what cannot be
read counts as not said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from muster_collector.api.times import iso
from muster_collector.config import Limits
from muster_collector.configure.broker import Message
from muster_collector.errors import MusterError
from muster_collector.ingest import reading
from muster_wire import topics, wanted
from muster_wire.messages import Birth, ConfigState
from muster_wire.topics import Topic, TopicError
from muster_wire.wanted import Wanted

KINDS = ("birth", "status", "config", "config/state")
LIMITS = Limits()
COLUMNS = ("node", "site", "online", "wanted", "state", "in_force", "time", "reason")


@dataclass
class Node:
    """One node at one site."""

    name: str
    site: str
    birth: Birth | None = None
    online: bool = False
    wanted: Wanted | None = None
    answer: ConfigState | None = None

    @property
    def allow(self) -> tuple[str, ...] | None:
        """What its policy opens; None where an older agent does not say."""
        found = self.birth.config.get("allow") if self.birth else None
        return tuple(map(str, found)) if isinstance(found, list) else None

    @property
    def state(self) -> str:
        """What became of what is wanted: applied, refused, pending; "" when nothing is."""
        if self.wanted is not None and (self.answer is None or self.answer.id != self.wanted.id):
            return "pending"
        return self.answer.state if self.answer else ""

    @property
    def in_force(self) -> str:
        """The id of the configuration that lies over its local file now."""
        return str(self.birth.config.get("remote", "")) if self.birth else ""


class Nodes:
    """The nodes of which messages have come."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.known: dict[tuple[str, str], Node] = {}

    def filters(self) -> list[str]:
        """The subscriptions that bring what this needs."""
        return [f"{self.root}/+/+/+/{kind}" for kind in KINDS]

    def take(self, message: Message) -> Node | None:
        """Note what a message says; the node, None for what cannot be read."""
        try:
            place = topics.parse(message.topic, root=self.root)
        except TopicError:
            return None
        key = place.site, place.node
        node = self.known.get(key) or Node(place.node, place.site)
        try:
            note(node, place, message)
        except (reading.RefusedError, ValueError):
            return None
        self.known[key] = node
        return node

    def current(self) -> list[Node]:
        """Each node where it was born last, by site and name."""
        newest: dict[str, Node] = {}
        for node in self.known.values():
            before = newest.get(node.name)
            if before is None or born(node) > born(before):
                newest[node.name] = node
        return sorted(newest.values(), key=lambda node: (node.site, node.name))

    def select(self, names: Sequence[str], sites: Sequence[str], *, every: bool) -> list[Node]:
        """The nodes named, at the sites, or all; a node that is not known needs SITE/NODE."""
        current = self.current()
        by_name = {node.name: node for node in current}
        chosen: dict[str, Node] = {}
        for name in names:
            node = self._named(name, by_name)
            chosen[node.name] = node
        for site in sites:
            there = [node for node in current if node.site == site]
            if not there:
                raise MusterError(f"--site {site}: the broker knows no node there")
            chosen.update((node.name, node) for node in there)
        if every:
            chosen.update(by_name)
        return list(chosen.values())

    def _named(self, text: str, by_name: dict[str, Node]) -> Node:
        site, _, name = text.rpartition("/")
        if not site and name in by_name:
            return by_name[name]
        if not site:
            raise MusterError(
                f"{name}: the broker knows no such node; if it is new, say SITE/{name}"
            )
        try:
            key = topics.check_name(site, "site"), topics.check_name(name, "node")
        except TopicError as error:
            raise MusterError(f"{text}: {error}") from error
        return self.known.setdefault(key, Node(name, site))


def note(node: Node, place: Topic, message: Message) -> None:
    """Put what a message says into its node; raises what reading it raises."""
    payload, content_type = message.payload, message.content_type
    if place.kind == "birth":
        node.birth = reading.birth(place, payload, content_type, LIMITS) if payload else None
    elif place.kind == "status":
        node.online = bool(payload) and (
            reading.status(place, payload, content_type, LIMITS).state == "online"
        )
    elif place.kind == "config":
        node.wanted = wanted.parse(payload, content_type) if payload else None
    elif place.kind == "config/state":
        node.answer = (
            reading.config_state(place, payload, content_type, LIMITS) if payload else None
        )


def born(node: Node) -> int:
    """When a node was born (ms), 0 for never."""
    return node.birth.ts if node.birth else 0


def rows(nodes: Iterable[Node]) -> list[dict[str, object]]:
    """For a table: `COLUMNS` of each node."""
    return [
        {
            "node": node.name,
            "site": node.site,
            "online": node.online,
            "wanted": node.wanted.id if node.wanted else "",
            "state": node.state,
            "in_force": node.in_force,
            "time": iso(node.answer.ts) if node.answer else None,
            "reason": node.answer.reason if node.answer else "",
        }
        for node in nodes
    ]
