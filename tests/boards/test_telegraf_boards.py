"""What a public board made for Telegraf asks for is what our agents send, under the same names.

The names are those of grafana.com's dashboard 928 (Telegraf: system dashboard), read off it once.
"""

from __future__ import annotations

from muster_wire.catalogue import types

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
