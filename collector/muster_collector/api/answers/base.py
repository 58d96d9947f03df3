"""What all answers have in common, and how a route promises one."""

from __future__ import annotations

from typing import Annotated, Any

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
