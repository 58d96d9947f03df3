"""Alerts over HTTP: what fires, the rules, and silences."""

from __future__ import annotations

from collections import Counter
from importlib.resources import files
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from muster_collector.alerts import wording
from muster_collector.alerts.model import Language, Rule
from muster_collector.alerts.rules import ALL
from muster_collector.alerts.service import Alerting
from muster_collector.alerts.silences import Silence
from muster_collector.alerts.state import Alert
from muster_collector.api import times, upload
from muster_collector.api.params import Format, Limit, Offset, as_json, duration, table
from muster_collector.api.services import Given, Services

router = APIRouter(prefix="/api/v1", tags=["alerts"])
COLUMNS = (
    "rule", "title", "severity", "state", "site", "labels", "value", "limit", "since", "fired",
    "ended", "summary", "runbook", "silenced", "inhibited",
)  # fmt: skip
RULE_COLUMNS = (
    "rule", "title", "severity", "above", "limit", "for_s", "without_data", "firing", "runbook",
)  # fmt: skip
SILENCE_COLUMNS = ("id", "match", "start", "end", "active", "by", "comment")
BODY = 16 << 10
LONGEST = 366 * 86_400
RULES = frozenset(rule.name for rule in ALL)
ORDER = {"firing": 0, "pending": 1, "resolved": 2}


class Wanted(BaseModel):
    """A silence as it is asked for."""

    model_config = ConfigDict(extra="forbid")

    match: dict[
        Annotated[str, Field(max_length=64)], Annotated[str, Field(min_length=1, max_length=256)]
    ] = Field(min_length=1, max_length=16)
    duration: str = Field(max_length=32)
    by: str = Field(default="", max_length=128)
    comment: str = Field(default="", max_length=1024)


WANTED = TypeAdapter(Wanted)


def alerting(given: Services) -> Alerting:
    """The alerting of this process; 503 where another process has it."""
    if given.alerting is None:
        raise HTTPException(503, 'alerts are not evaluated here: add "alert" to [collector] roles')
    return given.alerting


