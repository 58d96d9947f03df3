"""The collector's own numbers: the same in /metrics and in the store."""

from __future__ import annotations

import math
import re

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from muster_collector import telemetry
from muster_collector.internal import Internal, quantile
from muster_collector.scoring import events


def test_every_number_is_a_field_and_labels_are_tags() -> None:
    registry = CollectorRegistry()
    messages = Counter("muster_collector_messages", "m", ("outcome", "reason"), registry=registry)
    messages.labels("stored", "").inc(3)
    messages.labels("refused", "type").inc()
    Gauge("muster_collector_in_hand", "m", registry=registry).set(7)
    Gauge("muster_fleet_readiness", "m", registry=registry).set(math.nan)
    Gauge("muster_collector_offset", "m", ("node",), registry=registry).labels("n1").set(5)
    seconds = Histogram("muster_collector_w", "m", buckets=(1, 2, 4), registry=registry)
    internal = Internal("c1", registry)
    for value in (0.5, 1.5, 1.5, 3.0):
        seconds.observe(value)
    plain, *labelled = internal.points(5)
    assert plain.tags == (("collector", "c1"),)
    assert plain.fields == {
        "in_hand": 7.0, "w_count": 4, "w_sum": 6.5, "w_p50": 1.5, "w_p99": pytest.approx(3.92),
    }  # fmt: skip
    assert [(point.tags, point.fields) for point in labelled] == [
        ((("collector", "c1"), ("outcome", "stored")), {"messages": 3}),
        ((("collector", "c1"), ("outcome", "refused"), ("reason", "type")), {"messages": 1}),
    ]
    assert "w_p50" not in internal.points(6)[0].fields, "nothing was observed since"


def test_quantiles_as_by_hand() -> None:
    buckets = {1.0: 50.0, 2.0: 90.0, math.inf: 100.0}
    assert quantile(buckets, 0.5) == 1.0
    assert quantile(buckets, 0.7) == 1.5
    assert quantile(buckets, 0.99) == 2.0
    assert quantile({1.0: 0.0, math.inf: 0.0}, 0.5) is None


def test_all_that_is_declared_is_shown_and_documented() -> None:
    shown = set(re.findall(r"^# TYPE (\S+)", telemetry.render().decode(), re.MULTILINE))
    declared = {d.name + ("_total" if d.kind == "counter" else "") for d in telemetry.DECLARED}
    assert declared <= shown
    assert events.READINESS in telemetry.REGISTRY._collector_to_names
    for name in declared:
        assert name.startswith("muster_")
