"""Traffic of network interfaces by Telegraf's `net`."""

from __future__ import annotations

from typing import NamedTuple

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError
from muster_agent.sensors.nstat import SNMP
from muster_wire.messages import Metric

NET_DEV = "proc/net/dev"
PROTOCOLS = {
    b"Tcp:": "ActiveOpens AttemptFails EstabResets OutRsts PassiveOpens RetransSegs",
    b"Udp:": "InDatagrams InErrors NoPorts OutDatagrams",
}
"""Telegraf's `net` has these beside the interfaces, as `tcp_activeopens` with `interface=all`."""
UP, LOOPBACK = 0x1, 0x8
"""Flags of an interface, as in netdevice(7)."""
IGNORE = ("veth", "cali", "lxc")
"""One interface a container, under a new name at every start: series without end."""
SPEED_KEPT = 60.0
"""Seconds for which a speed is believed: reading it takes a lock that the kernel is jealous of."""


class Speed(NamedTuple):
    """A link's speed in Mbit/s (-1 unknown) and until when it need not be asked again."""

    value: int
    until: float


class Net(Sensor):
    """Counts since boot of interfaces that are up; the loopback and containers' ends are left out.

    `ignore` are beginnings of interface names.
    """

    name = "net"

    def __init__(self, host: Host, *, ignore: tuple[str, ...] = IGNORE) -> None:
        super().__init__(host)
        self.ignore = tuple(ignore)
        self.speeds: dict[str, Speed] = {}

    def read(self) -> list[Metric]:
        """One metric an interface, and one for the protocols on all of them."""
        try:
            rows = self.host.parse(NET_DEV, parse_net_dev)
        except FileNotFoundError as error:
            raise SensorAbsentError("no network") from error
        for gone in self.speeds.keys() - rows.keys():
            del self.speeds[gone]
            self.host.forget(_file(gone, "flags"))
        metrics = [
            Metric("net", {"interface": name}, {**row, "speed": self._speed(name)})
            for name, row in rows.items()
            if name != "lo" and not name.startswith(self.ignore) and self._in_use(name)
        ]
        try:
            protocols = self.host.parse(SNMP, parse_protocols)
        except FileNotFoundError:
            return metrics
        return [*metrics, Metric("net", {"interface": "all"}, {**protocols})]

    def _in_use(self, name: str) -> bool:
        """Up and no loopback; without sysfs (a bare container) what is listed counts."""
        try:
            flags = int(self.host.pread(_file(name, "flags")), 16)
        except (OSError, ValueError):
            return not self.host.exists("sys/class/net")
        return flags & (UP | LOOPBACK) == UP

    def _speed(self, name: str) -> int:
        now = self.host.monotonic()
        known = self.speeds.get(name)
        if known is None or now >= known.until:
            try:
                value = int(self.host.read(_file(name, "speed")))
            except (OSError, ValueError):
                value = -1  # Wi-Fi, tunnels, links that are down
            known = self.speeds[name] = Speed(value, now + SPEED_KEPT)
        return known.value


def _file(interface: str, name: str) -> str:
    return f"sys/class/net/{interface}/{name}"


def parse_net_dev(data: bytes) -> dict[str, dict[str, int]]:
    """Every interface's counters, of proc(5)'s /proc/net/dev."""
    rows: dict[str, dict[str, int]] = {}
    for line in data.splitlines()[2:]:
        name, _, numbers = line.rpartition(b":")
        n = [int(column) for column in numbers.split()]
        if len(n) < 12:
            raise ValueError(f"{name.decode().strip()} has {len(n)} columns instead of 16")
        rows[name.decode().strip()] = {
            "bytes_sent": n[8],
            "bytes_recv": n[0],
            "packets_sent": n[9],
            "packets_recv": n[1],
            "err_in": n[2],
            "err_out": n[10],
            "drop_in": n[3],
            "drop_out": n[11],
        }
    return rows


def parse_protocols(data: bytes) -> dict[str, int]:
    """Some counters of TCP and UDP, of /proc/net/snmp's pairs of lines, names above numbers."""
    found: dict[str, int] = {}
    lines = data.splitlines()
    for names, numbers in zip(lines[::2], lines[1::2], strict=True):
        protocol, *columns = names.split()
        if wanted := PROTOCOLS.get(protocol):
            values = dict(zip(columns, numbers.split()[1:], strict=True))
            prefix = protocol.decode().rstrip(":").lower()
            for name in wanted.split():
                if name.encode() in values:
                    found[f"{prefix}_{name.lower()}"] = int(values[name.encode()])
    if not found:
        raise ValueError("neither TCP nor UDP")
    return found
