"""Dated targets, imported figures, and places scored from both."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from muster_collector.api.answers.base import Answer, Day, Method, Moment, Points, Share, Why


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
