"""A fleet small enough to score by hand: its card, its nodes, and the points they sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from muster_collector.readiness.scorecard import Scorecard, load
from muster_collector.scoring.units import KnownNode
from muster_collector.store.base import Point, Value

START = 1_772_323_200_000
"""2026-03-01T00:00:00Z in ms; all windows of these tests lie behind it."""
MINUTE = 60_000
END = START + 5 * MINUTE

CARD = """
[scorecard]
id = "small"
title = { en = "Small", zh = "小" }
version = "1"
coverage = 0.5
[[band]]
grade = "A"
at_least = 50
title = { en = "good", zh = "好" }
[[band]]
grade = "B"
at_least = 0
title = { en = "bad", zh = "差" }
[level.compute]
title = { en = "Compute", zh = "算力" }
weight = 1
[level.storage]
title = { en = "Storage", zh = "存储" }
weight = 3
[indicator.idle]
parent = "compute"
title = { en = "Idle", zh = "空闲" }
meaning = "mean idle"
unit = "percent"
direction = "up"
normalise = { kind = "goalposts", low = 0, high = 100 }
reason = "r"
reference = "r"
[indicator.idle.source]
measurement = "cpu"
fields = ["usage_idle"]
statistic = "mean"
where = { cpu = ["cpu-total"] }
[indicator.fullest]
parent = "storage"
title = { en = "Fullest", zh = "最满" }
meaning = "fullest disk"
unit = "percent"
direction = "down"
normalise = { kind = "goalposts", low = 0, high = 100 }
reason = "r"
reference = "r"
[indicator.fullest.source]
measurement = "disk"
fields = ["used"]
statistic = "last"
per = ["path"]
without = { fstype = ["tmpfs"] }
over = { measurement = "disk", fields = ["total"], statistic = "last" }
scale = 100
"""


def small_card() -> Scorecard:
    return load(CARD, "small.toml")


@dataclass(frozen=True)
class Known:
    """A node as the collector knows it."""

    node: str
    site: str
    first_seen: int = 0


@dataclass
class SmallFleet:
    """Nodes that the collector knows."""

    known: Sequence[KnownNode] = ()

    def nodes(self) -> Iterable[KnownNode]:
        return self.known


def point(node: str, site: str, name: str, time: int, tags: str, **fields: Value) -> Point:
    """A point of a node; `tags` as "path=/,fstype=ext4"."""
    pairs = [tuple(tag.split("=")) for tag in tags.split(",") if tag]
    given = sorted([("host", node), ("site", site), *((key, value) for key, value in pairs)])
    return Point(name, tuple(given), fields, time)


def cpu(node: str, site: str, idle: float, time: int = START) -> list[Point]:
    """Idle as the mean of two samples, beside a CPU that must not count."""
    return [
        point(node, site, "cpu", time, "cpu=cpu-total", usage_idle=idle - 10.0),
        point(node, site, "cpu", time + MINUTE, "cpu=cpu-total", usage_idle=idle + 10.0),
        point(node, site, "cpu", time, "cpu=cpu0", usage_idle=1.0),
    ]


def disk(node: str, site: str, used: int, time: int = START) -> list[Point]:
    """Two filesystems of which `/data` is the fuller, and a tmpfs that must not count."""
    return [
        point(node, site, "disk", time, "path=/,fstype=ext4", used=1, total=1000),
        point(node, site, "disk", time, "path=/data,fstype=ext4", used=used, total=200),
        point(node, site, "disk", time, "path=/run,fstype=tmpfs", used=99, total=100),
    ]
