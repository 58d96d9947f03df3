"""What a public board made for Telegraf asks for is what our agents send, under the same names.

The names are those of grafana.com's dashboard 928 (Telegraf: system dashboard), read off it once;
the board itself is its author's and is not kept here. Its kinds of query are asked of a real
InfluxDB that holds what our sensors made of the fake machines.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from boards.influxql_client import ask

from muster_collector.store.base import Point
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings
from muster_wire.catalogue import types
from servers import Influx1

MINUTE = 60_000
END = 1_790_000_000_000 // MINUTE * MINUTE

ASKED = {
    "cpu": "usage_guest usage_guest_nice usage_idle usage_iowait usage_irq usage_nice "
    "usage_softirq usage_steal usage_system usage_user",
    "disk": "inodes_free inodes_used total used used_percent",
    "interrupts": "total",
    "internal_gather": "gather_time_ns",
    "kernel": "context_switches processes_forked",
    "mem": "buffered cached free total used used_percent",
    "net": "bytes_recv bytes_sent drop_in drop_out err_in err_out packets_recv packets_sent "
    "tcp_activeopens tcp_estabresets tcp_outrsts tcp_passiveopens udp_indatagrams "
    "udp_outdatagrams",
    "netstat": "tcp_close tcp_close_wait tcp_closing tcp_established tcp_fin_wait1 "
    "tcp_fin_wait2 tcp_last_ack tcp_syn_recv tcp_syn_sent tcp_time_wait",
    "nstat": "IcmpInCsumErrors IcmpInEchoReps IcmpInEchos IcmpInErrors IcmpOutEchoReps "
    "IcmpOutEchos IcmpOutErrors Ip6InAddrErrors Ip6InDiscards Ip6InHdrErrors "
    "Ip6InUnknownProtos Ip6OutDiscards Ip6OutNoRoutes IpInAddrErrors IpInDiscards "
    "IpInHdrErrors IpInUnknownProtos IpOutDiscards IpOutNoRoutes TcpExtSyncookiesFailed "
    "TcpExtSyncookiesRecv TcpExtSyncookiesSent UdpInCsumErrors UdpInErrors UdpNoPorts "
    "UdpRcvbufErrors UdpSndbufErrors",
    "processes": "blocked paging running sleeping stopped total total_threads unknown zombies",
    "swap": "in out total used used_percent",
    "system": "load1 load15 load5 uptime",
}
"""Left out: ip_conntrack (the name before Linux 2.6.20), and what Telegraf says of itself."""


def test_every_name_is_in_the_catalogue() -> None:
    known = types()
    asked = {(name, field) for name, fields in ASKED.items() for field in fields.split()}
    assert asked - {(name, field) for name in known for field in known[name]} == set()


HOSTS = Path(__file__).resolve().parents[1] / "hosts"
ABSENT = {"internal_gather": {"gather_time_ns"}}
"""What an agent tells of itself while it runs, and not of a machine."""
PER_TAG = {"cpu": "cpu", "disk": "path", "diskio": "name", "net": "interface", "interrupts": "irq"}
"""The tag that such boards have a variable for, and draw a line for each value of."""


@pytest.fixture(scope="module")
def machines(influx1: Influx1) -> str:
    """A database with what our sensors made of every fake machine, a minute apart."""
    asyncio.run(write_machines(influx1.url, "telegraf"))
    return "telegraf"


async def write_machines(url: str, database: str) -> None:
    store = InfluxStore(InfluxSettings(url=url, database=database))
    await store.open()
    for file in sorted(HOSTS.glob("*.golden.json")):
        own = {"host": file.name.removesuffix(".golden.json"), "site": "lab"}
        points = [
            Point(name, tuple(sorted({**tags, **own}.items())), fields, moment)
            for name, tags, fields in json.loads(file.read_text("utf-8"))
            for moment in (END - MINUTE, END)
        ]
        assert await store.write(points) == []
    await store.close()


@pytest.mark.parametrize("measurement", ASKED)
def test_its_queries_have_answers(measurement: str, machines: str, influx1: Influx1) -> None:
    """In the form of such boards: a mean, or the rate of a counter, by host and by tag."""
    group = f', "{PER_TAG[measurement]}"' if measurement in PER_TAG else ""
    where = f'"host" =~ /^.*$/ AND time >= {END - MINUTE}ms AND time <= {END}ms'
    for field in sorted(set(ASKED[measurement].split()) - ABSENT.get(measurement, set())):
        for value in (f'mean("{field}")', f'non_negative_derivative(mean("{field}"), 1s)'):
            query = (
                f'SELECT {value} AS "v" FROM "{measurement}" WHERE {where} '
                f'GROUP BY time(30s), "host"{group} fill(none)'
            )
            found = ask(influx1.url, machines, query)
            numbers = [value for series in found for _, value in series["values"]]
            assert numbers, query
            assert all(isinstance(number, int | float) for number in numbers)


def test_the_variables_of_such_boards_have_values(machines: str, influx1: Influx1) -> None:
    for measurement, tag in (("system", "host"), *PER_TAG.items()):
        query = f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "{tag}"'
        assert ask(influx1.url, machines, query), query
