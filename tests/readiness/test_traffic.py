"""What places carry in a window: sums of their nodes' links, on both stores."""

from __future__ import annotations

from readiness.small_fleet import END, MINUTE, START, Known, SmallFleet, point
from readiness.test_scorer import scorer, stored

from muster_collector.store.base import Point, Store

FIELDS = ("received", "sent", "nodes")


def link(where: str, interface: str, minute: int, received: int, *, sent: int = 0) -> Point:
    """What an interface has counted by then; `where` is "node site"."""
    host, site = where.split()
    counted = {"bytes_recv": received, "bytes_sent": sent}
    return point(host, site, "net", START + minute * MINUTE, f"interface={interface}", **counted)


async def test_places_carry_what_their_links_do(either: Store) -> None:
    """60 kB in a minute are 8 kbit/s; loopback and the protocols' counters are no links."""
    points = []
    for minute in range(5):
        grown = minute * 60_000
        points += [
            link("n1 s1", "eth0", minute, grown, sent=grown // 2),
            link("n1 s1", "eth1", minute, grown),
            link("n1 s1", "lo", minute, grown * 9),
            link("n1 s1", "all", minute, grown * 9),
            link("n2 s1", "eth0", minute, grown),
            # Starts anew in the middle: what it carried before does not count as less than nothing.
            link("n3 s2", "eth0", minute, grown % 150_000),
        ]
    assert await either.write(points) == []
    fleet = SmallFleet([Known("n1", "s1"), Known("n2", "s1"), Known("n3", "s2"), Known("x", "s2")])
    await scorer(either, fleet).score_at(END)
    assert await stored(either, "traffic", FIELDS, level="site", id="s1") == [
        (END, 24_000.0, 4_000.0, 2.0)
    ]
    ((_, received, sent, nodes),) = await stored(either, "traffic", FIELDS, level="site", id="s2")
    assert 0 < received <= 8_000
    assert (sent, nodes) == (0.0, 1.0)
    for level in ("district", "region", "fleet"):
        ((_, everything, _, count),) = await stored(either, "traffic", FIELDS, level=level)
        assert everything == 24_000 + received
        assert count == 3


async def test_late_reports_are_added(either: Store) -> None:
    early = [link("n1 s1", "eth0", minute, minute * 60_000) for minute in range(5)]
    late = [link("n2 s1", "eth0", minute, minute * 60_000) for minute in range(5)]
    fleet = SmallFleet([Known("n1", "s1"), Known("n2", "s1")])
    scores = scorer(either, fleet)
    await either.write(early)
    await scores.score_at(END)
    await either.write(late)
    await scores.score_at(END)
    assert await stored(either, "traffic", FIELDS, level="fleet") == [(END, 16_000.0, 0.0, 2.0)]


async def test_without_interfaces_there_is_nothing(either: Store) -> None:
    await either.write([link("n1 s1", "eth0", 1, 5)])
    await scorer(either, SmallFleet([Known("n2", "s1")])).score_at(END)
    assert await stored(either, "traffic", FIELDS) == []
