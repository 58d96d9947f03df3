"""The collector's own numbers for boards: `/metrics` as measurement `internal_collector`.

Every number of the registry becomes a field, under its name without the prefix; what has labels
becomes a point of its own with the labels as tags. Counters are whole numbers and cumulative. A
histogram becomes a count, a sum, and the median and the 99th percentile of what was observed since
the last point, by linear interpolation in its buckets (as Prometheus' `histogram_quantile` does).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from muster_collector import telemetry
from muster_collector.errors import StoreError
from muster_collector.ingest import events
from muster_collector.store.base import Point, Store, Value

MEASUREMENT = "internal_collector"
PREFIXES = ("muster_collector_", "muster_")
QUANTILES = {"p50": 0.5, "p99": 0.99}
OF_NODES = "node"
"""What has this label is left out: nodes have measurements of their own."""
PATH = "docs/reference/collector-metrics.md"
HEAD = """\
# The collector's own numbers

Made from their declarations by `make generate`. They are in `/metrics` (Prometheus), and every
`[collector] completeness_every` in the store as measurement `internal_collector`: tag `collector`
(its client id), labels as tags. Counters only grow while the process lives; `_p50` and `_p99` are
of what was observed since the point before.

| in /metrics | kind | labels | field of internal_collector | meaning |
|---|---|---|---|---|
"""

Buckets = Mapping[float, float]
"""Upper bound to how many observations were not above it."""


class Internal:
    """Turns a registry into points; keeps what it has told, to tell what is new."""

    def __init__(self, name: str, registry: CollectorRegistry = telemetry.REGISTRY) -> None:
        self._name = name
        self._registry = registry
        self._told: dict[str, Buckets] = {}

    def points(self, now: int) -> list[Point]:
        """All numbers at `now` (ms)."""
        plain: dict[str, Value] = {}
        points = []
        for family in self._registry.collect():
            if family.type == "histogram":
                plain |= self._histogram(family)
                continue
            for tags, value in _values(family):
                if not tags:
                    plain[short(family.name)] = value
                elif OF_NODES not in tags:
                    points.append(self._point(tags, {short(family.name): value}, now))
        return [self._point({}, plain, now), *points]

    def _point(self, tags: Mapping[str, str], fields: dict[str, Value], now: int) -> Point:
        known = {key: value for key, value in tags.items() if value} | {"collector": self._name}
        return Point(MEASUREMENT, tuple(sorted(known.items())), fields, now)

    def _histogram(self, family: Metric) -> dict[str, Value]:
        name = short(family.name)
        fields: dict[str, Value] = {}
        buckets: dict[float, float] = {}
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                buckets[float(sample.labels["le"])] = sample.value
            elif sample.name.endswith("_sum"):
                fields[f"{name}_sum"] = float(sample.value)
            elif sample.name.endswith("_count"):
                fields[f"{name}_count"] = int(sample.value)
        before = self._told.get(name, {})
        self._told[name] = buckets
        new = {bound: count - before.get(bound, 0.0) for bound, count in buckets.items()}
        for suffix, share in QUANTILES.items():
            if (found := quantile(new, share)) is not None:
                fields[f"{name}_{suffix}"] = found
        return fields


def short(name: str) -> str:
    """The field of a number's name."""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def quantile(buckets: Buckets, share: float) -> float | None:
    """The value below which that share of the observations lies; None without any."""
    bounds = [(0.0, 0.0), *sorted(buckets.items())]
    wanted = share * bounds[-1][1]
    if not wanted:
        return None
    for (low, below), (high, count) in pairwise(bounds):
        if count >= wanted and count > below:
            within = (wanted - below) / (count - below)
            return low if math.isinf(high) else low + (high - low) * within
    return None


def _values(family: Metric) -> Iterator[tuple[dict[str, str], Value]]:
    whole = family.type == "counter"
    for sample in family.samples:
        if not sample.name.endswith("_created") and math.isfinite(sample.value):
            yield dict(sample.labels), int(sample.value) if whole else float(sample.value)


async def write_for_ever(
    store: Store, name: str, *, every: float, clock: Callable[[], int]
) -> None:
    """Write all numbers every so many seconds; while the store is away, that one is left out."""
    internal = Internal(name)
    while True:
        await asyncio.sleep(every)
        try:
            await store.write(internal.points(clock()))
        except StoreError as error:
            events.store_away(store.name, error)


def generate() -> dict[str, str]:
    """The reference page by its path in the repository."""
    from muster_collector.scoring import events as scoring  # noqa: F401, PLC0415 - declares some

    rows = []
    for name, kind, labels, meaning in sorted(telemetry.DECLARED):
        field = f"`{short(name)}`"
        if kind == "histogram":
            field = f"`{short(name)}` with `_count`, `_sum`, `_p50`, `_p99`"
        shown = name + ("_total" if kind == "counter" else "")
        tags = ", ".join(f"`{label}`" for label in labels)
        rows.append(
            f"| `{shown}` | {kind} | {tags} | {'' if OF_NODES in labels else field} | {meaning} |"
        )
    return {PATH: HEAD + "\n".join(rows) + "\n"}
