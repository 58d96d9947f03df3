"""Panels on the states of nodes: healthy, late, refused, silent."""

from __future__ import annotations

from muster_collector.boards.kit import style, words
from muster_collector.boards.kit.influxql import HOSTS, Rows, Series, latest
from muster_collector.boards.kit.panels import Face, Panel, number
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import links
from muster_collector.ledger.states import STATES, State

COLORS = (style.GOOD, style.WARN, style.POOR, style.BAD)
"""Of the states, in their order."""
CODE = 'last("state_code")'
IS_STATE = (
    f"(1 - {CODE}) * (2 - {CODE}) * (3 - {CODE}) / 6",
    f"{CODE} * (2 - {CODE}) * (3 - {CODE}) / 2",
    f"{CODE} * ({CODE} - 1) * (3 - {CODE}) / 2",
    f"{CODE} * ({CODE} - 1) * ({CODE} - 2) / 6",
)
"""1 for a node in the state and 0 for all others, so that a state without nodes keeps its place.

InfluxQL has no conditions: these are Lagrange's polynomials over the codes 0 to 3.
"""


def now(t: Tongue, *, width: int = 4, size: int = 24) -> Panel:
    """How many of the chosen nodes are in each state."""
    names = names_of(t)
    reads = ", ".join(f'sum("{code}") AS "{name}"' for code, name in enumerate(names))
    each = ", ".join(f'{is_state} AS "{code}"' for code, is_state in enumerate(IS_STATE))
    inner = f'SELECT {each} FROM "completeness" WHERE {HOSTS} AND $timeFilter GROUP BY "host"'
    queries = [Series(f"SELECT {reads} FROM ({inner})")]
    return number(
        Face(
            id=6,
            title=t("Nodes now", "当前节点"),
            means=t(
                "Nodes by their state: silent ones have sent nothing for three intervals, of "
                "refused ones everything is refused, late ones are behind. May be empty: nothing "
                "is known of any node.",
                "按状态统计的节点：静默为三个采样间隔内没有上报；被拒为上报全部被拒绝；迟到为数据落后。"
                "可为空 (may be empty)：没有任何节点的信息。",
            ),
            do=t(
                "Silence is unknown, not healthy. The list below names the nodes.",
                "静默是未知，不等于健康。下方列表给出具体节点。",
            ),
            empty=t("No node has reported in 15 minutes", "15 分钟内没有节点上报"),
            width=width,
            queries=queries,
            decimals=0,
            now=True,
        ),
        named=True,
        size=size,
        limits={
            name: ((None, style.QUIET), (1.0, color))
            for name, color in zip(names, COLORS, strict=True)
        },
    )


def names_of(t: Tongue) -> tuple[str, ...]:
    """What the states of a node are called, by their `state_code`."""
    names: dict[State, str] = {
        "healthy": t("healthy", "正常"),
        "late": t("late", "迟到"),
        "refused": t("refused", "被拒"),
        "silent": t("silent", "静默"),
    }
    return tuple(names[state] for state in STATES)


def unwell(t: Tongue, *, width: int = 8, site: bool = True, missing: bool = True) -> Panel:
    """The nodes that are silent, refused or late."""
    inner = latest(
        "completeness", ("silent_s", "missing"), HOSTS, '"host", "site"', by="state_code"
    )
    query = (
        f'SELECT "state_code", "silent_s", "missing" FROM ({inner}) '
        'WHERE "state_code" > 0 GROUP BY "host", "site"'
    )
    lasting = words.lasting(t)
    columns = [
        Column("host", t("Node", "节点"), link=links.node_link(t)),
        *([Column("site", t("Site", "站点"), width=105)] if site else []),
        Column(
            "state_code",
            t("State", "状态"),
            width=75,
            texts={str(code): name for code, name in enumerate(names_of(t))},
            colors={str(code): color for code, color in enumerate(COLORS)},
        ),
        Column("silent_s", t("Last heard", "距上次上报"), unit=lasting, width=100, decimals=0),
        *([Column("missing", t("Missing", "缺失"), width=72, decimals=0)] if missing else []),
    ]
    shown = {column.name for column in columns}
    return listing(
        Face(
            id=34,
            title=t("Nodes that are not well", "异常节点"),
            means=t(
                "Silent, refused and late nodes, silent ones first. May be empty: all are healthy.",
                "静默、被拒与迟到的节点，静默在前。可为空 (may be empty)：全部正常。",
            ),
            do=t(
                "Silent: `systemctl status muster-agent` there. Refused: `muster quarantine list`. "
                "Late: wait while it falls, else its uplink.",
                "静默：在节点上运行 `systemctl status muster-agent`。"
                "被拒：`muster quarantine list`。"
                "迟到：若持续下降则等待，否则检查上行链路。",
            ),
            empty=t("None is known", "没有已知的异常节点"),
            width=width,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="state_code",
        descending=True,
        hidden=[name for name in ("site", "missing") if name not in shown],
    )
