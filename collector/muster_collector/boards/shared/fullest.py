"""Tables of the nodes that have least left: processors, memory, disks."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import HOSTS, Rows, highest
from muster_collector.boards.kit.panels import Face, Panel
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import links


def busiest(t: Tongue) -> Panel:
    """The ten nodes with the busiest processors."""
    return top(
        t,
        id=40,
        title=t("Busiest processors", "处理器最忙的节点"),
        means=t(
            "Time not idle over 15 minutes, the ten highest.", "15 分钟内的非空闲比例，前十名。"
        ),
        do=t(
            "Above 85 %: look for one process or too many services on the node.",
            "高于 85%：查找占用过高的进程，或节点上服务过多。",
        ),
        limits="cpu_used",
        query=highest(
            '100 - mean("usage_idle")', "cpu", f"\"cpu\" = 'cpu-total' AND {HOSTS}", ("host",)
        ),
    )


def fullest_memory(t: Tongue) -> Panel:
    """The ten nodes with the least memory to get."""
    return top(
        t,
        id=41,
        title=t("Fullest memory", "内存占用最高的节点"),
        means=t(
            "Memory that programs cannot get any more, the ten highest.",
            "程序已无法再取得的内存比例，前十名。",
        ),
        do=t(
            "Above 95 %: the kernel will soon kill something; add memory or move a service.",
            "高于 95%：内核即将终止进程；请增加内存或迁移服务。",
        ),
        limits="memory_used",
        query=highest('100 - mean("available_percent")', "mem", HOSTS, ("host",)),
    )


def fullest_disk(t: Tongue) -> Panel:
    """The ten nodes with the fullest file system."""
    return top(
        t,
        id=42,
        title=t("Fullest disks", "磁盘占用最高的节点"),
        means=t(
            "The fullest file system of each node, the ten highest.",
            "每个节点最满的文件系统，前十名。",
        ),
        do=t(
            "Above 95 %: free space now, services stop when a disk is full.",
            "高于 95%：请立即清理，磁盘写满后服务会停止。",
        ),
        limits="disk_used",
        query=highest('max("used_percent")', "disk", f"\"mode\" = 'rw' AND {HOSTS}", ("host",)),
    )


def used(t: Tongue, limits: str) -> Column:
    """The column that says how full something is, in percent."""
    shades = style.steps(limits)
    return Column("used", t("Used", "占用"), unit="percent", decimals=0, limits=shades, bar=True)


def top(
    t: Tongue,
    *,
    id: int,  # noqa: A002  Grafana's word
    title: str,
    means: str,
    do: str,
    query: str,
    limits: str,
    width: int = 8,
) -> Panel:
    """The ten nodes with the highest use of something, coloured by `limits` in thresholds.toml."""
    columns = [
        Column("host", t("Node", "节点"), width=200, link=links.node_link(t)),
        used(t, limits),
    ]
    return listing(
        Face(
            id=id,
            title=title,
            means=means,
            do=do,
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=width,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="used",
        descending=True,
    )
