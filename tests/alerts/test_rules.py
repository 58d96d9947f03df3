"""Every rule fires and is normal where it should, on both stores, and so does Grafana's query."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alerts.worlds import END, WORLDS
from boards.influxql_client import ask, put_in

from muster_collector.alerts import evaluate
from muster_collector.alerts.grafana import influxql
from muster_collector.alerts.model import Rule
from muster_collector.alerts.rules import RULES
from muster_collector.store.base import Store
from muster_collector.store.embedded import EmbeddedStore
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings
from servers import Influx1

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
STEPS = {"disk-full-4h", "disk-full-24h"}
"""Where the last step is not over, a straight line is known to within it."""


@pytest.fixture(params=["embedded", "influxdb"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, influx1: Influx1
) -> AsyncIterator[Store]:
    made: Store = (
        EmbeddedStore(tmp_path / "store.duckdb")
        if request.param == "embedded"
        else InfluxStore(InfluxSettings(url=influx1.url, database=database(request.node.name)))
    )
    await made.open()
    yield made
    await made.close()


def database(test: str) -> str:
    return "alerts_" + "".join(c if c.isalnum() else "_" for c in test)


def near(rule: Rule, value: float) -> object:
    return pytest.approx(value, rel=0.12 if rule.name in STEPS else 1e-9)


@every_rule
async def test_a_rule_sees_what_is_wrong_and_what_is_not(store: Store, rule: Rule) -> None:
    world = WORLDS[rule.name]
    assert await store.write(world.points) == []
    values = await evaluate.values(store, rule, END)
    firing = {labels: value for labels, value in values.items() if rule.fires(value)}
    assert firing == {labels: near(rule, value) for labels, value in world.firing.items()}
    assert set(values) - set(firing) == world.normal


@every_rule
async def test_without_data_there_are_no_numbers(store: Store, rule: Rule) -> None:
    assert await store.write(WORLDS[rule.name].points) == []
    assert await evaluate.values(store, rule, END - 400 * 86_400_000) == {}


@every_rule
async def test_grafana_sees_the_same_numbers(influx1: Influx1, rule: Rule) -> None:
    name = database(f"grafana {rule.name}")
    store = InfluxStore(InfluxSettings(url=influx1.url, database=name))
    await store.open()
    assert await store.write(WORLDS[rule.name].points) == []
    ours = await evaluate.values(store, rule, END)
    await store.close()
    query = put_in(influxql(rule), {}, END - rule.since * 1000, END)
    theirs = {}
    for series in ask(influx1.url, name, query):
        found = {tag: value for tag, value in series.get("tags", {}).items() if value}
        if rule.ask.site_from in found:
            found["site"] = found[rule.ask.site_from]
        column = series["columns"].index("value")
        (value,) = (row[column] for row in series["values"])
        if value is not None:
            theirs[tuple(sorted(found.items()))] = value
    assert theirs == {labels: pytest.approx(value, rel=1e-9) for labels, value in ours.items()}


def test_every_rule_has_a_world() -> None:
    assert set(WORLDS) == {rule.name for rule in RULES}
