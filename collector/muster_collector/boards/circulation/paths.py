"""Between sites: loss, round trips, what throughput tests found."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import BUCKET, HOSTS, Series
from muster_collector.boards.kit.panels import Face, Panel, trend
from muster_collector.boards.kit.tongue import Tongue


def _probe(
    t: Tongue,
    number_: int,
    words: tuple[str, str, str],
    field: str,
    unit: str,
    *,
    limits: style.Limits = style.PLAIN_STEPS,
) -> Panel:
    title, means, do = words
    query = (
        f'SELECT max("{field}") AS "v" FROM "ping" WHERE {HOSTS} AND $timeFilter '
        f'{BUCKET}, "site" fill(none)'
    )
    return trend(
        Face(
            id=number_,
            title=title,
            means=means,
            do=do,
            empty=t("No probes are set up", "尚未配置探测"),
            width=12,
            queries=[Series(query, alias="[[tag_site]]")],
            unit=unit,
            every="2m",
            limits=limits,
        ),
        filled=False,
        many=True,
    )


def loss(t: Tongue) -> Panel:
    """Loss on the worst path of each site."""
    texts = (
        t("Loss on the worst path", "最差路径丢包"),
        t(
            "Echo requests without an answer on the worst path of each site. May be empty: no ping "
            "probes.",
            "各站点最差路径上无应答的回显请求比例。可为空 (may be empty)：没有 ping 探测。",
        ),
        t("Above 0.5 %: look at the path between the two.", "高于 0.5%：检查两者之间的路径。"),
    )
    return _probe(t, 30, texts, "percent_packet_loss", "percent", limits=style.steps("path_loss"))


def delay(t: Tongue) -> Panel:
    """Round trip on the slowest path of each site."""
    texts = (
        t("Round trip on the slowest path", "最慢路径时延"),
        t(
            "Mean round trip on the slowest path of each site. May be empty: no ping probes.",
            "各站点最慢路径的平均往返时延。可为空 (may be empty)：没有 ping 探测。",
        ),
        t(
            "Above 50 ms within a city: a detour or a full link.",
            "城内高于 50 毫秒：绕路或链路已满。",
        ),
    )
    return _probe(t, 31, texts, "average_response_ms", "ms")


def _carried(t: Tongue, number_: int, title: str, way: str, field: str) -> Panel:
    query = (
        f'SELECT min("{field}") * 1000000 AS "v" FROM "throughput" WHERE {HOSTS} AND $timeFilter '
        f'{BUCKET}, "site", "peer_site" fill(none)'
    )
    return trend(
        Face(
            id=number_,
            title=title,
            means=t(
                "What throughput tests between agents found, the slowest of each pair of sites. A "
                "test keeps to a limit, so a line at its limit means that or more. May be empty: "
                "no tests are set up.",
                "代理之间吞吐量测试的结果，取每对站点中最慢者。测试有上限，达到上限即表示不低于该值。"
                "可为空 (may be empty)：未配置测试。",
            ),
            do=t(
                "A fall while the interfaces are not busy: look at the link between the two.",
                "接口不忙而数值下降：检查两地之间的链路。",
            ),
            empty=t("No throughput tests are set up", "尚未配置吞吐量测试"),
            width=12,
            queries=[Series(query, alias=f"[[tag_site]] {way} [[tag_peer_site]]")],
            unit="bps",
            every="2h",
        ),
        low=None,
        filled=False,
        many=True,
    )


def there(t: Tongue) -> Panel:
    """What throughput tests found towards other sites."""
    title = t("What paths carry to other sites", "到其他站点的路径吞吐量")
    return _carried(t, 40, title, "\N{RIGHTWARDS ARROW}", "upload")


def back(t: Tongue) -> Panel:
    """What throughput tests found from other sites."""
    title = t("What paths carry from other sites", "来自其他站点的路径吞吐量")
    return _carried(t, 41, title, "\N{LEFTWARDS ARROW}", "download")
