"""The same fleet in every store: scored again to the last bit, and alike in all of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from readiness.small_fleet import (
    END,
    MINUTE,
    START,
    Known,
    SmallFleet,
    cpu,
    disk,
    point,
    small_card,
)

from muster_collector.estate import Estate
from muster_collector.estate.model import District, Region, Site
from muster_collector.readiness import Scorecard, load
from muster_collector.scoring.points import INDICATOR, OVERALL, PILLAR
from muster_collector.scoring.result import Result
from muster_collector.scoring.scorer import Scorer
from muster_collector.simulate import world as simulated
from muster_collector.store.base import Point, Query, Read, Store
from muster_collector.store.embedded import EmbeddedStore

CARD = "new-digital-infrastructure.toml"
ESTATE = Estate(
    regions=(Region(id="south"),),
    districts=(District(id="nansha", region="south"), District(id="panyu", region="south")),
    sites=(
        Site(id="s0", district="nansha", planned={"node": 5}),
        Site(id="s1", district="panyu", weight=2.5),
        Site(id="bare", district="panyu", planned={"node": 2}),
    ),
)


def shipped() -> Scorecard:
    return load(files("muster_collector").joinpath("scorecards", CARD).read_text("utf-8"), CARD)


def made_up(count: int) -> tuple[SmallFleet, list[Point]]:
    """Machines with counters, several disks and interfaces, probes, and every statistic."""
    nodes = [simulated.Node(f"n{i}", f"s{i % 2}", seed=4) for i in range(count)]
    points = [
        Point(metric.name, tags(node, metric.tags), metric.fields, START + second * 1000)
        for node in nodes
        for second in range(0, 300, 10)
        for metric in node.sample(START / 1000 + second)
    ]
    silent = [Known("silent", "s0")]
    return SmallFleet([Known(node.name, node.site) for node in nodes] + silent), points


def tags(node: simulated.Node, own: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({"host": node.name, "site": node.site, **own}.items()))


def uneven() -> tuple[SmallFleet, list[Point]]:
    """Some nodes without a disk, some without a CPU, some with nothing."""
    points: list[Point] = []
    for i in range(40):
        node, site = f"n{i:02d}", f"s{i % 5}"
        if i % 7:
            for k in range(5):
                points += cpu(node, site, 11.0 + i * 1.9 + k / 3, START + k * MINUTE // 2)
        if i % 11:
            points += disk(node, site, 3 + 4 * i)
    return SmallFleet([Known(f"n{i:02d}", f"s{i % 5}") for i in range(40)]), points


FLEETS = [(small_card, uneven), (shipped, lambda: made_up(6))]


def scorer(store: Store, fleet: SmallFleet, card: Scorecard) -> Scorer:
    return Scorer(store, card, ESTATE, fleet, window=300, every=300, clock=lambda: END)


async def stored(
    store: Store, measurement: str, fields: Sequence[str], group: Sequence[str]
) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Tags to fields of the points at the end of the window."""
    reads = tuple(Read(field, "raw") for field in fields)
    table = await store.select(Query(measurement, reads, END, END + 1, tuple(group)))
    columns = table.columns
    keys = zip(*(columns[tag] for tag in group), strict=True)
    return dict(zip(keys, zip(*(columns[f] for f in fields), strict=True), strict=True))


