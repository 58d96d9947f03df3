"""A made-up fleet as line protocol, the same bytes for the same arguments.

It has what boards must cope with: a full disk, a site that falls silent, a site without a score,
backlog, losses, and names with quotes, slashes and Chinese.
"""

from __future__ import annotations

import math
import random
import sys
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from boards import services

MINUTE = 60_000
HOUR = 60 * MINUTE
Value = float | int | str | bool


class Place(NamedTuple):
    """A site of the made-up estate."""

    site: str
    district: str
    region: str
    nodes: int
    level: float
    """Roughly its score."""


PLACES = (
    Place("harbour-east", "Harbour", "North", 6, 88),
    Place("harbour-west", "Harbour", "North", 5, 82),
    Place("old-town", "Old Town", "North", 5, 74),
    Place("science-park", "高新区", "South", 6, 93),
    Place("airport", "高新区", "South", 4, 67),
    Place("riverside", 'O\'Neill "Süd" / 江岸 <b>', "South", 4, 52),
    Place("quarry", 'O\'Neill "Süd" / 江岸 <b>', "South", 3, 35),
)
SIZE = 512 << 30
"""Bytes of every file system."""
LEVELS = ("site", "district", "region", "fleet")
SILENT_SITE = "quarry"
"""Falls silent twelve minutes before the end, and its site has no score from then on."""
PILLARS = {
    "compute": (0.20, 4.0),
    "storage": (0.20, -9.0),
    "circulation": (0.20, 2.0),
    "services": (0.15, 6.0),
    "resilience": (0.15, -14.0),
    "security": (0.10, 8.0),
}
INDICATORS = {
    "compute": {"cpu_idle": 0.7, "mem_available": 0.3},
    "storage": {"disk_used": 0.8, "io_pressure": 0.2},
    "circulation": {"net_errors": 0.5, "net_drops": 0.5},
    "services": {"http_time": 0.6, "dns_time": 0.4},
    "resilience": {"silence": 0.2, "uptime": 0.8},
    "security": {"security_updates": 0.9, "reboot_required": 0.1},
}
"""Indicators of the shipped scorecard, with their share in what the pillar loses."""
REFUSED = "riverside-04"
"""Has sent nothing but what is refused for twenty minutes."""
STATES = ("healthy", "late", "refused", "silent")
METHOD = "new-digital-infrastructure@5f2c9a1e"
OLD_METHOD = "new-digital-infrastructure@c07d44b2"
"""In force until 50 minutes before the end."""
METERED = "harbour-west"
"""Its nodes have a link that costs money, and leave details out."""
CONFIGURED = "old-town-01"
"""Took new settings half an hour before the end."""
BOOTED = "riverside-02"
"""Was started anew 40 minutes before the end."""


class Node(NamedTuple):
    """One machine and its habits."""

    host: str
    place: Place
    busy: float
    full: float


def nodes() -> list[Node]:
    """All machines of the fleet."""
    pick = random.Random(7)
    return [
        Node(f"{p.site}-{n + 1:02d}", p, pick.uniform(8, 70), pick.uniform(25, 90))
        for p in PLACES
        for n in range(p.nodes)
    ]


def line(name: str, tags: Mapping[str, str], fields: Mapping[str, Value], ms: int) -> str:
    """One line of protocol."""
    keys = "".join(f",{k}={_escape(v)}" for k, v in sorted(tags.items()) if v)
    values = ",".join(f"{k}={_value(v)}" for k, v in fields.items())
    return f"{name}{keys} {values} {ms}"


def _escape(tag: str) -> str:
    return tag.replace(",", r"\,").replace("=", r"\=").replace(" ", r"\ ")


def _value(value: Value) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value}i" if isinstance(value, int) else repr(round(value, 6))


def grade(score: float) -> str:
    """The letter that the shipped scorecard gives."""
    bands = ((90, "A"), (75, "B"), (60, "C"), (40, "D"), (0, "E"))
    return next(letter for limit, letter in bands if score >= limit)


