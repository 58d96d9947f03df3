"""What goes wrong in TCP, UDP and IP, by Telegraf's `nstat`: the essentials of its 300 counters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import add, itemgetter
from typing import Any, NamedTuple

from muster_agent.host import ONE_PIECE
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
WANTED6 = """Ip6InAddrErrors Ip6InDiscards Ip6InHdrErrors Ip6InUnknownProtos Ip6OutDiscards
    Ip6OutNoRoutes"""
KEYS6 = {name: f"\n{name} ".encode() for name in WANTED6.split()}
FILES = {"snmp": SNMP, "netstat": NETSTAT}
"""Telegraf's tag `name` to file."""


class Nstat(Sensor):
    """Counts since boot; counters that the kernel has not got are left out."""

    name = "nstat"

    def read(self) -> list[Metric]:
        """One metric a file."""
        try:
            tables = {
                name: self.host.parse(path, parse_wanted, ONE_PIECE) for name, path in FILES.items()
            }
        except FileNotFoundError as error:
            raise SensorAbsentError("no TCP/IP") from error
        with contextlib.suppress(FileNotFoundError):  # booted without IPv6
            tables["snmp6"] = self.host.parse(SNMP6, parse_wanted6, ONE_PIECE)
        return [Metric("nstat", {"name": name}, fields) for name, fields in tables.items()]


class Layout(NamedTuple):
    """The wanted counters in a line of names: what they are called, and how to get at them below.

    `pick` gives the first word of a line and the numbers.
    """

    fields: tuple[str, ...]
    pick: Callable[[list[bytes]], Any]


def parse_wanted(data: bytes) -> dict[str, Value]:
    """The wanted counters by Telegraf's names, such as TcpRetransSegs."""
    return parse_pairs(data, layout)


def parse_pairs(data: bytes, laid_out: Callable[[bytes], Layout | None]) -> dict[str, Value]:
    """The wanted counters of a file that holds pairs of lines, names above numbers."""
    lines = data.splitlines()
    if not lines:
        raise ValueError("empty")
    found: dict[str, Value] = {}
    for names, numbers in zip(lines[::2], lines[1::2], strict=True):
        known = laid_out(names)
        if known is not None:
            first, *values = known.pick(numbers.split())
            if not names.startswith(first + b" "):
                raise ValueError(f"line {first[:20]!r} below {names[:20]!r}")
            found.update(zip(known.fields, map(int, values), strict=True))
    return found


def parse_wanted6(data: bytes) -> dict[str, Value]:
    """The wanted counters of /proc/net/snmp6: a name and a number a line."""
    found: dict[str, Value] = {}
    for name, key in KEYS6.items():
        start = data.find(key)
        if start >= 0:
            start += len(key)
            found[name] = int(data[start : data.index(b"\n", start)])
    if not found:
        raise ValueError("no counters of IPv6")
    return found


def lay_out(
    names: bytes, wanted: Mapping[bytes, str], label: Callable[[str, str], str] = add
) -> Layout | None:
    """Where the counters wanted of a protocol are, in a line of names; None where there are none.

    `label` makes a field's name of those of the protocol and the counter.
    """
    protocol, *columns = names.split()
    at = {name.decode(): place for place, name in enumerate(columns, 1)}
    found = [name for name in wanted.get(protocol, "").split() if name in at]
    if not found:
        return None
    prefix = protocol.rstrip(b":").decode()
    fields = tuple(label(prefix, name) for name in found)
    return Layout(fields, itemgetter(0, *(at[name] for name in found)))


@lru_cache(maxsize=16)
def layout(names: bytes) -> Layout | None:
    """Where this sensor's counters are; kept, because it does not change."""
    return lay_out(names, WANTED)
