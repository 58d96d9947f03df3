"""For each rule, points under which it fires for some labels and is normal for others."""

from __future__ import annotations

from typing import NamedTuple

from muster_collector.alerts.model import Labels
from muster_collector.store.base import Point, Value

MINUTE = 60_000
HOUR = 60 * MINUTE
END = 1_793_000_000_000
"""Not a multiple of half an hour, as the present hardly ever is."""


class World(NamedTuple):
    """What is in the store, and what a rule says of it at END."""

    points: list[Point]
    firing: dict[Labels, float]
    normal: set[Labels]


def labels(**named: str) -> Labels:
    return tuple(sorted(named.items()))


def point(measurement: str, ago: int, fields: dict[str, Value], **tags: str) -> Point:
    """`ago` in ms before END."""
    return Point(measurement, tuple(sorted(tags.items())), fields, END - ago)


def completeness(host: str, site: str, ago: int, **fields: float) -> Point:
    counts: dict[str, Value] = {"lost": 0, "missing": 0, "silent_s": 4.0}
    whole: dict[str, Value] = {k: v if k == "silent_s" else int(v) for k, v in fields.items()}
    return point("completeness", ago, counts | whole, host=host, site=site)


def disk(host: str, path: str, used: list[tuple[int, float]], mode: str = "rw") -> list[Point]:
    tags = {"host": host, "site": "a", "path": path, "mode": mode}
    return [point("disk", ago, {"used_percent": value}, **tags) for ago, value in used]


def line(first: float, an_hour: float, hours: float) -> list[tuple[int, float]]:
    """Samples every minute that grow steadily, the last one at END."""
    count = round(hours * 60)
    return [(minute * MINUTE, first + an_hour * (hours - minute / 60)) for minute in range(count)]


def readiness(site: str, ago: int, coverage: float, score: float | None) -> Point:
    fields: dict[str, Value] = {"coverage": coverage}
    if score is not None:
        fields["score"] = score
    return point("readiness", ago, fields, level="site", id=site, method="m")


