"""The page of metrics in the documentation is made from the catalogue and complete."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from muster_agent.sensors import SENSORS
from muster_wire.catalogue import CATALOGUE, Field, Measurement

ROOT = Path(__file__).parents[2]


def reference() -> Any:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts/reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_metric_is_on_the_page() -> None:
    ((path, text),) = reference().metrics().items()
    assert path == "docs/reference/metrics.md"
    for measurement in CATALOGUE:
        assert f"## {measurement.name}" in text
        assert all(f"| `{field.name}` | {field.type} |" in text for field in measurement.fields)


def test_a_measurement_of_our_own_says_so() -> None:
    field = Field("n", "int", "1", "gauge", "how many")
    lines = list(reference().page((Measurement("own", ("x",), (field,), "muster"),)))
    assert "## own (Muster's own)\n" in lines
    assert "Tags: `x`\n" in lines
    assert "| `n` | int | 1 | gauge | how many |" in lines


def test_every_sensor_and_option_is_on_its_page() -> None:
    ((path, text),) = reference().sensors().items()
    assert path == "docs/reference/sensors.md"
    assert all(f"| `{name}` |" in text for name in SENSORS)
    assert "| `cpu` | sample | `percpu = false` |" in text
    assert "| `processes` | 120 s |  |" in text
