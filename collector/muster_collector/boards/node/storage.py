"""Memory and disks: use, throughput, how busy."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import BUCKET, Series
from muster_collector.boards.kit.panels import Panel
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.node.plots import HOST, fields, plot, rates


def memory(t: Tongue) -> Panel:
    """Memory and swap in use."""
    used, swap = t("memory used", "内存占用"), t("swap used", "交换区占用")
    memory = (
        f'SELECT 100 - mean("available_percent") AS "{used}" FROM "mem" WHERE {HOST} '
        f"AND $timeFilter {BUCKET} fill(none)"
    )
    return plot(
        t,
        30,
        (
            t("Memory", "内存"),
            t(
                "Memory that programs cannot get any more, and swap in use.",
                "程序已无法再取得的内存，以及已用的交换区。",
            ),
            t(
                "Above 95 %: the kernel will soon kill something.",
                "高于 95%：内核即将终止进程。",
            ),
        ),
        [Series(memory), fields("swap", {"used_percent": swap})],
        "percent",
        high=100,
        colors={used: style.GOOD, swap: style.LOSS},
        width=6,
    )


def disk(t: Tongue) -> Panel:
    """Space in use, by file system."""
    query = (
        f'SELECT max("used_percent") AS "u" FROM "disk" WHERE {HOST} AND $timeFilter '
        f'{BUCKET}, "path" fill(none)'
    )
    return plot(
        t,
        31,
        (
            t("Space used", "磁盘空间占用"),
            t("Space in use on each file system.", "各文件系统的空间占用。"),
            t(
                "Above 85 %: plan; above 95 %: free space now.",
                "高于 85%：制定计划；高于 95%：立即清理。",
            ),
        ),
        [Series(query, alias="[[tag_path]]")],
        "percent",
        high=100,
        limits=style.steps("disk_used"),
        width=6,
    )


def disk_rate(t: Tongue) -> Panel:
    """Bytes a second, by disk."""
    return plot(
        t,
        32,
        (
            t("Disk throughput", "磁盘吞吐量"),
            t("Bytes a second read and written, by disk.", "各磁盘每秒读写的字节数。"),
            t(
                "Compare with pressure: much traffic alone is no fault.",
                "请与压力对照：流量大本身不是故障。",
            ),
        ),
        [rates("diskio", {"read_bytes": t("read", "读"), "write_bytes": t("write", "写")}, "name")],
        "Bps",
        width=6,
        colors={f"/ {t('read', '读')}$/": style.GOOD, f"/ {t('write', '写')}$/": style.WARN},
    )


def disk_busy(t: Tongue) -> Panel:
    """Share of time with a request in flight, by disk."""
    busy = t("busy", "繁忙")
    return plot(
        t,
        42,
        (
            t("Disks busy", "磁盘繁忙度"),
            t(
                "Share of time with a request in flight. Solid state disks serve many at once.",
                "有请求在途的时间比例。固态盘可同时处理多个请求。",
            ),
            t(
                "Near 100 % together with pressure: too slow a disk.",
                "接近 100% 且压力高：磁盘过慢。",
            ),
        ),
        [rates("diskio", {"io_time": busy}, "name", times=" / 10")],
        "percent",
        high=100,
        width=6,
    )
