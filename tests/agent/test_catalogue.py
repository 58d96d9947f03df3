"""The catalogue lists exactly what the sensors of all fixture machines send, and in those types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hosts.machine import HOSTS, Machine, names, two_samples

from muster_wire.catalogue import CATALOGUE, types

EVERYTHING: dict[str, dict[str, object]] = {
    "cpu": {"percpu": True},
    "mem": {"all_fields": True},
    "diskio": {"partitions": True},
}
"""Options under which every field that exists is sent."""
PROBED = frozenset({"http_response", "net_response", "dns_query", "ping", "throughput"})
ELSEWHERE = PROBED | {"internal_agent", "internal_gather"}
"""Measurements that no sensor sends."""
BY_PROBES = frozenset({"verification_code", "verification_error"})
"""Fields of `x509_cert` that only probes send."""
NAMES = {int: "int", float: "float", bool: "bool", str: "str"}


def sent(machine: Callable[[str], Machine]) -> dict[tuple[str, str], set[str]]:
    """Every measurement and field that any fixture sends, with the types it has."""
    found: dict[tuple[str, str], set[str]] = {}
    for name in names():
        for metric in two_samples(machine(name), **EVERYTHING):
            for field, value in metric.fields.items():
                found.setdefault((metric.name, field), set()).add(NAMES[type(value)])
    return found


def test_every_field_sent_is_catalogued_with_its_type_and_the_other_way_round(
    machine: Callable[[str], Machine],
) -> None:
    catalogued = {
        (measurement, field): {kind}
        for measurement, fields in types().items()
        for field, kind in fields.items()
        if measurement not in ELSEWHERE and field not in BY_PROBES
    }
    assert sent(machine) == catalogued


@pytest.mark.parametrize("name", names())
def test_golden_tags_are_the_catalogue_s(name: str) -> None:
    tags = {m.name: set(m.tags) for m in CATALOGUE}
    rows: list[list[Any]] = json.loads((HOSTS / f"{name}.golden.json").read_text())
    for measurement, found, _ in rows:
        assert set(found) <= tags[measurement], measurement


def test_names_are_unique_and_said_in_words() -> None:
    measurements = [m.name for m in CATALOGUE]
    assert len(set(measurements)) == len(measurements)
    for measurement in CATALOGUE:
        fields = [f.name for f in measurement.fields]
        assert len(set(fields)) == len(fields), measurement.name
        assert all(f.meaning and f.unit for f in measurement.fields), measurement.name
