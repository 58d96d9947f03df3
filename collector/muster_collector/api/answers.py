"""What the planners' answers look like, as models: the source of the OpenAPI response schemas.

Answers are made without these (validating our own rows would cost more than making them); a test
holds real answers against them. A field that may be missing has a default; null means that there is
no number, never zero.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from muster_collector.api.formats import MEDIA_TYPES

Points = Annotated[float | None, Field(description="0 to 100, null without a score")]
Share = Annotated[float | None, Field(description="0 to 1")]
Gain = Annotated[float, Field(description="points")]
Moment = Annotated[str, Field(description="ISO 8601 in UTC")]
Day = Annotated[str, Field(description="a local day, as 2026-03-01")]
Method = Annotated[str, Field(description="hash of the scorecard that made the number")]
Why = Annotated[str, Field(description="why there is no score")]
WhyZh = Annotated[str, Field(description="the same in Chinese")]


class Answer(BaseModel):
    """Anything that is answered; nothing that is not written here."""

    model_config = ConfigDict(extra="forbid")


class Error(Answer):
    """One line: what is wrong, where, and what would be right."""

    error: str


class Title(Answer):
    """A name in both languages."""

    en: str
    zh: str


class Overall(Answer):
    """A unit's score, what it leaves open, and its members."""

    score: Points
    low: Annotated[float, Field(description="the score if all that is missing were worst")]
    high: Annotated[float, Field(description="the score if all that is missing were best")]
    coverage: Share
    grade: str
    scored: Annotated[int | None, Field(description="members with a score")] = None
    planned: Annotated[int | None, Field(description="members that there should be")] = None
    p10: Annotated[float | None, Field(description="nine members in ten score at least this")] = (
        None
    )
    worst: Annotated[float | None, Field(description="the lowest member's score")] = None
    why: Why = ""
    why_zh: WhyZh = ""


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


class Readiness(Answer):
    """A page of rows; `total` is how many there are without paging."""

    total: int
    offset: int
    rows: list[Window | Step]


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
    indicators: list[Movement] = []
    coverage: Annotated[float, Field(description="data that was there at one time only")] = 0.0
    members: Annotated[float, Field(description="who joined, left or weighs differently")] = 0.0
    joined: list[str] = []
    left: list[str] = []
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


class Target(Answer):
    """A dated target: where it stands, and when it will likely be reached."""

    level: str
    id: str
    part: str
    name: str
    name_zh: str
    target: float
    due: Day
    status: Literal["reached", "on course", "at risk", "behind", "missed", "unknown"]
    score: Annotated[float | None, Field(description="the newest value, in `unit`")]
    gap: float | None
    pace_needed: Annotated[float | None, Field(description="`unit` per day")]
    pace_seen: float | None
    earliest: Day | None
    likely: Day | None
    latest: Day | None
    probability: Share
    unit: str
    source: str = ""
    as_of: Day | None = None
    days: int


class Targets(Answer):
    """Every target of the estate."""

    share: float
    rows: list[Target]


class Outlook(Target):
    """A target that somebody asks about."""

    share: float


class Figure(Answer):
    """An imported figure; `date` is the last day that it stands for."""

    indicator: str
    source: str
    date: Day
    value: float
    unit: str


class Figures(Answer):
    """Imported figures."""

    total: int
    rows: list[Figure]


class Imported(Answer):
    """How many figures an import brought."""

    imported: int
    replaced: int


class LevelScore(Answer):
    """A level of the card for one place."""

    score: Points
    low: float | None
    high: float | None
    coverage: Share
    rank: int | None
    lost: float | None


class IndicatorScore(Answer):
    """An indicator of the card for one place."""

    value: float | None
    score: Points
    rank: int | None
    lost: float | None


class PlaceScore(Answer):
    """One place under a card, by id of level and indicator."""

    unit: str
    grade: str
    why: Why
    levels: dict[str, LevelScore]
    indicators: dict[str, IndicatorScore]


class Places(Answer):
    """Places scored by a card."""

    time: Moment
    level: str
    live_method: Method
    scorecard: str
    method: Method
    units: list[PlaceScore]


ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": Error, "description": about}
    for code, about in (
        (400, "a parameter cannot be"),
        (404, "there is no such unit"),
        (422, "a parameter is missing or of the wrong kind"),
        (503, "the store does not answer, or there are no scores yet"),
    )
}


def of(model: type[Answer], *, files: bool = True) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers with `model`, and with files where it has them."""
    # Their binary content has no schema of ours.
    others = {kind.split(";")[0] for form, kind in MEDIA_TYPES.items() if form != "json"}
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(others)}
    return {200: {"model": model, **({"content": content} if files else {})}, **ERRORS}
