"""Alert rules as code: InfluxQL, a limit, and what happens when there are no data.

Each rule asks for one number per series, takes its last value and compares it. The JSON is what
Grafana provisions from `provisioning/alerting`; every rule has a runbook of its name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from muster_collector.boards import style, words
from muster_collector.boards.services import PROBES, SERVICE
from muster_collector.boards.variables import UID

NoData = Literal["OK", "Alerting", "NoData"]
AT_RISK = "C"
"""Sites that fall below this grade raise an alert."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `since` is how many seconds back it looks, `hold` how long it must be true.

    `summary` may use `$labels` and `$values` as Grafana's templates do; `values.B` is the number.
    `no_data` says on purpose what an empty answer means.
    """

    name: str
    title: str
    summary: str
    query: str
    limit: float
    severity: Literal["warning", "critical"]
    above: bool = True
    since: int = 900
    hold: str = "5m"
    no_data: NoData = "OK"

    def json(self) -> dict[str, Any]:
        """The rule as Grafana provisions it."""
        return {
            "uid": f"muster-{self.name}",
            "title": self.title,
            "condition": "C",
            "for": self.hold,
            "noDataState": self.no_data,
            # A database that does not answer is one alert of its own, not one a rule.
            "execErrState": "Error",
            "isPaused": False,
            "labels": {"severity": self.severity, "team": "noc"},
            "annotations": {
                "summary": self.summary,
                "runbook": f"docs/runbooks/{self.name}.md",
            },
            "data": [self._asked(), *self._compared()],
        }

    def _asked(self) -> dict[str, Any]:
        model = {
            "refId": "A",
            "query": self.query,
            "rawQuery": True,
            "resultFormat": "time_series",
            "intervalMs": 60_000,
            "maxDataPoints": 100,
        }
        return {
            "refId": "A",
            "datasourceUid": UID,
            "relativeTimeRange": {"from": self.since, "to": 0},
            "model": model,
        }

    def _compared(self) -> list[dict[str, Any]]:
        evaluator = {"type": "gt" if self.above else "lt", "params": [self.limit]}
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
                "relativeTimeRange": {"from": self.since, "to": 0},
                "model": model,
            }
            for model in (reduce, threshold)
        ]


def _grade_limit() -> float:
    return float(next(b["at_least"] for b in words.card()["band"] if b["grade"] == AT_RISK))


def _newest(field: str, source: str, tags: str, where: str = "") -> str:
    select = f'SELECT last("{field}") AS "value" FROM "{source}"'
    return f"{select} WHERE {where}$timeFilter GROUP BY {tags}"


def _forecast(hours: int) -> str:
    """Hours until a file system is full if it grows on as in the range; only what is filling."""
    growth = 'last("used_percent") - first("used_percent")'
    inner = (
        f'SELECT (100 - last("used_percent")) / ({growth}) * 6 AS "hours", '
        f'{growth} AS "growth" FROM "disk" WHERE "mode" = \'rw\' AND $timeFilter '
        'GROUP BY "host", "site", "path"'
    )
    # Growth below half a point in six hours is noise. A bound far above the limit keeps a series
    # for the normal state.
    return (
        f'SELECT min("hours") AS "value" FROM ({inner}) '
        f'WHERE "growth" > 0.5 AND "hours" < {hours * 10} GROUP BY "host", "site", "path"'
    )


def rules() -> tuple[Rule, ...]:
    """Every rule, the most urgent first."""
    silence = 'SELECT last("silent_s") AS "s" FROM "completeness" WHERE $timeFilter'
    return (
        Rule(
            name="silent-site",
            title="Site silent",
            summary="No node of {{ $labels.site }} has reported for {{ $values.B }} s.",
            query=f'SELECT min("s") AS "value" FROM ({silence} GROUP BY "host", "site") '
            'GROUP BY "site"',
            limit=style.SILENT_S,
            severity="critical",
            hold="2m",
            # The collector writes these every minute: without any it is the collector that died.
            no_data="Alerting",
        ),
        Rule(
            name="silent-node",
            title="Node silent",
            summary="{{ $labels.host }} at {{ $labels.site }} has not reported for "
            "{{ $values.B }} s.",
            query=_newest("silent_s", "completeness", '"host", "site"'),
            limit=style.SILENT_S,
            severity="warning",
            # The rule on silent sites speaks for a dead collector.
        ),
        Rule(
            name="completeness-gap",
            title="Reports missing",
            summary="{{ $values.B }} reports of {{ $labels.site }} have not arrived.",
            query='SELECT sum("m") AS "value" FROM (SELECT last("missing") AS "m" '
            'FROM "completeness" WHERE $timeFilter GROUP BY "host", "site") GROUP BY "site"',
            limit=60,
            severity="warning",
            hold="15m",
        ),
        Rule(
            name="reports-lost",
            title="Reports lost",
            summary="{{ $values.B }} reports of {{ $labels.site }} were lost for good in an hour.",
            query='SELECT sum("l") AS "value" FROM (SELECT last("lost") - first("lost") AS "l" '
            'FROM "completeness" WHERE $timeFilter GROUP BY "host", "site") GROUP BY "site"',
            limit=0,
            severity="warning",
            since=3600,
            hold="0s",
        ),
        Rule(
            name="score-low",
            title=f"Site below grade {AT_RISK}",
            summary="{{ $labels.id }} scores {{ $values.B }}.",
            query='SELECT last("value") AS "value" FROM (SELECT last("coverage") AS "coverage", '
            '"score" AS "value" FROM "readiness" WHERE "level" = \'site\' AND $timeFilter '
            'GROUP BY "id") GROUP BY "id"',
            limit=_grade_limit(),
            above=False,
            severity="warning",
            hold="15m",
            # No score is no low score: the rule on missing scores speaks for it.
        ),
        Rule(
            name="score-missing",
            title="Site without a score",
            summary="{{ $labels.id }} has no score: coverage is {{ $values.B }}.",
            query=_newest("coverage", "readiness", '"id"', "\"level\" = 'site' AND "),
            limit=float(words.card()["rollup"]["coverage"]),
            above=False,
            severity="warning",
            hold="15m",
            # No site has been scored at all: the scorer stands still.
            no_data="Alerting",
        ),
        Rule(
            name="disk-full",
            title="Disk full",
            summary="{{ $labels.path }} of {{ $labels.host }} is {{ $values.B }} % full.",
            query=_newest("used_percent", "disk", '"host", "site", "path"', "\"mode\" = 'rw' AND "),
            limit=95,
            severity="critical",
        ),
        *(
            Rule(
                name=f"disk-full-{hours}h",
                title=f"Disk full within {hours} h",
                summary="{{ $labels.path }} of {{ $labels.host }} is full in {{ $values.B }} h "
                "if it goes on like this.",
                query=_forecast(hours),
                limit=hours,
                above=False,
                severity="critical" if hours == 4 else "warning",
                since=6 * 3600,
                hold="30m" if hours == 24 else "10m",
                # Nothing grows.
            )
            for hours in (4, 24)
        ),
        *_services(),
        *_upkeep(),
    )


def _services() -> tuple[Rule, ...]:
    """Without probes there is nothing to say: these rules are quiet without data."""
    last = (
        f'SELECT last("result_code") AS "c" FROM {PROBES} WHERE $timeFilter '
        f'GROUP BY {SERVICE}, "host"'
    )
    certificates = (
        Rule(
            name=f"certificate-{days}d",
            title=f"Certificate expires within {days} days",
            summary="The certificate of {{ $labels.source }} expires in {{ $values.B }} days.",
            query='SELECT last("expiry") / 86400 AS "value" FROM "x509_cert" WHERE $timeFilter '
            'GROUP BY "source"',
            limit=days,
            above=False,
            severity="critical" if days == 3 else "warning",
            since=6 * 3600,
        )
        for days in (3, 14)
    )
    return (
        Rule(
            name="probe-failing",
            title="Service not reached",
            summary="Nobody reaches {{ $labels.server }} {{ $labels.port }}{{ $labels.domain }}.",
            query=f'SELECT min("c") AS "value" FROM ({last}) GROUP BY {SERVICE}',
            limit=0,
            severity="critical",
        ),
        *certificates,
    )


def _upkeep() -> tuple[Rule, ...]:
    return (
        Rule(
            name="clock-off",
            title="Clock off",
            summary="The clock of {{ $labels.host }} at {{ $labels.site }} may be wrong by "
            "{{ $values.B }} ms.",
            query='SELECT last("maxerror_ns") / 1000000 AS "value" FROM "timex" '
            'WHERE $timeFilter GROUP BY "host", "site"',
            limit=1000,
            severity="warning",
            hold="15m",
            # Silence is another rule's, and not every machine has adjtimex.
        ),
        Rule(
            name="clock-wrong",
            title="Clock wrong",
            summary="The clock of {{ $labels.host }} at {{ $labels.site }} is off by "
            "{{ $values.B }} s against the collector's.",
            query=_newest("clock_wrong_s", "completeness", '"host", "site"'),
            limit=60,
            severity="warning",
        ),
        Rule(
            name="collector-lag",
            title="Collector lags",
            summary="{{ $values.B }} reports of the whole fleet have not arrived.",
            query='SELECT sum("m") AS "value" FROM (SELECT last("missing") AS "m" '
            'FROM "completeness" WHERE $timeFilter GROUP BY "host")',
            limit=10_000,
            severity="critical",
            hold="15m",
            # The collector writes this every minute: without it, it stands still.
            no_data="Alerting",
        ),
        Rule(
            name="agent-crash-loop",
            title="Agent restarts again and again",
            summary="The agent of {{ $labels.host }} at {{ $labels.site }} restarted "
            "{{ $values.B }} times in half an hour.",
            query='SELECT count("d") AS "value" FROM (SELECT difference("samples") AS "d" '
            'FROM "internal_agent" WHERE $timeFilter GROUP BY "host", "site") WHERE "d" < 0 '
            'GROUP BY "host", "site"',
            limit=2,
            severity="warning",
            since=1800,
            hold="0s",
            # Nothing restarted.
        ),
        Rule(
            name="security-updates-overdue",
            title="Security updates overdue",
            summary="{{ $values.B }} security updates have waited on {{ $labels.host }} at "
            "{{ $labels.site }} for a week.",
            query='SELECT min("security") AS "value" FROM "updates" WHERE $timeFilter '
            'GROUP BY "host", "site"',
            limit=0,
            severity="warning",
            since=7 * 86_400,
            hold="1d",
            # A machine whose package manager is not known reports none.
        ),
    )


def alerting() -> str:
    """The JSON that Grafana reads from `provisioning/alerting`."""
    group = {
        "orgId": 1,
        "name": "muster",
        "folder": "Muster",
        "interval": "1m",
        "rules": [rule.json() for rule in rules()],
    }
    page = {"apiVersion": 1, "groups": [group]}
    return json.dumps(page, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
