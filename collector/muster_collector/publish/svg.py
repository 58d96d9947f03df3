"""Small plots as SVG text: a month's line with its band, bars of days, intervals, gains.

Colours come from the page's style sheet by class; texts are escaped by `text`.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

Point = tuple[float, float]
Series = Sequence[tuple[int, float]]
"""Day of the month and value; days without a value are left out and break the line."""


def text(x: float, y: float, content: str, about: str = "") -> str:
    """A label with its baseline at y."""
    return f'<text x="{x:.1f}" y="{y:.1f}"{_class(about)}>{html.escape(content)}</text>'


def month(scores: Series, low: Series, high: Series, days: int, *, label: str) -> str:
    """The score of each day on 0 to 100, with the interval as a band around it."""
    width, height, left, top, bottom = 440.0, 226.0, 26.0, 8.0, 20.0

    def place(day: float, value: float) -> Point:
        x = left + (day - 0.5) / days * (width - left - 4)
        return x, top + (100.0 - value) / 100.0 * (height - top - bottom)

    parts = [_grid(place, days, width)]
    for lower, upper in zip(_runs(low), _runs(high), strict=True):
        edge = [place(*point) for point in upper] + [place(*point) for point in reversed(lower)]
        parts.append(f'<polygon class="band" points="{_points(edge)}"/>')
    for run in _runs(scores):
        parts.append(f'<polyline class="line" points="{_points([place(*p) for p in run])}"/>')
        if len(run) == 1:
            parts.append(_dot(*place(*run[0])))
    if scores:
        parts.append(_dot(*place(*scores[-1])))
    return _svg(width, height, parts, label, "plot")


def _grid(place: Callable[[float, float], Point], days: int, width: float) -> str:
    lines = []
    for value in (0, 25, 50, 75, 100):
        left, y = place(0.5, value)
        lines.append(
            f'<line class="grid" x1="{left:.1f}" x2="{width:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        lines.append(text(left - 5, y + 3, str(value), "axis end"))
    for day in _ticks(days):
        x, y = place(day, 0)
        lines.append(text(x, y + 14, str(day), "axis mid"))
    return "".join(lines)


def _ticks(days: int) -> list[int]:
    """Days of the month to name; the last one always."""
    return [day for day in (1, 5, 10, 15, 20, 25) if day < days - 1] + [days]


def bars(values: Sequence[tuple[int, float, float]], days: int, *, label: str) -> str:
    """For each day a bar of the first number, with the second on top in its own colour."""
    width, height, bottom = 660.0, 74.0, 16.0
    most = max((first + second for _, first, second in values), default=0.0) or 1.0
    step = width / days
    parts = []
    for day, first, second in values:
        x, y = (day - 1) * step + step * 0.12, height - bottom
        for number, about in ((first, "good"), (second, "bad")):
            # What is lost must be seen, however little it is.
            size = max(number / most * (height - bottom - 2), 1.5) if number else 0.0
            y -= size
            parts.append(
                f'<rect class="{about}" x="{x:.1f}" y="{y:.1f}" width="{step * 0.76:.1f}"'
                f' height="{size:.1f}"/>'
            )
    ticks = [text((day - 0.5) * step, height - 3, str(day), "axis mid") for day in _ticks(days)]
    return _svg(width, height, parts + ticks, label, "plot")


def interval(score: float | None, low: float | None, high: float | None) -> str:
    """A score as a mark on 0 to 100, its interval as a bar under it."""
    width, height = 132.0, 12.0
    parts = [f'<rect class="track" x="0" y="5" width="{width}" height="2" rx="1"/>']
    if low is not None and high is not None:
        x, wide = low / 100 * width, max(2.0, (high - low) / 100 * width)
        parts.append(
            f'<rect class="range" x="{x:.1f}" y="3" width="{wide:.1f}" height="6" rx="3"/>'
        )
    if score is not None:
        x = min(max(score / 100 * width, 1.5), width - 1.5)
        parts.append(f'<rect class="mark" x="{x - 1.5:.1f}" y="0" width="3" height="12" rx="1.5"/>')
    return _svg(width, height, parts, "", "mini")


def spark(scores: Series, days: int) -> str:
    """A month's scores as a line without axes; its height is their range, at least 10 points."""
    width, height = 96.0, 20.0
    values = [value for _, value in scores]
    middle = (min(values) + max(values)) / 2 if values else 50.0
    spread = max(10.0, max(values) - min(values)) if values else 10.0

    def place(day: float, value: float) -> Point:
        y = height / 2 - (value - middle) / spread * (height - 6)
        return 2 + (day - 0.5) / days * (width - 4), y

    runs = [[place(*point) for point in run] for run in _runs(scores)]
    parts = [f'<polyline class="line thin" points="{_points(run)}"/>' for run in runs]
    if runs:
        parts.append(_dot(*runs[-1][-1], 2.0))
    return _svg(width, height, parts, "", "mini")


def gain(points: float, most: float) -> str:
    """Points won to the right of the middle, lost to the left; `most` fills half of the width."""
    width, height = 240.0, 12.0
    size = abs(points) / (most or 1.0) * (width / 2 - 2)
    x, about = (width / 2, "good") if points >= 0 else (width / 2 - size, "bad")
    bar = f'x="{x:.1f}" y="1" width="{max(size, 0.8):.1f}" height="10" rx="1.5"'
    parts = [
        f'<rect class="{about}" {bar}/>',
        f'<line class="zero" x1="{width / 2}" x2="{width / 2}" y1="0" y2="{height}"/>',
    ]
    return _svg(width, height, parts, "", "mini")


def _runs(series: Series) -> list[list[tuple[int, float]]]:
    """Stretches of days without a gap."""
    runs: list[list[tuple[int, float]]] = []
    for day, value in series:
        if runs and runs[-1][-1][0] == day - 1:
            runs[-1].append((day, value))
        else:
            runs.append([(day, value)])
    return runs


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _dot(x: float, y: float, radius: float = 3.0) -> str:
    return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>'


def _class(about: str) -> str:
    return f' class="{about}"' if about else ""


def _svg(width: float, height: float, parts: Sequence[str], label: str, about: str) -> str:
    said = f'role="img" aria-label="{html.escape(label)}"' if label else 'aria-hidden="true"'
    body = "".join(parts)
    return (
        f'<svg class="{about}" viewBox="0 0 {width:g} {height:g}" width="{width:g}"'
        f' height="{height:g}" {said}>{body}</svg>'
    )