@router.get("/alerts")
async def alerts(
    *,
    given: Given,
    state: Annotated[list[Literal["firing", "pending", "resolved"]] | None, Query()] = None,
    severity: Literal["warning", "critical"] | None = None,
    rule: str | None = None,
    site: str | None = None,
    district: str | None = None,
    region: str | None = None,
    language: Language = "en",
    limit: Limit = 10_000,
    offset: Offset = 0,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """What fires, is about to, or was resolved within the last hour; critical ones first."""
    found, estate = alerting(given), given.scorer.estate

    def lies(alert: Alert) -> bool:
        own = estate.district_of(alert.site) if alert.site else ""
        places = {
            "site": (site, alert.site),
            "district": (district, own),
            "region": (region, estate.region_of(own) if own else ""),
        }
        return all(wanted in (None, there) for wanted, there in places.values())

    def order(alert: Alert) -> tuple[Any, ...]:
        return ORDER[alert.state], found.rules[alert.rule].severity, alert.since, alert.rule

    chosen = [
        alert
        for alert in found.book.alerts.values()
        if (state is None or alert.state in state)
        and severity in (None, found.rules[alert.rule].severity)
        and rule in (None, alert.rule)
        and lies(alert)
    ]
    page = sorted(chosen, key=order)[offset : offset + limit]
    hidden = found.hidden(given.now())
    # Only what is asked for is put into words: ten thousand take half a second.
    rows = [
        _row(found.rules[alert.rule], alert, hidden.get(alert.key, ""), language) for alert in page
    ]
    about = {
        "total": len(chosen),
        "offset": offset,
        "evaluated": times.iso(found.evaluated) if found.evaluated else None,
    }
    return await table(rows, COLUMNS, format, **about)


def _row(rule: Rule, alert: Alert, hidden: str, language: Language) -> dict[str, Any]:
    def moment(time: int | None) -> str | None:
        return None if time is None else times.iso(time)

    return {
        "rule": rule.name,
        "title": rule.title[language],
        "severity": rule.severity,
        "state": alert.state,
        "site": alert.site,
        "labels": dict(alert.labels),
        "value": alert.value,
        "limit": rule.limit,
        "since": moment(alert.since),
        "fired": moment(alert.fired),
        "ended": moment(alert.ended),
        "summary": wording.summary(rule, alert, language),
        "runbook": rule.runbook,
        "silenced": "" if hidden == "inhibited" else hidden,
        "inhibited": hidden == "inhibited",
    }


@router.get("/alerts/rules")
async def rules(
    *,
    given: Given,
    language: Language = "en",
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """The rules in force, with their limits, and how many alerts of each fire."""
    found = alerting(given)
    firing = Counter(a.rule for a in found.book.alerts.values() if a.state == "firing")
    rows = [
        {
            "rule": rule.name,
            "title": rule.title[language],
            "severity": rule.severity,
            "above": rule.above,
            "limit": rule.limit,
            "for_s": rule.hold,
            "without_data": "normal" if rule.quiet else "fires",
            "firing": firing[rule.name],
            "runbook": rule.runbook,
        }
        for rule in found.rules.values()
    ]
    return await table(rows, RULE_COLUMNS, format, total=len(rows))


@router.get("/runbooks/{name}")
async def runbook(name: str) -> Response:
    """What a rule's alert means and what to do about it, as Markdown."""
    if name not in RULES:
        raise HTTPException(404, f"no runbook with the name {name[:80]!r}")
    path = files("muster_collector") / "runbooks" / f"{name}.md"
    return as_json({"name": name, "markdown": path.read_text(encoding="utf-8")})


@router.post("/alerts/test")
async def try_out(*, given: Given, request: Request) -> Response:
    """Send every receiver a notification that says it is a test."""
    _writable(request)
    await upload.body(request, "application/json", BODY)
    outcome = await alerting(given).try_out()
    return as_json({"rows": [{"receiver": name, "error": e} for name, e in outcome.items()]})


@router.get("/silences")
async def listed(
    *,
    given: Given,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """Silences that are in force, and those that ended lately."""
    now = given.now()
    rows = [_silence(silence, now) for silence in alerting(given).book.silences.values()]
    return await table(rows, SILENCE_COLUMNS, format, total=len(rows))


@router.post(
    "/silences", openapi_extra=upload.openapi("application/json", "match, duration, by, comment")
)
async def silence(*, given: Given, request: Request) -> Response:
    """Silence alerts from now on: `{"match": {"site": "airport"}, "duration": "2h"}`.

    `match` names labels, or `rule`; `*` and `?` stand for any text.
    """
    _writable(request)
    content = await upload.body(request, "application/json", BODY)
    try:
        wanted = WANTED.validate_json(content)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "body"
        raise HTTPException(400, f"{place}: {problem['msg']}") from error
    length = duration("duration", wanted.duration)
    if length > LONGEST * 1000:
        raise HTTPException(400, f"duration={wanted.duration}: at most a year")
    now = given.now()
    try:
        made = alerting(given).silence(wanted.match, now + length, wanted.by, wanted.comment)
    except ValueError as error:
        raise HTTPException(409, str(error)) from error
    return as_json(_silence(made, now))


@router.delete("/silences/{name}")
async def unsilence(*, given: Given, request: Request, name: str) -> Response:
    """End a silence."""
    _writable(request)
    upload.same_site(request)
    found = alerting(given).unsilence(name)
    if found is None:
        raise HTTPException(404, f"no silence with the id {name[:80]!r}")
    return as_json(_silence(found, given.now()) | {"active": False})


def _silence(silence: Silence, now: int) -> dict[str, Any]:
    return {
        "id": silence.id,
        "match": dict(silence.match),
        "start": times.iso(silence.start),
        "end": times.iso(silence.end),
        "active": silence.active(now),
        "by": silence.by,
        "comment": silence.comment,
    }


def _writable(request: Request) -> None:
    if not request.app.state.writable:
        raise HTTPException(403, "silences are taken with a token only: set [api] token_file")
