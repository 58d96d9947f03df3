"""Round trip and loss by ICMP echo, by Telegraf's `ping`; without root where the kernel allows.

The kernel lends echo sockets to the groups in net.ipv4.ping_group_range; a raw socket takes
CAP_NET_RAW. With neither, there is no ping here.
"""

from __future__ import annotations

import os
import select
import socket
import struct
from typing import NamedTuple

from muster_agent.probes.steps import Address, Run, Steps, UnknownHostError
from muster_agent.sensors import SensorAbsentError
from muster_wire.messages import Metric, Value

SPACING = 0.2
"""Seconds between requests at most; all are sent within half of the timeout."""
ECHO = struct.Struct(">BBHHH")
"""Type, code, checksum, identifier, sequence number (RFC 792, RFC 4443)."""
SIZE = 56
"""Bytes behind the header, as ping(8) sends."""
LARGEST = 2048
SUCCESS, NO_HOST, FAILED = 0, 1, 2
HOPS = struct.Struct("=i")


class Family(NamedTuple):
    """What differs between IPv4 and IPv6."""

    protocol: int
    request: int
    reply: int
    level: int
    want_hops: int
    hops: int


FAMILIES = {
    socket.AF_INET: Family(socket.IPPROTO_ICMP, 8, 0, socket.IPPROTO_IP, 12, socket.IP_TTL),
    socket.AF_INET6: Family(
        58, 128, 129, socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, socket.IPV6_HOPLIMIT
    ),
}
"""12 is IP_RECVTTL, which Python does not name."""


class Echoes:
    """The echo requests of one run, over one socket."""

    def __init__(self, sock: socket.socket, family: Family) -> None:
        self.sock = sock
        self.family = family
        self.raw = sock.type == socket.SOCK_RAW
        self.token = os.urandom(8)
        self.identifier = int.from_bytes(self.token[:2], "big")
        self.sent: dict[int, float] = {}
        self.trips: dict[int, float] = {}
        self.hops: int | None = None

    def send(self, now: float) -> None:
        """Send the next request."""
        number = len(self.sent) + 1
        self.sent[number] = now
        filling = self.token + bytes(SIZE - len(self.token))
        packet = ECHO.pack(self.family.request, 0, 0, self.identifier, number) + filling
        if self.raw and self.family.protocol == socket.IPPROTO_ICMP:
            packet = packet[:2] + checksum(packet) + packet[4:]  # else the kernel does it
        self.sock.send(packet)

    def receive(self, now: float) -> None:
        """Take what has come, if it is a first answer to one of our requests."""
        data, controls, _, _ = self.sock.recvmsg(LARGEST, 64)
        if self.raw and self.family.protocol == socket.IPPROTO_ICMP:
            data = data[4 * (data[0] & 0xF) :]  # behind the IP header
        if len(data) < ECHO.size + len(self.token) or data[0] != self.family.reply:
            return
        number = ECHO.unpack_from(data)[4]
        if data[ECHO.size :].startswith(self.token) and number in self.sent:
            self.trips.setdefault(number, now - self.sent[number])
            for level, kind, value in controls:
                if (level, kind) == (self.family.level, self.family.hops):
                    self.hops = HOPS.unpack_from(value)[0]


def ask(run: Run) -> Steps[list[Metric]]:
    """Some echo requests; one metric. SensorAbsentError where no socket for it is to be had."""
    fields: dict[str, Value]
    try:
        addresses = yield from run.resolver_of(run.probe.url).addresses()
        address = addresses[0]
        with opened(address) as sock:
            echoes = Echoes(sock, FAMILIES[socket.AddressFamily(address.family)])
            yield from _exchange(run, echoes)
        fields = summary(len(echoes.sent), list(echoes.trips.values()), echoes.hops)
    except (TimeoutError, UnknownHostError):
        fields = {"result_code": NO_HOST}
    except OSError:
        fields = {"result_code": FAILED}
    return [Metric("ping", {"url": run.probe.url.host}, fields)]


def opened(address: Address) -> socket.socket:
    """A socket for echoes to one address."""
    family = FAMILIES[socket.AddressFamily(address.family)]
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            sock = socket.socket(address.family, kind, family.protocol)
        except PermissionError:
            continue
        sock.setblocking(False)
        try:
            sock.setsockopt(family.level, family.want_hops, 1)
            sock.connect((address.place[0], 0, *address.place[2:]))
        except OSError:
            sock.close()
            raise
        return sock
    raise SensorAbsentError(
        "no right to send ICMP echoes: set net.ipv4.ping_group_range, or give CAP_NET_RAW"
    )


def _exchange(run: Run, echoes: Echoes) -> Steps[None]:
    """Send all requests, and wait for the answers until all are there or the time is over."""
    count = run.probe.count
    spacing = min(SPACING, run.probe.timeout / 2 / count)
    following = run.monotonic()
    try:
        while len(echoes.trips) < count:
            now = run.monotonic()
            if len(echoes.sent) < count and now >= following:
                echoes.send(now)
                following = now + spacing if len(echoes.sent) < count else run.deadline
            if (yield from run.ready(echoes.sock, select.POLLIN, following)):
                echoes.receive(run.monotonic())
    except TimeoutError:
        return


def checksum(packet: bytes) -> bytes:
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total = sum(struct.unpack(f">{len(packet) // 2}H", packet))
    total = (total & 0xFFFF) + (total >> 16)
    total += total >> 16
    return struct.pack(">H", ~total & 0xFFFF)


def summary(sent: int, trips: list[float], hops: int | None) -> dict[str, Value]:
    """Telegraf's fields, from round trips in seconds; the deviation is that of the population."""
    fields: dict[str, Value] = {
        "packets_transmitted": sent,
        "packets_received": len(trips),
        "percent_packet_loss": 100 * (sent - len(trips)) / sent if sent else 100.0,
        "result_code": SUCCESS if trips else NO_HOST,
    }
    if trips:
        times = [1000 * trip for trip in trips]
        mean = sum(times) / len(times)
        variance = sum((time - mean) ** 2 for time in times) / len(times)
        fields |= {
            "minimum_response_ms": round(min(times), 3),
            "average_response_ms": round(mean, 3),
            "maximum_response_ms": round(max(times), 3),
            "standard_deviation_ms": round(variance**0.5, 3),
        }
    if hops is not None:
        fields["ttl"] = hops
    return fields
