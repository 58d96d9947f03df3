"""Interfaces: throughput and errors."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.panels import Panel
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.node.plots import plot, rates


def network(t: Tongue) -> Panel:
    """Bits a second, by interface."""
    reads = {"bytes_recv": t("received", "接收"), "bytes_sent": t("sent", "发送")}
    return plot(
        t,
        40,
        (
            t("Network throughput", "网络吞吐量"),
            t("Bits a second by interface.", "各接口每秒的比特数。"),
            t("Near the link's speed for long: upgrade it.", "长期接近链路速率：请扩容。"),
        ),
        [rates("net", reads, "interface", ' AND "interface" !~ /^(lo|all)$/', " * 8")],
        "bps",
        width=12,
        colors={f"/ {reads['bytes_recv']}$/": style.GOOD, f"/ {reads['bytes_sent']}$/": style.FAIR},
    )


def network_errors(t: Tongue) -> Panel:
    """Errors and drops a minute, by interface."""
    reads = {
        "err_in": t("errors in", "接收错误"),
        "err_out": t("errors out", "发送错误"),
        "drop_in": t("drops in", "接收丢弃"),
        "drop_out": t("drops out", "发送丢弃"),
    }
    return plot(
        t,
        41,
        (
            t("Network errors", "网络错误"),
            t("Packets with errors or dropped, a minute.", "每分钟出错或被丢弃的报文数。"),
            t(
                "Errors mean a cable, connector or transceiver; drops mean full queues.",
                "错误多因线缆、接头或光模块；丢弃多因队列已满。",
            ),
        ),
        [rates("net", reads, "interface", ' AND "interface" !~ /^(lo|all)$/', " * 60")],
        "suffix:/min",
        width=12,
        colors={
            f"/ {reads['err_in']}$/": style.BAD,
            f"/ {reads['err_out']}$/": style.POOR,
            f"/ {reads['drop_in']}$/": style.WARN,
            f"/ {reads['drop_out']}$/": style.LOSS,
        },
    )
