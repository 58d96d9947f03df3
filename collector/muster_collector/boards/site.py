"""One site: its score and why, its nodes, what they carry."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.board import Board, Strip
from muster_collector.boards.kit.influxql import HOSTS, Series
from muster_collector.boards.kit.panels import Face, Panel, trend
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import alerts, fullest, places, probes, reports, scores, states
from muster_collector.boards.shared.scores import SITE


def site(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="site",
        about=t(
            "One site: how ready it is, why, which of its nodes pull it down, what it carries.",
            "单个站点：就绪度及其原因、拖累评分的节点以及承载的流量。",
        ),
        single="site",
        strips=[
            Strip(
                4,
                [
                    scores.score(t, SITE),
                    scores.grade(t, SITE, width=3),
                    scores.interval(t, SITE),
                    scores.coverage(t, SITE),
                    scores.members(t, SITE, width=3),
                    states.now(t, width=6),
                ],
            ),
            Strip(
                9,
                [
                    scores.history(t, SITE, hosts=HOSTS),
                    scores.pillars(t, SITE),
                    scores.lost(t, SITE),
                ],
            ),
            Strip(
                11,
                [places.lowest_nodes(t, width=8, site=False), scores.why(t, SITE, width=16)],
            ),
            Strip(9, [states.unwell(t, site=False), _traffic(t), reports.missing(t)]),
            Strip(9, [fullest.busiest(t), fullest.fullest_memory(t), fullest.fullest_disk(t)]),
            Strip(7, [probes.worst(t, width=15, id=60), probes.hosts(t, width=9, id=61)]),
            Strip(6, [alerts.history(t, width=24)]),
        ],
    )


def _traffic(t: Tongue) -> Panel:
    received, sent = t("received", "接收"), t("sent", "发送")

    def series(field: str, name: str) -> Series:
        inner = (
            f'SELECT 8 * non_negative_derivative(last("{field}"), 1s) AS "bits" FROM "net" '
            f'WHERE "interface" !~ /^(lo|all)$/ AND {HOSTS} AND $timeFilter '
            'GROUP BY time($__interval), "host", "interface" fill(none)'
        )
        return Series(
            f'SELECT sum("bits") AS "{name}" FROM ({inner}) '
            "WHERE $timeFilter GROUP BY time($__interval) fill(none)"
        )

    return trend(
        Face(
            id=33,
            title=t("Throughput of the nodes", "节点吞吐量"),
            means=t(
                "Bits a second that the chosen nodes receive and send, all interfaces together.",
                "所选节点每秒接收与发送的比特数，含全部接口。",
            ),
            do=t(
                "A sudden fall while nodes report: look at the services, then at the uplink.",
                "节点正常上报而流量骤降时：先检查服务，再检查上行链路。",
            ),
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=8,
            queries=[series("bytes_recv", received), series("bytes_sent", sent)],
            unit="bps",
            every="2m",
            shift="2m",
        ),
        colors={received: style.GOOD, sent: style.FAIR},
    )
