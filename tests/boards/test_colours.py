"""Colours that one panel shows can be told apart by colour-blind eyes too."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

import pytest
from boards.test_boards import BOARDS, panels

from muster_collector.boards.kit import style, words
from muster_collector.boards.kit.tongue import Tongue

LEAST = 15.0
"""CIE76 difference of two colours; some 2.3 are just noticed side by side."""
# What severe colour blindness makes of linear RGB: Machado, Oliveira and Fernandes, in IEEE
# Transactions on Visualization and Computer Graphics 15 (2009), table 1.
EYES = {
    "normal": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}
XYZ = (
    (0.4124 / 0.9505, 0.3576 / 0.9505, 0.1805 / 0.9505),
    (0.2126, 0.7152, 0.0722),
    (0.0193 / 1.089, 0.1192 / 1.089, 0.9505 / 1.089),
)
"""From linear sRGB, in parts of white."""
LUMINANCE = ((0.2126, 0.7152, 0.0722),)
Vector = tuple[float, ...]


def times(matrix: tuple[Vector, ...], vector: Vector) -> Vector:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def light_of(color: str) -> Vector:
    """Linear RGB of a colour as `#rrggbb`."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)


def seen(color: str, eye: str) -> Vector:
    """CIELAB of a colour as `#rrggbb`."""
    received = tuple(min(1.0, max(0.0, c)) for c in times(EYES[eye], light_of(color)))
    x, y, z = (c ** (1 / 3) if c > 0.008856 else 7.787 * c + 4 / 29 for c in times(XYZ, received))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def nearest(colors: Iterable[str], eye: str) -> float:
    """The smallest difference between two of them."""
    pairs = itertools.combinations(sorted(set(colors)), 2)
    return min((math.dist(seen(a, eye), seen(b, eye)) for a, b in pairs), default=math.inf)


def test_known_differences() -> None:
    assert nearest(["#000000", "#ffffff"], "normal") == pytest.approx(100, abs=0.1)
    assert nearest(["#ff0000", "#00ff00"], "normal") == pytest.approx(170.6, abs=0.5)
    # Two of Grafana's classic palette, green and red.
    assert nearest(["#73BF69", "#F2495C"], "deuteranopia") < 10 < LEAST


def contrast(color: str, ground: str) -> float:
    """Of a colour on a ground, 1 to 21: Web Content Accessibility Guidelines 2.2."""
    dark, light = sorted(times(LUMINANCE, light_of(one))[0] for one in (color, ground))
    return (light + 0.05) / (dark + 0.05)


def test_colours_are_seen_on_light_and_dark_ground() -> None:
    """What is no text needs 3; amber that has it on white is brown on black."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21, abs=0.1)
    for color in {*words.BAND_COLORS, style.LOSS, style.QUIET}:
        assert contrast(color, "#181B1F") >= 2.9, color
        assert contrast(color, "#FFFFFF") >= (2.3 if color == style.WARN else 2.9), color


@pytest.mark.parametrize("eye", EYES)
def test_lines_and_grades_are_told_apart(eye: str) -> None:
    assert len(style.PALETTE) >= len(words.pillars(Tongue("en")))
    assert nearest(style.PALETTE, eye) > LEAST
    assert nearest(words.BAND_COLORS, eye) > LEAST
    assert nearest([style.GOOD, *style.HUES.values()], eye) > LEAST
    assert nearest([*words.BAND_COLORS, style.LOSS], eye) > LEAST


def fixed(panel: dict[str, Any]) -> set[str]:
    """Colours of single lines and numbers."""
    found = set()
    for override in panel["fieldConfig"]["overrides"]:
        properties = {entry["id"]: entry["value"] for entry in override["properties"]}
        # The edge of a band has no line.
        if "color" in properties and properties.get("custom.lineWidth") != 0:
            found.add(properties["color"]["fixedColor"])
    return found


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("name", [name for name in BOARDS if name.startswith("en/")])
def test_what_a_panel_names_has_colours_of_its_own(name: str, eye: str) -> None:
    for panel in panels(name):
        assert nearest(fixed(panel), eye) > LEAST, panel["title"]


@pytest.mark.parametrize("name", BOARDS)
def test_the_rest_is_coloured_by_limits_or_in_shades(name: str) -> None:
    """Never by Grafana's palettes."""
    for panel in panels(name):
        if panel["type"] != "text":
            color = panel["fieldConfig"]["defaults"]["color"]
            assert color["mode"] in {"thresholds", "shades"}, panel["title"]