def lines(end: int, hours: float = 3, step: int = 2 * MINUTE) -> Iterator[str]:
    """Everything the boards read, from `hours` before `end` (ms) up to it."""
    end -= end % MINUTE
    times = range(int(end - hours * 60 * MINUTE), end + 1, step)
    fleet = nodes()
    yield from days(end)
    for turn, now in enumerate(times):
        for number, node in enumerate(fleet):
            silent = node.place.site == SILENT_SITE and end - now < 12 * MINUTE
            if not silent:
                yield from machine(node, now, turn)
                yield from extras(node, number, turn, now, end)
            yield completeness(node, now, turn, end)
        if now // HOUR != (now - step) // HOUR:
            yield from full_hour(fleet, now, turn, end)
        if end - now < 30 * MINUTE:
            yield from alerts(now, end)
        yield from pipeline(turn, now)
        if turn % 30 == 0:
            yield from targets(now)
        if turn % 3 == 0 or now == times[-1]:
            yield from scores(fleet, now, end)


def days(end: int) -> Iterator[str]:
    """The fleet's readiness of sixty days, slowly getting better, and a month of the sites' use."""
    for day in range(60):
        mean = 74 - day / 8 + 2 * math.sin(day / 3)
        fields = {"score": mean, "least": mean - 5, "most": mean + 4, "coverage": 0.95}
        tags = {"level": "fleet", "id": "fleet", "method": METHOD}
        yield line("readiness_daily", tags, fields, end - day * 24 * HOUR)
    for quarter in range(8, 120):
        for number, place in enumerate(PLACES):
            sway = math.sin(quarter / 2 + number)
            busy, memory = 40 + 9 * sway, 48 + 3 * sway - quarter / 40
            disk = 58 - quarter / 9 + number
            left = {"cpu_busy": busy, "cpu_nodes": 1.0, "memory_used": memory, "memory_nodes": 1.0}
            left |= {"disk_used": disk, "disks": 1.0}
            tags = {"site": place.site}
            yield line("capacity_site_hourly", tags, left, end - quarter * 6 * HOUR)


