"""Marks in the plots of readiness: reboots, silences, new settings and scoring methods, from data.

They are series of points at the upper edge, not Grafana's annotations: those of this data source
have no place in Grafana's schema, and nobody sees them in a picture or a report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from muster_collector.alerts.rules import SILENT_S
from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import Series
from muster_collector.boards.kit.tongue import Tongue

if TYPE_CHECKING:
    from muster_collector.boards.shared.scores import Unit

BOOT_S = 5
"""Seconds by which the time of boot may wander without a boot."""
TOP = 100
"""Where the marks stand: the best score."""


def colors(t: Tongue, hosts: str) -> Mapping[str, str]:
    """The colour of each kind of mark by its name; those of nodes where `hosts` selects some."""
    of_nodes = {_rebooted(t): style.LOSS, _silent(t): style.BAD, _configured(t): style.FAIR}
    return {_begins(t): style.WARN, **(of_nodes if hosts else {})}


def series(t: Tongue, unit: Unit, hosts: str) -> list[Series]:
    """The marks of one unit; those of nodes only where `hosts` selects some."""
    if not hosts:
        return [_methods(t, unit)]
    return [_methods(t, unit), _reboots(t, hosts), _silences(t, hosts), _configurations(t, hosts)]


def _begins(t: Tongue) -> str:
    return t("a scoring method from here on", "评分方法自此生效")


def _rebooted(t: Tongue) -> str:
    return t("reboot", "重启")


def _silent(t: Tongue) -> str:
    return t("silence begins", "开始静默")


def _configured(t: Tongue) -> str:
    return t("new settings", "配置变更")


def _methods(t: Tongue, unit: Unit) -> Series:
    """The first point of each scoring method: scores on both sides of a mark do not compare."""
    first = (
        f'SELECT first("coverage") * 0 + {TOP} AS "m" FROM "readiness" '
        f'WHERE {unit.where} AND $timeFilter GROUP BY "method"'
    )
    return Series(f'SELECT "m" FROM ({first})', alias=_begins(t))


def _reboots(t: Tongue, hosts: str) -> Series:
    """When a node was started, to five minutes; a clock that is set far shows up here too."""
    steps = (
        'SELECT difference(last("boot_time")) AS "later" FROM "kernel" '
        f'WHERE {hosts} AND $timeFilter GROUP BY time(5m), "host" fill(none)'
    )
    query = f'SELECT "later" * 0 + {TOP} AS "m" FROM ({steps}) WHERE "later" > {BOOT_S}'
    return Series(query, alias=_rebooted(t))


def _silences(t: Tongue, hosts: str) -> Series:
    """When a node became silent: the one minute in which its silence passed the limit."""
    query = (
        f'SELECT "silent_s" * 0 + {TOP} AS "m" FROM "completeness" WHERE '
        f'"silent_s" > {SILENT_S} AND "silent_s" <= {SILENT_S + 60} '
        f"AND {hosts} AND $timeFilter"
    )
    return Series(query, alias=_silent(t))


def _configurations(t: Tongue, hosts: str) -> Series:
    """When a node applied or refused settings, by the time that the centre heard of it."""
    # Both states have an id; counting it makes a number of it.
    query = (
        f'SELECT count("id") * 0 + {TOP} AS "m" FROM "config_state" WHERE {hosts} AND $timeFilter '
        "GROUP BY time($__interval) fill(none)"
    )
    return Series(query, alias=_configured(t))
