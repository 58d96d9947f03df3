"""What goes wrong in TCP, UDP and IP, by Telegraf's `nstat`: the essentials of its 300 counters."""

from __future__ import annotations

import contextlib
from functools import lru_cache

from muster_agent.sensors import Sensor, SensorAbsentError
from muster_wire.messages import Metric, Value

SNMP = "proc/net/snmp"
NETSTAT = "proc/net/netstat"
SNMP6 = "proc/net/snmp6"
WANTED = {
    b"Ip:": """ForwDatagrams InAddrErrors InDiscards InHdrErrors InUnknownProtos OutDiscards
        OutNoRoutes ReasmFails""",
    b"Icmp:": """InCsumErrors InEchoReps InEchos InErrors OutEchoReps OutEchos OutErrors""",
    b"Tcp:": """ActiveOpens AttemptFails EstabResets InErrs InSegs OutRsts OutSegs PassiveOpens
        RetransSegs""",
    b"Udp:": """InCsumErrors InDatagrams InErrors NoPorts OutDatagrams RcvbufErrors
        SndbufErrors""",
    b"TcpExt:": """ListenDrops ListenOverflows SyncookiesFailed SyncookiesRecv SyncookiesSent
        TCPAbortOnMemory TCPAbortOnTimeout TCPBacklogDrop TCPLostRetransmit TCPSynRetrans
        TCPTimeouts""",
}
"""The first word of a pair of lines to the counters wanted of it."""
WANTED6 = frozenset(
    b"Ip6InAddrErrors Ip6InDiscards Ip6InHdrErrors Ip6InUnknownProtos Ip6OutDiscards"
    b" Ip6OutNoRoutes".split()
)
FILES = {"snmp": SNMP, "netstat": NETSTAT}
"""Telegraf's tag `name` to file."""


class Nstat(Sensor):
    """Counts since boot; counters that the kernel has not got are left out."""

    name = "nstat"

    def read(self) -> list[Metric]:
        """One metric a file."""
        try:
            tables = {name: self.host.parse(path, parse_wanted) for name, path in FILES.items()}
        except FileNotFoundError as error:
            raise SensorAbsentError("no TCP/IP") from error
        with contextlib.suppress(FileNotFoundError):  # booted without IPv6
            tables["snmp6"] = self.host.parse(SNMP6, parse_wanted6)
        return [Metric("nstat", {"name": name}, fields) for name, fields in tables.items()]


def parse_wanted(data: bytes) -> dict[str, Value]:
    """The wanted counters by Telegraf's names, such as TcpRetransSegs.

    The files hold pairs of lines, names above numbers.
    """
    lines = data.splitlines()
    if not lines:
        raise ValueError("empty")
    found: dict[str, Value] = {}
    for names, numbers in zip(lines[::2], lines[1::2], strict=True):
        columns = layout(names)
        if columns:
            values = numbers.split()
            if values[0] != names.split(None, 1)[0]:
                raise ValueError(f"line {values[0][:20]!r} below {names[:20]!r}")
            found.update((name, int(values[at])) for at, name in columns)
    return found


def parse_wanted6(data: bytes) -> dict[str, Value]:
    """The wanted counters of /proc/net/snmp6: a name and a number a line."""
    found: dict[str, Value] = {}
    for line in data.splitlines():
        name, number = line.split()
        if name in WANTED6:
            found[name.decode()] = int(number)
    if not found:
        raise ValueError("no counters of IPv6")
    return found


@lru_cache(maxsize=16)
def layout(names: bytes) -> tuple[tuple[int, str], ...]:
    """Where in the line below `names` the wanted counters are; kept, as it does not change."""
    protocol, *columns = names.split()
    wanted = WANTED.get(protocol, "").split()
    at = {name.decode(): place for place, name in enumerate(columns, 1)}
    prefix = protocol.rstrip(b":").decode()
    return tuple((at[name], prefix + name) for name in wanted if name in at)
