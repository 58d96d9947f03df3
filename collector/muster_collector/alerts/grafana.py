"""The rules as Grafana provisions them: InfluxQL, a limit, and what no data means."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from muster_collector.alerts.model import LEAST_STEPS, NOISE, STEP_S, Ask, Measure, Rule
from muster_collector.alerts.rules import RULES

FILE = "grafana/provisioning/alerting/muster.json"
DATASOURCE = "muster-influxdb"
NAMED = re.compile(r"\{(\w+)\}")


def generate() -> dict[str, str]:
    """The provisioning file by its path in the repository."""
    group = {
        "orgId": 1,
        "name": "muster",
        "folder": "Muster",
        "interval": "1m",
        "rules": [provisioned(rule) for rule in RULES],
    }
    page = {"apiVersion": 1, "groups": [group]}
    return {FILE: json.dumps(page, ensure_ascii=False, indent=2, sort_keys=True) + "\n"}


def provisioned(rule: Rule) -> dict[str, Any]:
    """A rule as Grafana reads it from a file."""
    labels = {"severity": rule.severity, "team": "noc"}
    if rule.ask.site_from != "site":
        labels["site"] = f"{{{{ $labels.{rule.ask.site_from} }}}}"
    return {
        "uid": f"muster-{rule.name}",
        "title": rule.title["en"],
        "condition": "C",
        "for": f"{rule.hold}s",
        "noDataState": "OK" if rule.quiet else "Alerting",
        # A database that does not answer is one alert of its own, not one a rule.
        "execErrState": "Error",
        "isPaused": False,
        "labels": labels,
        "annotations": {
            "summary": NAMED.sub(_template, rule.summary["en"]),
            "runbook": rule.runbook,
        },
        "data": [_asked(rule), *_compared(rule)],
    }


def _template(name: re.Match[str]) -> str:
    return "{{ $values.B }}" if name[1] == "value" else f"{{{{ $labels.{name[1]} }}}}"


def _asked(rule: Rule) -> dict[str, Any]:
    model = {
        "refId": "A",
        "query": influxql(rule),
        "rawQuery": True,
        "resultFormat": "time_series",
        "intervalMs": 60_000,
        "maxDataPoints": 100,
    }
    return {
        "refId": "A",
        "datasourceUid": DATASOURCE,
        "relativeTimeRange": {"from": rule.since, "to": 0},
        "model": model,
    }


def _compared(rule: Rule) -> list[dict[str, Any]]:
    evaluator = {"type": "gt" if rule.above else "lt", "params": [rule.limit]}
    reduce = {"type": "reduce", "expression": "A", "reducer": "last", "refId": "B"}
    threshold = {
        "type": "threshold",
        "expression": "B",
        "conditions": [{"evaluator": evaluator}],
        "refId": "C",
    }
    return [
        {
            "refId": model["refId"],
            "datasourceUid": "__expr__",
            "relativeTimeRange": {"from": rule.since, "to": 0},
            "model": model,
        }
        for model in (reduce, threshold)
    ]


def influxql(rule: Rule) -> str:
    """What a rule looks at, as a query whose series have the column `value`."""
    ask = rule.ask
    query = MEASURES[ask.measure](rule) if not ask.beside else _beside(ask)
    if ask.combine is None:
        return query
    return f'SELECT {ask.combine}("value") AS "value" FROM ({query}){_grouped(ask.by)}'


def _grouped(tags: tuple[str, ...], step: str = "") -> str:
    names = [f'"{tag}"' for tag in tags]
    return f" GROUP BY {', '.join([step, *names] if step else names)}" if step or tags else ""


def _from(ask: Ask) -> str:
    sources = ", ".join(f'"{name}"' for name in ask.measurements)
    where = "".join(f"\"{tag}\" = '{value}' AND " for tag, value in ask.where.items())
    return f"FROM {sources} WHERE {where}$timeFilter"


def _selected(ask: Ask, value: str) -> str:
    # InfluxQL has no exponents: a small factor is written as a divisor. One with a point, since the
    # smallest of whole numbers divided would be a whole number.
    scaled = value if ask.scale == 1 else f"{value} / {1 / ask.scale:.1f}"
    return f'SELECT {scaled} AS "value" {_from(ask)}{_grouped(ask.series)}'


def _last(rule: Rule) -> str:
    return _selected(rule.ask, f'last("{rule.ask.field}")')


def _least(rule: Rule) -> str:
    return _selected(rule.ask, f'min("{rule.ask.field}")')


def _rise(rule: Rule) -> str:
    ask = rule.ask
    steps = _selected(ask, f'last("{ask.field}") - first("{ask.field}")')
    risen = f'FROM ({steps}) WHERE "value" >= 0'
    return f'SELECT last("value") AS "value" {risen}{_grouped(ask.series)}'


def _resets(rule: Rule) -> str:
    ask = rule.ask
    steps = f'SELECT difference("{ask.field}") AS "d" {_from(ask)}{_grouped(ask.series)}'
    return f'SELECT count("d") AS "value" FROM ({steps}) WHERE "d" < 0{_grouped(ask.series)}'


def _hours_to_full(rule: Rule) -> str:
    ask = rule.ask
    step = _grouped(ask.series, f"time({STEP_S}s)")
    steps = f'SELECT last("{ask.field}") AS "u" {_from(ask)}{step} fill(none)'
    growth = 'last("u") - first("u")'
    an_hour = f'({growth}) / (count("u") - 1) * {3600 // STEP_S}'
    # No time filter here: the first step begins before the range, and InfluxDB 1.x then finds none.
    line = (
        f'SELECT (100 - last("u")) / ({an_hour}) AS "hours", {growth} AS "growth", '
        f'count("u") AS "steps" FROM ({steps}){_grouped(ask.series)}'
    )
    # A bound far above the limit keeps a series for the normal state.
    return (
        f'SELECT min("hours") AS "value" FROM ({line}) WHERE "growth" > {NOISE} '
        f'AND "steps" >= {LEAST_STEPS} AND "hours" < {rule.limit * 10:g}{_grouped(ask.series)}'
    )


def _beside(ask: Ask) -> str:
    newest = (
        f'SELECT last("{ask.beside}") AS "{ask.beside}", "{ask.field}" AS "value" '
        f"{_from(ask)}{_grouped(ask.series)}"
    )
    if ask.measure == "lacks":
        lacking = f'count("{ask.beside}") - count("value")'
        return f'SELECT {lacking} AS "value" FROM ({newest}){_grouped(ask.series)} fill(0)'
    return f'SELECT last("value") AS "value" FROM ({newest}){_grouped(ask.series)}'


MEASURES: dict[Measure, Callable[[Rule], str]] = {
    "last": _last,
    "least": _least,
    "rise": _rise,
    "resets": _resets,
    "hours_to_full": _hours_to_full,
}
