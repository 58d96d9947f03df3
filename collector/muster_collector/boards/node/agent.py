"""The agent: what became of its reports."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import Series
from muster_collector.boards.kit.panels import Panel
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.node.plots import BUCKET, HOST, plot


def reports(t: Tongue) -> Panel:
    """What became of this node's reports, a minute."""
    names = {
        "stored": (t("stored", "已入库"), style.GOOD),
        "late": (t("late", "迟到"), style.LOSS),
        "refused": (t("refused", "被拒"), style.WARN),
        "lost": (t("lost", "丢失"), style.BAD),
    }
    reads = ", ".join(
        f'non_negative_derivative(max("{field}"), 1m) AS "{name}"'
        for field, (name, _) in names.items()
    )
    query = f'SELECT {reads} FROM "completeness" WHERE {HOST} AND $timeFilter {BUCKET} fill(none)'
    return plot(
        t,
        14,
        (
            t("Reports per minute", "每分钟上报数"),
            t(
                "What became of this node's reports. Late ones were stored after their time.",
                "该节点上报的去向。迟到的上报在其时间之后入库。",
            ),
            t(
                "Refused above zero: `muster quarantine list --node NODE` says why.",
                "被拒大于零：`muster quarantine list --node 节点` 说明原因。",
            ),
        ),
        [Series(query)],
        "suffix:/min",
        width=10,
        colors=dict(names.values()),
    )
