"""Scores, what they are made of, and the tree of all of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from muster_collector.api.answers.base import (
    Answer,
    Day,
    Method,
    Moment,
    Overall,
    Points,
    Share,
    Title,
    Why,
    WhyZh,
)


class Unit(Answer):
    """Which unit a row is about, and where it lies."""

    level: str
    id: str
    site: str = ""
    district: str = ""
    region: str = ""
    method: Method


class Window(Unit, Overall):
    """One unit in the window that ends at `time`."""

    time: Moment


class Step(Unit):
    """One unit in a step of time: means over its windows."""

    time: Annotated[str, Field(description="start of the step, ISO 8601 in UTC")]
    date: Day = ""
    score: Points = None
    low: float | None = None
    high: float | None = None
    coverage: Share = None
    grade: str
    least: Annotated[float | None, Field(description="the lowest score of a window")] = None
    most: Annotated[float | None, Field(description="the highest score of a window")] = None
    scored: int | None = None
    planned: int | None = None
    windows: Annotated[int, Field(description="windows with a score")]
    expected: Annotated[int, Field(description="windows that there should be")] = 0


class Picked(Answer):
    """A row of a window or step with its id, its time or date, and what `fields` asked for."""

    time: Annotated[str, Field(description="ISO 8601 in UTC")] = ""
    date: Day = ""
    id: str
    level: str = ""
    site: str = ""
    district: str = ""
    region: str = ""
    method: str = ""
    score: Points = None
    low: float | None = None
    high: float | None = None
    coverage: Share = None
    grade: str = ""
    scored: int | None = None
    planned: int | None = None
    p10: float | None = None
    worst: float | None = None
    why: Why = ""
    least: float | None = None
    most: float | None = None
    windows: int | None = None
    expected: int | None = None


class Readiness(Answer):
    """A page of rows; `total` is how many there are without paging."""

    total: int
    offset: int
    rows: list[Window | Step | Picked]


class Part(Answer):
    """A pillar or an indicator of a unit; `lost` are points of the unit's score that it costs."""

    id: str
    title: Title
    weight: float
    score: Points
    low: float | None
    high: float | None
    coverage: Share
    lost: float | None
    why: Why = ""
    why_zh: WhyZh = ""


class Indicator(Part):
    """An indicator with its value (nodes only) in its own unit."""

    meaning: str
    unit: str
    direction: Literal["up", "down"]
    reason: str
    value: float | None = None


class Pillar(Part):
    """A pillar with its indicators."""

    indicators: list[Indicator]


class Member(Overall):
    """What a member weighs and costs; members' losses sum to 100 minus the unit's score."""

    id: str
    share: float
    lost: float | None


class Explanation(Window):
    """Why a score is what it is; over the indicators `lost` sums to 100 minus the score."""

    name: str = ""
    name_zh: str = ""
    lat: float | None = None
    lon: float | None = None
    lost: float | None
    pillars: list[Pillar]
    members: list[Member]


class Named(Answer):
    """A scorecard or one of its pillars."""

    id: str
    title: Title


class EstateName(Answer):
    """Whose readiness it is; names are free text."""

    name: str
    name_zh: str
    example: bool


class Branch(Overall):
    """A unit in the tree, digits cut for showing."""

    id: str
    parent: Annotated[str, Field(description="id of the unit above, empty for the fleet")]
    name: str = ""
    name_zh: str = ""
    lat: float | None = None
    lon: float | None = None
    pillars: Annotated[list[Points], Field(description="in the order of the tree's pillars")]


class Branches(Answer):
    """The units of a level; `total` is how many there are without paging."""

    total: int
    rows: list[Branch]


class Tree(Answer):
    """Everything's newest readiness, by level."""

    time: Moment
    window: Annotated[float, Field(description="seconds that a score covers")]
    every: Annotated[float, Field(description="seconds from one score to the next")]
    method: Method
    scorecard: Named
    estate: EstateName
    pillars: list[Named]
    node: Branches | None = None
    site: Branches | None = None
    district: Branches | None = None
    region: Branches | None = None
    fleet: Branches | None = None


class News(Answer):
    """The data of an event `score`: the fleet's newest."""

    time: Moment
    method: Method
    nodes: int
    fleet: Overall
