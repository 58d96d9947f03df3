"""Why probes fail, certificates, hosts that are pinged."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import Rows
from muster_collector.boards.kit.panels import Face, Panel
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import links
from muster_collector.boards.shared.probes import (
    PROBES,
    seen,
)


def reasons(t: Tongue) -> Panel:
    """How probes failed, by service."""
    query = (
        f'SELECT count("result_code") AS "n" FROM {PROBES} '
        f'WHERE "result" <> \'success\' AND {seen()} GROUP BY "server", "result"'
    )
    results = {
        "timeout": t("no answer in time", "超时"),
        "connection_failed": t("no connection", "无法连接"),
        "dns_error": t("name not found", "域名解析失败"),
        "body_read_error": t("answer broken off", "应答中断"),
        "response_string_mismatch": t("wrong text", "内容不符"),
        "response_status_code_mismatch": t("wrong status", "状态码不符"),
        "read_failed": t("nothing read", "读取失败"),
        "string_mismatch": t("wrong text", "内容不符"),
        "error": t("error", "错误"),
    }
    columns = [
        Column("server", t("Service", "服务")),
        Column("result", t("Why", "原因"), width=140, texts=results),
        Column("n", t("Times", "次数"), width=70, decimals=0),
    ]
    return listing(
        Face(
            id=30,
            title=t("Why probes failed", "探测失败的原因"),
            means=t(
                "Failures in the chosen time by service and kind. May be empty: none failed.",
                "所选时段内各服务各类失败的次数。可为空 (may be empty)：没有失败。",
            ),
            do=t(
                "No connection: it is not running. In time: too slow. Status: its own log.",
                "无法连接：服务未运行。超时：过慢。状态码：查看服务日志。",
            ),
            empty=t("No probe failed", "没有失败的探测"),
            width=8,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="n",
        descending=True,
    )


def certificates(t: Tongue) -> Panel:
    """Certificates in files and of probed services, the next to expire first.

    A file of one name is another certificate on each machine: the first to expire is named.
    """
    last = (
        f'SELECT last("expiry") / 86400.0 AS "e" FROM "x509_cert" '
        f'WHERE {seen()} GROUP BY "source", "verification", "host"'
    )
    query = f'SELECT min("e") AS "expiry", "host" FROM ({last}) GROUP BY "source", "verification"'
    checked = {"valid": t("valid", "有效"), "invalid": t("invalid", "无效")}
    columns = [
        Column("source", t("Certificate of", "证书所属")),
        Column("host", t("Seen by", "观测节点"), width=135, link=links.node_link(t)),
        Column("verification", t("Checked", "校验"), width=75, texts=checked),
        Column(
            "expiry",
            t("Expires in", "剩余时间"),
            unit=t("suffix: d", "suffix: 天"),
            width=105,
            decimals=1,
            limits=style.steps("certificate_days"),
        ),
    ]
    return listing(
        Face(
            id=31,
            title=t("Certificates, the next to expire first", "证书（最先到期在前）"),
            means=t(
                "Time that each certificate has left, in a file or of a probed service, on the "
                "node where it is least; negative when it has run out. May be empty: none is "
                "looked at.",
                "各证书（文件或受探测的服务）在剩余时间最短的节点上的剩余时间；负值表示已过期。"
                "可为空 (may be empty)：未检查证书。",
            ),
            do=t(
                "Under 14 days: automatic renewal has failed, renew by hand.",
                "不足 14 天：自动续期已失败，请手动续期。",
            ),
            empty=t("No certificates", "没有证书"),
            width=10,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="expiry",
    )
