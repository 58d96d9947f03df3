"""Sockets by Telegraf's `netstat`, from the kernel's own counts instead of a list of sockets.

Listing them takes milliseconds a thousand connections; these counts take microseconds. So only
the states that the kernel counts are sent.
"""

from __future__ import annotations

from muster_agent.sensors import Sensor, SensorAbsentError
from muster_agent.sensors.nstat import SNMP
from muster_wire.messages import Metric, Value

SOCKSTAT = "proc/net/sockstat"
SOCKSTAT6 = "proc/net/sockstat6"
NEEDED = {b"TCP": (b"tw", b"orphan", b"alloc"), b"UDP": (b"inuse",), b"UDP6": (b"inuse",)}
NONE = {b"inuse": 0}

Counts = dict[bytes, dict[bytes, int]]


class Netstat(Sensor):
    """Sockets now; UDP and time-wait of both address families."""

    name = "netstat"

    def read(self) -> list[Metric]:
        """One metric."""
        try:
            counts = self.host.parse(SOCKSTAT, parse_sockstat)
            established = self.host.parse(SNMP, parse_established)
        except FileNotFoundError as error:
            raise SensorAbsentError("no TCP/IP") from error
        try:
            counts6 = self.host.parse(SOCKSTAT6, parse_sockstat)
        except FileNotFoundError:
            counts6 = {}  # booted without IPv6
        tcp = counts[b"TCP"]
        fields: dict[str, Value] = {
            "tcp_established": established,
            "tcp_time_wait": tcp[b"tw"],
            "udp_socket": counts[b"UDP"][b"inuse"] + counts6.get(b"UDP6", NONE)[b"inuse"],
            "tcp_orphan": tcp[b"orphan"],
            "tcp_allocated": tcp[b"alloc"],
        }
        return [Metric("netstat", {}, fields)]


def parse_sockstat(data: bytes) -> Counts:
    """The needed protocols' counts, of /proc/net/sockstat or sockstat6."""
    counts: Counts = {}
    for line in data.splitlines():
        protocol, _, pairs = line.partition(b":")
        if needed := NEEDED.get(protocol):
            words = pairs.split()
            found = dict(zip(words[::2], words[1::2], strict=True))
            counts[protocol] = {name: int(found[name]) for name in needed}
    if not counts:
        raise ValueError("neither TCP nor UDP")
    return counts


def parse_established(data: bytes) -> int:
    """CurrEstab of /proc/net/snmp's pair of lines on TCP, names above numbers."""
    names, numbers = (line.split() for line in data.splitlines() if line.startswith(b"Tcp:"))
    return int(numbers[names.index(b"CurrEstab")])