A1, A2, B1 = {"host": "a1", "site": "a"}, {"host": "a2", "site": "a"}, {"host": "b1", "site": "b"}
SILENT = [
    *(completeness("a1", "a", ago, silent_s=600.0 - ago / 1000) for ago in (0, MINUTE)),
    completeness("a2", "a", MINUTE // 2, silent_s=121.0),
    completeness("b1", "b", MINUTE // 2, silent_s=900.0),
    completeness("b2", "b", MINUTE // 2, silent_s=120.0),
    # Wrong an hour ago, and nothing since.
    completeness("c1", "c", HOUR, silent_s=9000.0),
]
LOST = [
    *(completeness("a1", "a", ago, lost=lost) for ago, lost in ((50 * MINUTE, 3), (0, 5))),
    *(completeness("a2", "a", ago, lost=lost) for ago, lost in ((50 * MINUTE, 1), (MINUTE, 2))),
    *(completeness("b1", "b", ago, lost=7) for ago in (50 * MINUTE, 0)),
    # Came after all, which takes nothing off what others lost.
    *(completeness("a3", "a", ago, lost=lost) for ago, lost in ((30 * MINUTE, 9), (0, 2))),
    *(completeness("c1", "c", ago, lost=lost) for ago, lost in ((30 * MINUTE, 9), (0, 2))),
    # Older than the rule looks back.
    completeness("d1", "d", 2 * HOUR, lost=0),
    completeness("d1", "d", MINUTE, lost=4),
]
SCORES = [
    readiness("a", 0, 0.9, 40.0),
    readiness("a", 5 * MINUTE, 0.9, 90.0),
    readiness("b", 0, 0.9, 88.0),
    # Its newest window has no score: it is not low, it is missing.
    readiness("c", 0, 0.1, None),
    readiness("c", 5 * MINUTE, 0.9, 20.0),
    # Half of its nodes have a score, of little coverage each: that is a score.
    readiness("e", 0, 0.3, 85.0),
    readiness("e", 5 * MINUTE, 0.2, None),
    # All that was seen was seen well, but of too few nodes.
    readiness("f", 0, 0.6, None),
    point("readiness", 0, {"coverage": 0.0, "score": 1.0}, level="district", id="d", method="m"),
]
PROBED = [
    point("http_response", 0, {"result_code": 1}, server="https://x", host="a1"),
    point("http_response", 0, {"result_code": 2}, server="https://x", host="b1"),
    point("http_response", 0, {"result_code": 1}, server="https://y", host="a1"),
    point("http_response", 0, {"result_code": 0}, server="https://y", host="b1"),
    point("dns_query", 0, {"result_code": 1}, server="9.9.9.9", domain="x.org", host="a1"),
    point("net_response", 5 * MINUTE, {"result_code": 1}, server="h", port="22", host="a1"),
    point("net_response", 0, {"result_code": 0}, server="h", port="22", host="a1"),
]
FILLING = [
    *disk("a1", "/soon", line(80.0, 3.0, 6)),
    *disk("a1", "/later", line(40.0, 2.0, 6)),
    *disk("a1", "/still", line(97.0, 0.0, 6)),
    *disk("a1", "/image", line(80.0, 3.0, 6), mode="ro"),
    # Fast, but known for less than an hour.
    *disk("a2", "/young", line(80.0, 9.0, 0.7)),
    *disk("a2", "/two", line(80.0, 6.0, 2)),
]
RESTARTS = [
    point("internal_agent", (len(samples) - step) * 4 * MINUTE, {"samples": value}, **tags)
    for tags, samples in (
        (A1, (5, 1, 4, 1, 3, 1)),
        (A2, (50, 62, 1, 13, 25, 37)),
        (B1, (5, 1, 4, 1, 3, 9)),
    )
    for step, value in enumerate(samples)
]
DAY = 24 * HOUR
WORLDS: dict[str, World] = {
    "silent-site": World(SILENT, {labels(site="a"): 121.0}, {labels(site="b")}),
    "silent-node": World(
        SILENT,
        {labels(**A1): 600.0, labels(**A2): 121.0, labels(**B1): 900.0},
        {labels(host="b2", site="b")},
    ),
    "completeness-gap": World(
        [
            completeness("a1", "a", 0, missing=40),
            completeness("a1", "a", MINUTE, missing=900),
            completeness("a2", "a", 0, missing=21),
            completeness("b1", "b", 0, missing=60),
        ],
        {labels(site="a"): 61.0},
        {labels(site="b")},
    ),
    "reports-lost": World(
        LOST, {labels(site="a"): 3.0}, {labels(site="b"), labels(site="d")}
    ),
    "collector-lag": World(
        [completeness("a1", "a", 0, missing=9000), completeness("b1", "b", 0, missing=1001)],
        {(): 10_001.0},
        set(),
    ),
    "score-low": World(SCORES, {labels(id="a", site="a"): 40.0},
        {labels(id="b", site="b"), labels(id="e", site="e")},
    ),
    "score-missing": World(
        SCORES,
        {labels(id="c", site="c"): 1.0, labels(id="f", site="f"): 1.0},
        {labels(id="a", site="a"), labels(id="b", site="b"), labels(id="e", site="e")},
    ),
    "disk-full": World(
        [*disk("a1", "/", [(0, 95.1)]), *disk("a1", "/var", [(0, 95.0)]),
         *disk("b1", "/", [(0, 100.0)], mode="ro")],
        {labels(host="a1", site="a", path="/"): 95.1},
        {labels(host="a1", site="a", path="/var")},
    ),
    "disk-full-4h": World(
        FILLING,
        {
            labels(host="a1", site="a", path="/soon"): 2.0 / 3.0,
            labels(host="a2", site="a", path="/two"): 8.0 / 6.0,
        },
        {labels(host="a1", site="a", path="/later")},
    ),
    "disk-full-24h": World(
        FILLING,
        {
            labels(host="a1", site="a", path="/soon"): 2.0 / 3.0,
            labels(host="a2", site="a", path="/two"): 8.0 / 6.0,
        },
        {labels(host="a1", site="a", path="/later")},
    ),
    "probe-failing": World(
        PROBED,
        {labels(server="https://x"): 1.0, labels(server="9.9.9.9", domain="x.org"): 1.0},
        {labels(server="https://y"), labels(server="h", port="22")},
    ),
    "certificate-3d": World(
        [
            point("x509_cert", MINUTE, {"expiry": 216_000}, source="x", host="a1"),
            # A file of the same name on another machine, where it was renewed; told later.
            point("x509_cert", 0, {"expiry": 80 * 86_400}, source="x", host="b1"),
            point("x509_cert", 0, {"expiry": 4 * 86_400}, source="y", host="a1"),
            # Renewed here: what it had before counts no more.
            point("x509_cert", MINUTE, {"expiry": 86_400}, source="z", host="a1"),
            point("x509_cert", 0, {"expiry": 90 * 86_400}, source="z", host="a1"),
        ],
        {labels(source="x"): 2.5},
        {labels(source="y"), labels(source="z")},
    ),
    "certificate-14d": World(
        [
            point("x509_cert", 0, {"expiry": -86_400}, source="x", host="a1"),
            point("x509_cert", 0, {"expiry": 14 * 86_400}, source="y", host="a1"),
        ],
        {labels(source="x"): -1.0},
        {labels(source="y")},
    ),
    "clock-off": World(
        [
            point("timex", 0, {"maxerror_ns": 16_000_000_000}, **A1),
            point("timex", 0, {"maxerror_ns": 1_000_000_000}, **A2),
        ],
        {labels(**A1): 16_000.0},
        {labels(**A2)},
    ),
    "clock-wrong": World(
        [
            point("completeness", 0, {"clock_wrong_s": 61.5}, **A1),
            point("completeness", 0, {"clock_wrong_s": 0.0}, **A2),
        ],
        {labels(**A1): 61.5},
        {labels(**A2)},
    ),
    "agent-crash-loop": World(
        RESTARTS, {labels(**A1): 3.0}, {labels(**A2), labels(**B1)}
    ),
    "security-updates-overdue": World(
        [
            *(point("updates", days * DAY, {"security": n}, **A1) for days, n in ((6, 3), (0, 9))),
            *(point("updates", days * DAY, {"security": n}, **A2) for days, n in ((6, 0), (0, 9))),
        ],
        {labels(**A1): 3.0},
        {labels(**A2)},
    ),
}  # fmt: skip
