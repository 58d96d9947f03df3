"""Traffic of network interfaces by Telegraf's `net`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache, partial
from operator import itemgetter

from muster_agent import netdevice
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
"""Seconds for which interfaces are believed to be up, or not, and to have the speed that they had:
reading a speed takes a lock that the kernel is jealous of."""
LINES = 3600
"""Bytes below which the file is whole: no line of it has the rest of a page."""

Row = dict[str, Value]
"""The counters of an interface."""


class Net(Sensor):
    """Counts since boot of interfaces that are up; the loopback and containers' ends are left out.

    `ignore` are beginnings of interface names.
    """

    name = "net"

    def __init__(self, host: Host, *, ignore: tuple[str, ...] = IGNORE) -> None:
        super().__init__(host)
        self.ignore = tuple(ignore)
        self.speeds: dict[str, int] = {}
        self.idle: dict[str, Row] = {}
        self.until = self.speeds_until = 0.0
        self.remembered = Remembered(parse_interface)

    def read(self) -> list[Metric]:
        """One metric an interface, and one for the protocols on all of them."""
        try:
            rows = self.host.parse(NET_DEV, self._interfaces, LINES)
        except FileNotFoundError as error:
            raise SensorAbsentError("no network") from error
        self._look(rows)
        speeds = self.speeds
        metrics = [
            Metric("net", {"interface": name}, {**row, "speed": speeds[name]})
            for name, row in rows.items()
            if name in speeds
        ]
        try:
            protocols = self.host.parse(SNMP, parse_protocols)
        except FileNotFoundError:
            return metrics
        return [*metrics, Metric("net", {"interface": "all"}, protocols)]

    def _interfaces(self, data: bytes) -> dict[str, Row]:
        """All interfaces; of one without traffic since the last reading everything is known."""
        return parse_net_dev(data, self.remembered.parse)

    def _look(self, rows: dict[str, Row]) -> None:
        """Find out which interfaces are in use, and the speeds of these in Mbit/s (-1 unknown).

        All are asked once a minute, those that are new at once, and so is one that was not in use
        and has traffic.
        """
        now = self.host.monotonic()
        for gone in self.speeds.keys() - rows.keys():
            del self.speeds[gone]
        known = self.speeds
        if now >= self.until:
            self.until, self.speeds, self.idle = now + KEPT, {}, {}
            if now >= self.speeds_until:
                self.speeds_until, known = now + SPEED_KEPT, {}
        asked = [
            name
            for name, row in rows.items()
            if name not in self.speeds and self.idle.get(name) != row and self._counts(name)
        ]
        for name, in_use in self._in_use(asked) if asked else ():
            if in_use:
                self.speeds[name] = known[name] if name in known else self._speed(name)
            else:
                self.idle[name] = rows[name]

    def _counts(self, name: str) -> bool:
        return name != "lo" and not name.startswith(self.ignore)

    def _in_use(self, names: list[str]) -> Iterator[tuple[str, bool]]:
        """Up and no loopback; without sysfs (a bare container) what is listed counts."""
        found = netdevice.flags(names) if self.host.live else self._flags(names)
        bare = len(found) < len(names) and not self.host.exists("sys/class/net")
        for name in names:
            yield name, bare if name not in found else found[name] & (UP | LOOPBACK) == UP

    def _flags(self, names: list[str]) -> dict[str, int]:
        """The same as `netdevice.flags`, of a machine that is mounted here."""
        found: dict[str, int] = {}
        for name in names:
            with suppress(OSError, ValueError):
                found[name] = int(self.host.read(_file(name, "flags")), 16)
        return found

    def _speed(self, name: str) -> int:
        try:
            return int(self.host.read(_file(name, "speed")))
        except (OSError, ValueError):
            return -1  # Wi-Fi, tunnels, links that are down


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
