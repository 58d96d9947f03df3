"""One `[[source]]` of the configuration: which topics, which format, whose node and site it is.

Who may publish below its topics is trusted for every host that these topics stand for, and for
nothing else: a node of Muster's own agent, or of another source, cannot be written to from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from muster_collector.config import Source as Settings
from muster_collector.errors import ConfigError
from muster_collector.ingest.reading import RefusedError
from muster_collector.ingest.sources import collectd, influx, telegraf_json
from muster_collector.ingest.sources.names import node_id
from muster_collector.ingest.sources.sample import Bad, Decoded, Sample
from muster_collector.ledger.clocks import EARLIEST
from muster_wire.messages import Metric
from muster_wire.topics import NAME

MOST_BAD = 100
"""Pieces of one message that are kept one by one; the others are counted in one more record."""
PRECISION = {"influx": "ns", "json": "s"}
"""Telegraf's defaults."""


class Origin(NamedTuple):
    """Whose a sample is: the node's id, the host's own name, the site."""

    node: str
    host: str
    site: str


class Group(NamedTuple):
    """The metrics of one node at one time (ms)."""

    origin: Origin
    time: int
    metrics: list[Metric]


class Source:
    """Reads what comes on its topics; holds its settings and nothing else."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.topic = settings.topic
        self.agent = "collectd" if settings.format == "collectd" else "telegraf"
        self._levels = settings.topic.split("/")
        self._precision = (
            PRECISION.get(settings.format, "s")
            if settings.precision == "auto"
            else settings.precision
        )
        self._types: collectd.TypesDb = {}
        if settings.format == "collectd":
            if settings.types_db is None:
                raise ConfigError(
                    "[source] types_db: needed for format collectd, because its messages do not"
                    " name their values; copy a node's /usr/share/collectd/types.db"
                )
            self._types = collectd.load_types(settings.types_db)

    def matches(self, topic: str) -> bool:
        """Whether a topic is one of this source's."""
        return _matches(self._levels, topic.split("/"))

    def read(self, topic: str, payload: bytes, latest: int) -> tuple[list[Group], list[Bad]]:
        """What is in a message: samples by node and time (at most `latest`, ms), and the rest."""
        groups: dict[tuple[str, int], Group] = {}
        bad: list[Bad] = []
        for found in self._pieces(topic, payload):
            if isinstance(found, Bad):
                bad.append(found)
                continue
            try:
                origin = self._origin(found.tags, topic)
                _check_time(found.time, latest)
            except RefusedError as error:
                bad.append(Bad(error.reason, error.detail, found.piece))
                continue
            metric = Metric(found.name, found.tags, found.fields)
            key = (origin.node, found.time)
            if key not in groups:
                groups[key] = Group(origin, found.time, [])
            groups[key].metrics.append(metric)
        if len(bad) > MOST_BAD:
            more = f"{len(bad) - MOST_BAD} more pieces of this message are refused"
            bad[MOST_BAD:] = [Bad("limit", more, b"")]
        return list(groups.values()), bad

    def _pieces(self, topic: str, payload: bytes) -> Iterator[Sample | Bad]:
        most, size = self.settings.metrics, self.settings.payload_bytes
        if not payload:
            yield Bad("empty", "no payload", payload)
        elif len(payload) > size:
            yield Bad("too large", f"larger than {size} bytes", payload)
        else:
            pieces = iter(self._decode(topic, payload))
            yield from islice(pieces, most)
            if next(pieces, None) is not None:
                yield Bad("limit", f"more than {most} metrics in a message", payload)

    def _decode(self, topic: str, payload: bytes) -> Decoded:
        match self.settings.format:
            case "influx":
                return influx.decode(payload, self._precision)
            case "json":
                return telegraf_json.decode(payload, self._precision)
            case "collectd":
                return collectd.decode(topic, payload, self._types)

    def _origin(self, tags: Mapping[str, str], topic: str) -> Origin:
        settings, levels = self.settings, topic.split("/")
        host = self._host(tags, levels)
        node = settings.nodes.get(host) or node_id(host)
        site = (
            settings.sites.get(node)
            or tags.get(settings.site_tag)
            or _level(levels, settings.site_level)
            or settings.site
        )
        if not NAME.fullmatch(site):
            raise RefusedError(
                "site",
                f"site {site[:80]!r} of host {host[:80]!r}: use 1 to 63 of a-z 0-9 . _ -, or name"
                " the site of this node in sites",
            )
        return Origin(node, host, site)

    def _host(self, tags: Mapping[str, str], levels: list[str]) -> str:
        tag = self.settings.host_tag
        said = tags.get(tag, "")
        if self.settings.format == "collectd":
            return levels[-3]
        if not self.settings.host_level:
            if not said:
                raise RefusedError("host", f"no tag {tag!r}: set host_tag or host_level")
            return said
        host = _level(levels, self.settings.host_level)
        if not host:
            raise RefusedError("host", f"the topic has no level {self.settings.host_level}")
        if said and said != host:
            raise RefusedError(
                "identity", f"says host {said[:80]!r}, its topic is of {host[:80]!r}"
            )
        return host


def _level(levels: list[str], number: int) -> str:
    """A level of a topic, counted from 1; "" for none."""
    return levels[number - 1] if 0 < number <= len(levels) else ""


def _check_time(time: int, latest: int) -> None:
    if not EARLIEST <= time <= latest:
        raise RefusedError(
            "time", f"{time} ms is not within {EARLIEST} .. {latest}: is precision right?"
        )


def _matches(pattern: list[str], levels: list[str]) -> bool:
    """Whether a topic matches an MQTT filter, both by level."""
    for at, part in enumerate(pattern):
        if part == "#":
            return True
        if at >= len(levels) or part not in ("+", levels[at]):
            return False
    return len(pattern) == len(levels)
