"""Processors: use, waiting, pressure."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import BUCKET, Series
from muster_collector.boards.kit.panels import Panel, rename
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.node.plots import HOST, fields, plot


def cpu(t: Tongue) -> Panel:
    """Where the time of all CPUs goes."""
    parts_of = {
        "usage_user": (t("programs", "程序"), style.GOOD),
        "usage_system": (t("kernel", "内核"), style.FAIR),
        "usage_iowait": (t("waiting for disks", "等待磁盘"), style.WARN),
        "usage_steal": (t("taken by the hypervisor", "被虚拟机管理器占用"), style.BAD),
    }
    return plot(
        t,
        20,
        (
            t("Processor time", "处理器时间"),
            t("Where the time of all CPUs goes.", "全部处理器的时间去向。"),
            t(
                "Near 100 %: too much work. Much waiting: look at the disks, not at the CPU.",
                "接近 100%：工作过多。等待较多：应检查磁盘而非处理器。",
            ),
        ),
        [
            fields(
                "cpu",
                {field: name for field, (name, _) in parts_of.items()},
                " AND \"cpu\" = 'cpu-total'",
            )
        ],
        "percent",
        high=100,
        colors=dict(parts_of.values()),
        stacked=True,
    )


def load(t: Tongue) -> Panel:
    """Tasks that run or wait, per CPU."""
    name = t("load per CPU", "单核负载")
    query = (
        f'SELECT mean("load1") / mean("n_cpus") AS "{name}" FROM "system" WHERE {HOST} '
        f"AND $timeFilter {BUCKET} fill(none)"
    )
    return plot(
        t,
        21,
        (
            t("Load per CPU", "单核负载"),
            t(
                "Tasks that run or wait, per CPU; Linux counts those that wait for disks too.",
                "每个处理器上运行或等待的任务数；Linux 也计入等待磁盘的任务。",
            ),
            t("Above 1 for long: tasks wait.", "长期高于 1：任务在等待。"),
        ),
        [Series(query)],
        "none",
        colors={name: style.GOOD},
    )


def pressure(t: Tongue) -> Panel:
    """Time in which tasks waited, by resource."""
    query = (
        f'SELECT mean("avg60") AS "p" FROM "pressure" WHERE {HOST} AND "type" = \'some\' '
        f'AND $timeFilter {BUCKET}, "resource" fill(none)'
    )
    panel = plot(
        t,
        22,
        (
            t("Pressure", "压力"),
            t(
                "Share of time in which some task waited for CPU, disks or memory (PSI). May be "
                "empty: the kernel has no PSI.",
                "有任务等待处理器、磁盘或内存的时间比例（PSI）。"
                "可为空 (may be empty)：内核不支持 PSI。",
            ),
            t(
                "Memory above 5 %: add memory. Disks above 20 %: find who writes.",
                "内存高于 5%：增加内存。磁盘高于 20%：查找写入者。",
            ),
        ),
        [Series(query, alias="$tag_resource")],
        "percent",
        colors={"cpu": style.GOOD, "io": style.WARN, "memory": style.LOSS},
    )
    names = {"cpu": t("CPU", "处理器"), "io": t("disks", "磁盘"), "memory": t("memory", "内存")}
    return rename(panel, names)
