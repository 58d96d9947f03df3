"""Marks in the plots of readiness: reboots, silences and changes of method, seen from the data.

They are series of points at the upper edge, not Grafana's annotations: those of this data source
cannot be checked against Grafana's schema, and nobody sees them in a picture or a report.
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


def colors(t: Tongue) -> Mapping[str, str]:
    """The colour of each kind of mark by a pattern of its series' names."""
    return {
        f"/^{t('method', '评分方法')} /": style.WARN,
        f"/^{t('reboot', '重启')}$/": style.LOSS,
        f"/^{t('silence begins', '开始静默')}$/": style.BAD,
    }


def series(t: Tongue, unit: Unit, hosts: str) -> list[Series]:
    """The marks of one unit; those of nodes only where `hosts` selects some."""
    return [_methods(t, unit), *([_reboots(t, hosts), _silences(t, hosts)] if hosts else [])]


def _methods(t: Tongue, unit: Unit) -> Series:
    """Where each scoring method begins: scores on both sides of a mark do not compare."""
    query = (
        f'SELECT first("coverage") * 0 + {TOP} AS "m" FROM "readiness" '
        f'WHERE {unit.where} AND $timeFilter GROUP BY "method"'
    )
    return Series(query, alias=f"{t('method', '评分方法')} [[tag_method]]")


def _reboots(t: Tongue, hosts: str) -> Series:
    """When a node was started, to five minutes; a clock that is set far shows up here too."""
    steps = (
        'SELECT difference(last("boot_time")) AS "later" FROM "kernel" '
        f'WHERE {hosts} AND $timeFilter GROUP BY time(5m), "host" fill(none)'
    )
    query = f'SELECT "later" * 0 + {TOP} AS "m" FROM ({steps}) WHERE "later" > {BOOT_S}'
    return Series(query, alias=t("reboot", "重启"))


def _silences(t: Tongue, hosts: str) -> Series:
    """When a node became silent: the one minute in which its silence passed the limit."""
    query = (
        f'SELECT "silent_s" * 0 + {TOP} AS "m" FROM "completeness" WHERE '
        f'"silent_s" > {SILENT_S} AND "silent_s" <= {SILENT_S + 60} '
        f"AND {hosts} AND $timeFilter"
    )
    return Series(query, alias=t("silence begins", "开始静默"))