def expected(result: Result, what: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """What a scoring says should lie in a measurement, None for no number."""
    rows: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for level in result.levels.values():
        s = level.scores
        shown = {OVERALL: result.card.nodes[:1], PILLAR: result.card.pillars}
        for node in shown.get(what, result.card.indicators):
            for row, unit in enumerate(level.level.ids):
                at = (row, node.column)
                key = (level.level.name, unit) + ((node.id,) if what != OVERALL else ())
                numbers = [s.value[at], s.low[at], s.high[at], s.coverage[at]]
                if what != OVERALL:
                    cost = np.nan if np.isnan(s.value[at]) else level.lost[at]
                    numbers = [s.value[at], cost]
                plain = tuple(None if np.isnan(x) else float(x) for x in numbers)
                if any(x is not None for x in plain):
                    rows[key] = plain
    return rows


@pytest.mark.parametrize(("card", "fleet"), FLEETS, ids=["small", "shipped"])
async def test_a_stored_window_computed_again_is_the_same_bit_for_bit(
    either: Store, card: Any, fleet: Any
) -> None:
    """Every stored number of every level against a second scoring by another process's scorer."""
    nodes, points = fleet()
    assert await either.write(points) == []
    await scorer(either, nodes, card()).score_at(END)
    again = await scorer(either, nodes, card()).compute_at(END)
    for measurement, fields, group in (
        (OVERALL, ("score", "low", "high", "coverage"), ("level", "id")),
        (PILLAR, ("score", "lost"), ("level", "id", "pillar")),
        (INDICATOR, ("score", "lost"), ("level", "id", "indicator")),
    ):
        found = await stored(either, measurement, fields, group)
        # Floats are compared with ==: one bit of difference fails.
        assert found == expected(again, measurement)
        assert len(found) > len(nodes.nodes())


async def test_the_order_and_split_of_samples_changes_not_a_bit(
    embedded: Store, tmp_path: Path
) -> None:
    """All at once, or shuffled and in small batches; some in the past of those before them."""
    nodes, points = made_up(4)
    other = EmbeddedStore(tmp_path / "shuffled.duckdb")
    await other.open()
    await embedded.write(points)
    mixed = random.Random(5).sample(points, len(points))
    for first in range(0, len(mixed), 97):
        assert await other.write(mixed[first : first + 97]) == []
    found = [await scorer(s, nodes, shipped()).compute_at(END) for s in (embedded, other)]
    await other.close()
    for name, level in found[0].levels.items():
        assert level.scores.value.tobytes() == found[1].levels[name].scores.value.tobytes()
        assert level.value.tobytes() == found[1].levels[name].value.tobytes()


async def test_threads_of_the_embedded_store_change_not_a_bit(embedded: Store) -> None:
    """More samples than one thread reads: they are added up in the order of time all the same."""
    assert isinstance(embedded, EmbeddedStore)
    hosts = [point(f"n{i}", "s1", "cpu", 0, "cpu=cpu-total", usage_idle=0.1) for i in range(700)]
    await embedded.write(hosts)
    table = embedded._catalog.measurements["cpu"].table
    # Quarter of a million, by SQL: writing them is not what this is about.
    embedded._opened().execute(
        f"INSERT INTO {table} SELECT series, i * 1000, 100 * random() FROM (SELECT series FROM "
        f"{table}) CROSS JOIN range(1, 360) AS t(i)"
    )
    reads = (Read("usage_idle", "mean"), Read("usage_idle", "sum"), Read("usage_idle", "rate"))
    query = Query("cpu", reads, 0, 400_000, group=("host",))
    first = await embedded.select(query)
    for _ in range(6):
        assert await embedded.select(query) == first


@pytest.mark.parametrize(("card", "fleet"), FLEETS, ids=["small", "shipped"])
async def test_both_stores_give_the_same_scores(
    embedded: Store, influx: Store, card: Any, fleet: Any
) -> None:
    nodes, points = fleet()
    found = []
    for store in (embedded, influx):
        assert await store.write(points) == []
        found.append(await scorer(store, nodes, card()).score_at(END))
    values = [result.levels["node"].value for result in found]
    np.testing.assert_allclose(values[0], values[1], rtol=1e-12)
    for name, level in found[0].levels.items():
        other = found[1].levels[name]
        for part in ("value", "low", "high", "coverage"):
            np.testing.assert_allclose(
                getattr(level.scores, part), getattr(other.scores, part), rtol=0, atol=1e-9
            )
        np.testing.assert_allclose(level.lost, other.lost, rtol=0, atol=1e-9)


async def test_the_made_up_fleet_has_a_value_of_most_indicators(embedded: Store) -> None:
    """Or else the comparisons above would compare little."""
    nodes, points = made_up(3)
    await embedded.write(points)
    result = await scorer(embedded, nodes, shipped()).compute_at(END)
    values = result.levels["node"].value[:3]
    names = {
        node.id for i, node in enumerate(result.card.indicators) if not np.isnan(values[:, i]).any()
    }
    assert names >= {"cpu_idle", "load_per_cpu", "disk_used", "disk_busy", "net_errors", "uptime"}
    assert names >= {"path_loss", "path_delay", "http_failures", "dns_failures", "dns_time"}
    assert len(names) > len(result.card.indicators) / 2


async def test_only_pings_to_another_site_are_paths_between_sites(either: Store) -> None:
    def ping(time: int, where: str, loss: float, delay: float) -> Point:
        fields = {"percent_packet_loss": loss, "average_response_ms": delay}
        return point("n1", "s1", "ping", time, where, **fields)

    gateway = ping(START, "url=10.0.0.1", 80.0, 900.0)
    await either.write([gateway, *cpu("n1", "s1", 50.0)])
    card = shipped()
    service = scorer(either, SmallFleet([Known("n1", "s1")]), card)
    places = [node.id for node in card.indicators]
    columns = [places.index("path_loss"), places.index("path_delay")]
    alone = await service.compute_at(END)
    assert np.isnan(alone.levels["node"].value[0, columns]).all()
    await either.write([ping(START, "peer_site=north,url=10.7.0.1", 2.0, 15.0)])
    beside = await service.compute_at(END)
    assert beside.levels["node"].value[0, columns].tolist() == [2.0, 15.0]


async def test_a_port_of_another_site_is_a_path_and_no_service(either: Store) -> None:
    def port(where: str, code: int) -> Point:
        about = f"port=443,protocol=tcp,result=x,{where}"
        return point("n1", "s1", "net_response", START, about, result_code=code)

    card = shipped()
    service = scorer(either, SmallFleet([Known("n1", "s1")]), card)
    names = [node.id for node in card.indicators]
    columns = [names.index("path_failures"), names.index("port_failures")]
    await either.write([port("peer_site=north,server=10.7.0.1", 1), *cpu("n1", "s1", 50.0)])
    alone = (await service.compute_at(END)).levels["node"]
    assert alone.value[0, columns[0]] == 1.0
    assert np.isnan(alone.value[0, columns[1]])
    await either.write([port("server=10.0.0.9", 0)])
    beside = (await service.compute_at(END)).levels["node"]
    assert beside.value[0, columns].tolist() == [1.0, 0.0]
    for place, pillar in zip(columns, ("circulation", "services"), strict=True):
        above = card.pillar_of[card.indicators[place].column]
        assert card.nodes[above].id == pillar


async def test_a_dead_resolver_costs_points(either: Store) -> None:
    """It has no query time, so only the result tells; Telegraf's would even be 0, the best."""

    def query(time: int, result: str, **fields: float) -> Point:
        where = f"domain=example.org,record_type=A,result={result},server=10.0.0.53"
        return point("n1", "s1", "dns_query", time, where, **fields)

    answered = query(START, "success", result_code=0, query_time_ms=4.0)
    await either.write([answered, query(START + MINUTE, "timeout", result_code=1)])
    card = shipped()
    result = await scorer(either, SmallFleet([Known("n1", "s1")]), card).compute_at(END)
    score = dict(zip(card.columns, result.levels["node"].scores.value[0].tolist(), strict=True))
    assert (score["dns_failures"], score["dns_time"]) == (50.0, 100.0)
