"""TCP sockets by state, the rest of Telegraf's `netstat`: listed every ten minutes, while few.

The states that the kernel itself counts are the sensor `netstat`'s.
"""

from __future__ import annotations

import contextlib

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError
from muster_agent.sensors.netstat import SOCKSTAT, parse_sockstat
from muster_wire.messages import Metric

FILES = ("proc/net/tcp", "proc/net/tcp6")
STATES = {
    b"02": "tcp_syn_sent",
    b"03": "tcp_syn_recv",
    b"04": "tcp_fin_wait1",
    b"05": "tcp_fin_wait2",
    b"07": "tcp_close",
    b"08": "tcp_close_wait",
    b"09": "tcp_last_ack",
    b"0A": "tcp_listen",
    b"0B": "tcp_closing",
}
"""The kernel's numbers, of include/net/tcp_states.h."""
COLUMN = 3


class TcpStates(Sensor):
    """Sockets of both address families; with more than `most` it stays silent, for CPU's sake.

    A socket costs some 8 us, and each file some 5 ms however few there are where memory is plenty,
    since the kernel walks its whole table (262,144 buckets with 24 GB).
    """

    name = "tcp_states"
    every = 600.0

    def __init__(self, host: Host, *, most: int = 300) -> None:
        super().__init__(host)
        self.most = most

    def read(self) -> list[Metric]:
        """One metric."""
        try:
            tcp = self.host.parse(SOCKSTAT, parse_sockstat)[b"TCP"]
            if tcp[b"alloc"] + tcp[b"tw"] > self.most:
                raise SensorAbsentError(f"more than {self.most} TCP sockets")
            tables = [self.host.parse(FILES[0], parse_states)]
        except FileNotFoundError as error:
            raise SensorAbsentError("no TCP/IP") from error
        with contextlib.suppress(FileNotFoundError):  # booted without IPv6
            tables.append(self.host.parse(FILES[1], parse_states))
        fields = {name: sum(table[name] for table in tables) for name in STATES.values()}
        return [Metric("netstat", {}, {**fields})]


def parse_states(data: bytes) -> dict[str, int]:
    """How many sockets are in each state, of proc(5)'s /proc/net/tcp."""
    counts = dict.fromkeys(STATES.values(), 0)
    for line in data.splitlines()[1:]:
        columns = line.split(None, COLUMN + 1)
        if len(columns) <= COLUMN:
            raise ValueError(f"a socket cut short: {line[:60]!r}")
        if name := STATES.get(columns[COLUMN]):
            counts[name] += 1
    return counts
