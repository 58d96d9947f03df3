"""Traffic of network interfaces by Telegraf's `net`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from operator import itemgetter
from typing import NamedTuple

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError
from muster_agent.sensors.nstat import SNMP, Layout, lay_out, parse_pairs
from muster_agent.sensors.remembered import Remembered
from muster_wire.messages import Metric, Value

NET_DEV = "proc/net/dev"
PROTOCOLS = {
    b"Tcp:": "ActiveOpens AttemptFails EstabResets OutRsts PassiveOpens RetransSegs",
    b"Udp:": "InDatagrams InErrors NoPorts OutDatagrams",
}
"""Telegraf's `net` has these beside the interfaces, as `tcp_activeopens` with `interface=all`."""
COLUMNS = {
    "bytes_sent": 8,
    "bytes_recv": 0,
    "packets_sent": 9,
    "packets_recv": 1,
    "err_in": 2,
    "err_out": 10,
    "drop_in": 3,
    "drop_out": 11,
}
"""Field to column of an interface's line."""
LEAST = 12
"""Columns that a line must have."""
pick = itemgetter(*COLUMNS.values())
UP, LOOPBACK = 0x1, 0x8
"""Flags of an interface, as in netdevice(7)."""
IGNORE = ("veth", "cali", "lxc")
"""One interface a container, under a new name at every start: series without end."""
KEPT, SPEED_KEPT = 60.0, 300.0
"""Seconds for which an interface is believed to be up, or not, and to have the speed that it had:
each is a file an interface, and reading a speed takes a lock that the kernel is jealous of."""

Row = dict[str, Value]
"""The counters of an interface."""


class Link(NamedTuple):
    """Whether an interface is used, its speed in Mbit/s (-1 unknown), until when each is believed.

    Of one that is not in use, what it has received and sent: traffic is news.
    """

    in_use: bool
    speed: int
    until: float
    speed_until: float
    idle: dict[str, Value] | None


class Net(Sensor):
    """Counts since boot of interfaces that are up; the loopback and containers' ends are left out.

    `ignore` are beginnings of interface names.
    """

    name = "net"

    def __init__(self, host: Host, *, ignore: tuple[str, ...] = IGNORE) -> None:
        super().__init__(host)
        self.ignore = tuple(ignore)
        self.links: dict[str, Link] = {}
        self.remembered = Remembered(parse_interface)

    def read(self) -> list[Metric]:
        """One metric an interface, and one for the protocols on all of them."""
        try:
            rows = self.host.parse(NET_DEV, self._interfaces)
        except FileNotFoundError as error:
            raise SensorAbsentError("no network") from error
        for gone in self.links.keys() - rows.keys():
            del self.links[gone]
        now = self.host.monotonic()
        metrics: list[Metric] = []
        for name, row in rows.items():
            if name == "lo" or name.startswith(self.ignore):
                continue
            link = self.links.get(name)
            if link is None or now >= link.until or (not link.in_use and link.idle != row):
                link = self.links[name] = self._look(name, row, now)
            if link.in_use:
                fields = {**row, "speed": link.speed}
                metrics.append(Metric("net", {"interface": name}, fields))
        try:
            protocols = self.host.parse(SNMP, parse_protocols)
        except FileNotFoundError:
            return metrics
        return [*metrics, Metric("net", {"interface": "all"}, protocols)]

    def _interfaces(self, data: bytes) -> dict[str, Row]:
        """All interfaces; of one without traffic since the last reading everything is known."""
        return parse_net_dev(data, self.remembered.parse)

    def _look(self, name: str, row: dict[str, Value], now: float) -> Link:
        if not self._in_use(name):
            return Link(in_use=False, speed=-1, until=now + KEPT, speed_until=now, idle=row)
        former = self.links.get(name)
        if former is not None and former.in_use and now < former.speed_until:
            return former._replace(until=now + KEPT)
        try:
            speed = int(self.host.read(_file(name, "speed")))
        except (OSError, ValueError):
            speed = -1  # Wi-Fi, tunnels, links that are down
        return Link(
            in_use=True, speed=speed, until=now + KEPT, speed_until=now + SPEED_KEPT, idle=None
        )

    def _in_use(self, name: str) -> bool:
        """Up and no loopback; without sysfs (a bare container) what is listed counts."""
        try:
            flags = int(self.host.read(_file(name, "flags")), 16)
        except (OSError, ValueError):
            return not self.host.exists("sys/class/net")
        return flags & (UP | LOOPBACK) == UP


def _file(interface: str, name: str) -> str:
    return f"sys/class/net/{interface}/{name}"


def parse_interface(line: bytes) -> tuple[str, Row]:
    """An interface and its counters, of its line."""
    name, _, numbers = line.rpartition(b":")
    columns = numbers.split()
    interface = name.decode().strip()
    if len(columns) < LEAST:
        raise ValueError(f"{interface} has {len(columns)} columns instead of 16")
    return interface, dict(zip(COLUMNS, map(int, pick(columns)), strict=True))


anew = partial(map, parse_interface)
"""What parses every line."""


def parse_net_dev(
    data: bytes,
    parsed: Callable[[list[bytes]], Iterable[tuple[str, Row]]] = anew,
) -> dict[str, Row]:
    """Every interface's counters, of proc(5)'s /proc/net/dev, whose lines are `parsed`."""
    return dict(parsed(data.splitlines()[2:]))


def parse_protocols(data: bytes) -> dict[str, Value]:
    """Some counters of TCP and UDP, of /proc/net/snmp's pairs of lines, names above numbers."""
    found = parse_pairs(data, layout)
    if not found:
        raise ValueError("neither TCP nor UDP")
    return found


@lru_cache(maxsize=8)
def layout(names: bytes) -> Layout | None:
    """Where this sensor's counters are; kept, because it does not change."""
    return lay_out(names, PROTOCOLS, lambda protocol, name: f"{protocol}_{name}".lower())
