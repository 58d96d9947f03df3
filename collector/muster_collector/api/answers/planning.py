"""What moved a score, what would, and history under another method."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from muster_collector.api.answers.base import (
    Answer,
    Day,
    Gain,
    Method,
    Moment,
    Overall,
    Points,
    Title,
    Why,
    WhyZh,
)
from muster_collector.api.answers.readiness import Part


class Movement(Answer):
    """Points that an indicator moved a score."""

    id: str
    title: Title
    points: Gain


class Change(Answer):
    """What moved a score; indicators, coverage and members sum to `change`."""

    model_config = ConfigDict(populate_by_name=True)

    level: str
    id: str
    from_: Annotated[Moment, Field(alias="from")]
    to: Moment
    before: Points = None
    after: Points = None
    change: Annotated[float | None, Field(description="null without a score at both times")]
    indicators: list[Movement] = Field(default_factory=list)
    coverage: Annotated[float, Field(description="data that was there at one time only")] = 0.0
    members: Annotated[float, Field(description="who joined, left or weighs differently")] = 0.0
    joined: list[str] = Field(default_factory=list)
    left: list[str] = Field(default_factory=list)
    why: Why = ""
    why_zh: WhyZh = ""


class Side(Overall):
    """A unit under one method."""

    method: Method
    pillars: list[Part]


class WhatIf(Answer):
    """A unit as it is and as it would be."""

    level: str
    id: str
    time: Moment
    before: Side
    after: Side


class Hour(Answer):
    """One step of two series."""

    time: Moment
    date: Day = ""
    before: Points
    after: Points
    windows: int


class Break(Answer):
    """From when on the method or the estate was another."""

    model_config = ConfigDict(populate_by_name=True)

    time: Moment
    kind: Literal["method", "estate"]
    from_: Annotated[str | None, Field(alias="from")]
    to: str | None


class Backcast(Answer):
    """A unit's score as it was beside what it would have been."""

    model_config = ConfigDict(populate_by_name=True)

    level: str
    id: str
    step: str
    method: Method
    from_: Annotated[Moment, Field(alias="from")]
    to: Moment
    missing: Annotated[list[str], Field(description="indicators whose values nobody stored")]
    breaks: list[Break]
    rows: list[Hour]


class Repair(Answer):
    """What an indicator put right on all nodes gains."""

    indicator: str
    title: Title
    gain: Gain
    score: float
    nodes: int


class MendedNode(Answer):
    """What a node put right in all that it measures gains."""

    node: str
    site: str
    gain: Gain
    score: float
    indicators: list[str]


class Repairs(Overall):
    """Repairs of a unit, the best first."""

    level: str
    id: str
    by: Literal["indicator", "node"]
    time: Moment
    rows: list[Repair | MendedNode]


class Group(Overall):
    """The sites of a sector or the nodes of a role; "" is what the estate does not say."""

    id: str


class Groups(Answer):
    """All groups, by name."""

    by: Literal["sector", "role"]
    time: Moment
    rows: list[Group]