def extras(node: Node, number: int, turn: int, now: int, end: int) -> Iterator[str]:
    """What the node's probes found, and its upkeep."""
    tags = {"host": node.host, "site": node.place.site}
    boot = (end - 40 * MINUTE if node.host == BOOTED and end - now < 40 * MINUTE else 0) // 1000
    boot = boot or 1_700_000_000
    found: list[services.Line] = [
        ("kernel", {}, {"context_switches": turn * 300_000, "boot_time": boot}),
        ("system", {}, {"uptime": now // 1000 - boot}),
        *services.upkeep(number),
        *services.agent(number, turn, metered=node.place.site == METERED),
    ]
    if turn % 30 == 0:
        found.append(("inventory", {}, services.MACHINE))
    if node.host == CONFIGURED and 30 * MINUTE <= end - now < 32 * MINUTE:
        state = {"id": "probes-2", "state": "applied", "reason": ""}
        found.append(("config_state", {}, state))
    if number < services.OBSERVERS:
        found += services.probes(number, turn, (end - now) / MINUTE)
    for name, own, fields in found:
        yield line(name, tags | dict(own), fields, now)


def wave(node: Node, turn: int, salt: float) -> float:
    """A smooth, repeatable wobble between -1 and 1."""
    phase = sum(map(ord, node.host)) + salt * 17
    return math.sin(turn / 9 + phase) * 0.7 + math.sin(turn / 2.3 + phase * 3) * 0.3


def busy_and_memory(node: Node, turn: int) -> tuple[float, float]:
    """How busy its processors are, and how full its memory, in percent."""
    busy = min(99.0, max(1.0, node.busy + 12 * wave(node, turn, 1)))
    return busy, min(97.0, max(5.0, node.full * 0.8 + 4 * wave(node, turn, 2)))


def disks(node: Node, turn: int) -> dict[str, float]:
    """How full its file systems are, in percent; one of them grows until it is full."""
    grown = turn / 200 * (1 + 0.8 * math.sin(sum(map(ord, node.host))))
    return {"/": node.full, "/var": min(99.2, node.full * 1.11 + grown)}


def machine(node: Node, now: int, turn: int) -> Iterator[str]:
    """What the agent of one node reports."""
    tags = {"host": node.host, "site": node.place.site}
    busy, memory = busy_and_memory(node, turn)
    for cpu in ("cpu-total", "cpu0"):
        share = {
            "usage_user": busy * 0.6,
            "usage_system": busy * 0.25,
            "usage_iowait": busy * 0.1,
            "usage_steal": busy * 0.05,
            "usage_idle": 100 - busy,
        }
        yield line("cpu", tags | {"cpu": cpu}, share, now)
    total = 16 << 30
    yield line(
        "mem",
        tags,
        {
            "total": total,
            "available": int(total * (100 - memory) / 100),
            "available_percent": 100 - memory,
            "used_percent": memory * 0.9,
            "cached": int(total * 0.2),
            "buffered": int(total * 0.02),
        },
        now,
    )
    yield line("swap", tags, {"used_percent": max(0.0, memory - 70)}, now)
    for path, used in disks(node, turn).items():
        yield line(
            "disk",
            tags | {"path": path, "device": "sda1", "fstype": "ext4", "mode": "rw"},
            {
                "used_percent": used,
                "total": SIZE,
                "free": int(SIZE * (100 - used) / 100),
                "used": int(SIZE * used / 100),
                "inodes_used": 300_000,
                "inodes_total": 1_000_000,
            },
            now,
        )
    yield from traffic(node, tags, now, turn, busy)


def traffic(node: Node, tags: dict[str, str], now: int, turn: int, busy: float) -> Iterator[str]:
    """Counters and pressure of one node."""
    # Grows faster and slower, and never shrinks.
    sway = turn + 4 * math.sin(turn / 9 + sum(map(ord, node.host)))
    grown = (sway + 5) * 120 * (1 + node.busy)
    yield line(
        "net",
        tags | {"interface": "eth0"},
        {
            "bytes_recv": int(grown * 9_000),
            "bytes_sent": int(grown * 4_000),
            "packets_recv": int(grown * 9),
            "packets_sent": int(grown * 5),
            "err_in": turn // 40,
            "err_out": 0,
            "drop_in": turn // 15,
            "drop_out": 0,
        },
        now,
    )
    if turn % 5 == 0:
        use = {"use_in": node.busy * (1.1 + wave(node, turn, 1) / 4)}
        yield line(
            "ethtool",
            tags | {"interface": "eth0", "driver": "virtio_net"},
            use | {"use_out": use["use_in"] * 0.4, "speed": 1000},
            now,
        )
    yield line(
        "diskio",
        tags | {"name": "sda"},
        {
            "read_bytes": int(grown * 2_000),
            "write_bytes": int(grown * 3_500),
            "reads": int(grown),
            "writes": int(grown * 1.4),
            "io_time": int((sway + 5) * 120 * node.busy * 7),
        },
        now,
    )
    for other in (place.site for place in PLACES if place.region == node.place.region):
        if other != node.place.site and node.host.endswith("-01"):
            far = 4 + len(other) % 5 + 3 * (1 + wave(node, turn, 4))
            yield line(
                "ping",
                tags | {"url": other},
                {"percent_packet_loss": max(0.0, far - 11) / 4, "average_response_ms": far},
                now,
            )
            carried = {"upload": 48 - 2 * far, "download": 50 - far, "limit": 50.0}
            yield line("throughput", tags | {"server": other, "peer_site": other}, carried, now)
    for resource, factor in (("cpu", 0.3), ("io", 0.2), ("memory", 0.05)):
        for kind, part in (("some", 1.0), ("full", 0.4)):
            if (resource, kind) != ("cpu", "full"):
                yield line(
                    "pressure",
                    tags | {"resource": resource, "type": kind},
                    {"avg10": busy * factor * part, "avg60": busy * factor * part * 0.9},
                    now,
                )
    load = busy / 100 * 8
    yield line(
        "system",
        tags,
        {
            "load1": load,
            "load5": load * 0.9,
            "load15": load * 0.8,
            "n_cpus": 8,
            "n_users": 1,
        },
        now,
    )
    yield line(
        "processes",
        tags,
        {
            "running": int(load) + 1,
            "blocked": int(busy > 75),
            "zombies": 0,
            "total": 180 + turn % 7,
        },
        now,
    )


def completeness(node: Node, now: int, turn: int, end: int) -> str:
    """What the ledger says of one node; one site had an outage an hour before the end."""
    silent = 4.0 + len(node.host) % 5
    missing = 0
    if node.place.site == SILENT_SITE:
        silent = max(silent, (now - (end - 12.5 * MINUTE)) / 1000)
    if node.place.site == "airport":
        minutes = (end - now) / MINUTE
        missing = int(max(0.0, 6 * (20 - abs(minutes - 60)) / 4))
    bad = node.place.site == "riverside"
    refused_now = node.host == REFUSED and end - now < 20 * MINUTE
    fields: dict[str, Value] = {
        "stored": turn * 24 - missing,
        "duplicate": turn // 9,
        "refused": turn // 12 if bad else 0,
        "late": turn // 20,
        "lost": turn // 30 if bad else 0,
        "missing": missing,
        "silent_s": silent,
    }
    state = 3 if silent > 120 else 2 if refused_now else 1 if missing > 30 else 0
    fields |= {"state_code": state, "state": STATES[state]}
    return line("completeness", {"host": node.host, "site": node.place.site}, fields, now)


def accounts(node: Node, now: int, end: int) -> dict[str, Value]:
    """What became of a node's reports of an hour."""
    bad = node.place.site == "riverside"
    quiet = 72 if node.place.site == SILENT_SITE and end - now < HOUR else 0
    return {
        "expected": 360, "stored": 360 - 3 * bad - quiet, "late": 2, "duplicate": 3,
        "refused": 2 * bad, "lost": int(bad), "missing": 0, "down": 0, "silent": quiet,
    }  # fmt: skip


def full_hour(fleet: list[Node], now: int, turn: int, end: int) -> Iterator[str]:
    """The accounts of an hour and what machines had left, by node and by site."""
    sites: dict[str, tuple[Counter[str], Counter[str]]] = {}
    for node in fleet:
        tags = {"host": node.host, "site": node.place.site}
        counts, (busy, memory) = accounts(node, now, end), busy_and_memory(node, turn)
        yield line("completeness_hourly", tags | {"ledger": "a"}, counts, now)
        of_site, left = sites.setdefault(node.place.site, (Counter(), Counter()))
        of_site.update(counts)
        left.update({"cpu_busy": busy, "cpu_nodes": 1.0, "memory_used": memory})
        left.update({"memory_nodes": 1.0})
        before = disks(node, max(0, turn - 30))
        for path, used in disks(node, turn).items():
            growth = {"used_percent": used, "grows": (used - before[path]) * 24}
            if growth["grows"] > 0:
                growth["days"] = (100 - used) / growth["grows"]
            yield line("capacity_disk_hourly", tags | {"path": path}, growth, now)
            free = SIZE * (100 - used) / 100
            left.update({"disk_used": used, "disk_total": float(SIZE), "disk_free": free})
            left.update({"disks": 1.0})
    for site, (counts_, left) in sites.items():
        yield line(
            "completeness_site_hourly", {"site": site, "level": "site", "ledger": "a"}, counts_, now
        )
        yield line("capacity_site_hourly", {"site": site}, left, now)


ALERTS = (
    # rule, title, title in zh, severity, site, summary, in zh, minutes
    ("silent-site", "Site silent", "站点静默", "critical", SILENT_SITE,
     "No node of quarry has reported for 750 s.", "quarry 的所有节点已 750 秒没有上报。", 9),
    ("disk-full", "Disk full", "磁盘已满", "critical", "harbour-west",
     "/var of harbour-west-03 at harbour-west is 99 % full.",
     "harbour-west 的 harbour-west-03 上 /var 已用 99 %。", 25),
    ("score-low", "Site below grade C", "站点低于 C 级", "warning", "riverside",
     "riverside scores 52.", "riverside 得分 52。", 20),
    ("collector-lag", "Collector lags", "采集端积压", "critical", "",
     "12000 reports of the whole fleet have not arrived.", "全机群有 12000 份报告尚未到达。", 0),
)  # fmt: skip


def alerts(now: int, end: int) -> Iterator[str]:
    """What fires, and one that fires no more."""
    for rule, title, title_zh, severity, site, summary, summary_zh, minutes in ALERTS:
        since = end - minutes * MINUTE
        if now < since:
            continue
        tags = {"rule": rule, "severity": severity, "site": site, "about": rule}
        fields: dict[str, Value] = {
            "firing": int(minutes > 0),
            "since_s": (now - since) // 1000,
            "title": title,
            "title_zh": title_zh,
            "summary": summary,
            "summary_zh": summary_zh,
        }
        yield line("alert", tags, fields, now)


TARGETS = (
    # level, id, part, due, name, in zh, unit, now, wanted, a month, days left, likely in, chance
    ("fleet", "fleet", "overall", "2027-06-30", "Fleet at grade B", "机群达到 B 级", "points",
     74.0, 75.0, 0.6, 210.0, 51.0, 0.93),
    ("district", "Harbour", "storage", "2026-12-31", "Storage in Harbour", "海港区存储", "points",
     71.0, 80.0, 0.4, 36.0, 680.0, 0.02),
    ("imported", "software-revenue", "value", "2022-12-31", "Software revenue", "软件业务收入",
     "bn yuan", 646.0, 600.0, 5.0, -1420.0, None, 1.0),
    ("region", "South", "overall", "2027-03-31", "South", "南部", "points",
     60.0, 70.0, None, 120.0, None, None),
)  # fmt: skip


def targets(now: int) -> Iterator[str]:
    """Where the targets stand at the hour."""
    for level, name, part, due, title, title_zh, unit, *numbers in TARGETS:
        value, wanted, pace, left, likely, chance = numbers
        assert isinstance(value, float)
        assert isinstance(wanted, float)
        assert isinstance(left, float)
        code = 5 if chance is None else 0 if value >= wanted else 1 if chance > 0.5 else 3
        fields: dict[str, Value] = {
            "status_code": code, "unit": unit, "name": title, "name_zh": title_zh,
            "score": value, "target": wanted, "gap": wanted - value, "days_left": left,
        }  # fmt: skip
        known = {"pace_seen": pace, "likely_days": likely, "probability": chance}
        fields |= {key: number for key, number in known.items() if isinstance(number, float)}
        if left > 0:
            fields["pace_needed"] = (wanted - value) / left * 30.4
        yield line("target", {"level": level, "id": name, "part": part, "due": due}, fields, now)


def pipeline(turn: int, now: int) -> Iterator[str]:
    """What two collectors and a broker say of themselves; the database was slow for a while."""
    for number, name in enumerate(("centre-a", "centre-b")):
        tags = {"collector": name}
        slow = turn % 240 in range(100, 110)
        plain: dict[str, Value] = {
            "broker_connected": 1.0, "nodes": 17.0 - number, "in_hand": 40.0 if slow else 3.0,
            "oldest_unstored_seconds": 7.5 if slow else 0.2 + number / 10,
            "stored_seconds_p50": 0.21, "stored_seconds_p99": 4.0 if slow else 0.4 + number / 20,
            "write_seconds_p99": 3.1 if slow else 0.05, "missing": 90.0 if slow else 0.0,
            "store_errors": turn // 240,
            "broker_errors": turn // 400, "ledger_errors": 0,
        }  # fmt: skip
        yield line("internal_collector", tags, plain, now)
        for outcome, reason, many in (
            ("stored", "", 1980), ("duplicate", "", 12), ("refused", "json", 2), ("birth", "", 40)
        ):  # fmt: skip
            labels = tags | {"outcome": outcome, "reason": reason}
            yield line("internal_collector", labels, {"messages": (turn + 1) * many}, now)
    for number_, value in (
        ("clients/connected", 35.0), ("publish/messages/dropped", float(turn // 100)),
        ("store/messages/count", 122.0), ("heap/current", 5_200_000.0),
    ):  # fmt: skip
        tags = {"collector": "centre-a", "number": number_}
        yield line("internal_collector", tags, {"broker": value}, now)


def scores(fleet: list[Node], now: int, end: int) -> Iterator[str]:
    """Readiness of every node, site, district, region and the fleet."""
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    below: dict[tuple[str, str], dict[str, float]] = {}
    turn = now // MINUTE
    method = METHOD if end - now < 50 * MINUTE else OLD_METHOD
    for node in fleet:
        place = node.place
        tags = {"site": place.site, "district": place.district, "region": place.region}
        tags["method"] = method
        quiet = place.site == SILENT_SITE and end - now < 12 * MINUTE
        drift = 4 * math.sin(turn / 70) + 2 * math.sin(turn / 23)
        score = min(99.0, place.level + drift + 3 * wave(node, turn, 5) + (node.busy - 40) / 12)
        cover = 0.0 if quiet else 0.97
        yield from unit(("node", node.host), tags, (score, cover), (1, 1), now)
        child = node.host
        for level in LEVELS:
            name = tags.get(level, "fleet")
            groups.setdefault((level, name), []).append((score, cover))
            members = below.setdefault((level, name), {})
            members[child] = max(members.get(child, 0.0), cover)
            child = name
    for (level, name), scored in groups.items():
        place = next((p for p in PLACES if name in p[:3]), PLACES[0])
        depth = LEVELS[LEVELS.index(level) : -1]
        mean = sum(score for score, _ in scored) / len(scored)
        cover = sum(c for _, c in scored) / len(scored)
        members = below[level, name]
        counts = sum(c >= 0.5 for c in members.values()), len(members)
        tags = {key: str(getattr(place, key)) for key in depth}
        carried = 2e6 * len(scored) * (1.3 + math.sin(turn / 60 + len(name)) / 3)
        sums = {"received": carried, "sent": carried * 0.45, "nodes": float(len(scored))}
        yield line("traffic", {"level": level, "id": name, **tags}, sums, now)
        tags["method"] = method
        yield from unit((level, name), tags, (mean, cover), counts, now)


def unit(
    key: tuple[str, str],
    tags: Mapping[str, str],
    result: tuple[float, float],
    members: tuple[int, int],
    now: int,
) -> Iterator[str]:
    """The scores of one unit; below half coverage there is none, with a reason."""
    score, cover = result
    level, name = key
    tags = {"level": level, "id": name} | dict(tags)
    counts: dict[str, Value] = {"scored": members[0], "planned": members[1], "coverage": cover}
    if cover < 0.5:
        few = f"{members[0]} of {members[1]} members have a score"
        why = {"why": f"{few}; those with 50% of the planned weight must"}
        yield line("readiness", tags, counts | {"low": 0.0, "high": 100.0} | why, now)
        return
    spread = (1 - cover) * 60 + 1
    low, high = max(0.0, score - spread), min(100.0, score + spread / 2)
    yield line(
        "readiness",
        tags,
        counts
        | {
            "score": score,
            "low": low,
            "high": high,
            "grade": grade(score),
            "p10": max(0.0, score - 8),
            "worst": max(0.0, score - 15),
        },
        now,
    )
    for pillar, (weight, offset) in PILLARS.items():
        part = min(100.0, max(0.0, score + offset))
        lost = (100 - part) * weight
        yield line(
            "readiness_pillar",
            tags | {"pillar": pillar},
            {
                "score": part,
                "low": max(0.0, part - spread),
                "high": min(100.0, part + spread / 2),
                "coverage": cover,
                "lost": lost,
            },
            now,
        )
        for indicator, share in INDICATORS[pillar].items():
            yield line(
                "readiness_indicator",
                tags | {"pillar": pillar, "indicator": indicator},
                {"score": 100 - (100 - part) * share, "lost": lost * share}
                | ({"value": part / 2} if level == "node" else {}),
                now,
            )


def fill(url: str, database: str, *, end: int, hours: float = 3, step: int = 2 * MINUTE) -> None:
    """Create the database and write the fleet into an InfluxDB 1.x."""
    create = urllib.parse.urlencode({"q": f'CREATE DATABASE "{database}"'}).encode()
    urllib.request.urlopen(f"{url}/query", data=create, timeout=30).close()
    batch: list[str] = []
    for text in lines(end, hours, step):
        batch.append(text)
        if len(batch) == 10_000:
            _write(url, database, batch)
            batch.clear()
    _write(url, database, batch)


def _write(url: str, database: str, batch: list[str]) -> None:
    target = f"{url}/write?db={database}&precision=ms"
    urllib.request.urlopen(target, data="\n".join(batch).encode(), timeout=60).close()


if __name__ == "__main__":
    fill(sys.argv[1], sys.argv[2], end=int(time.time() * 1000), hours=float(sys.argv[3]))
