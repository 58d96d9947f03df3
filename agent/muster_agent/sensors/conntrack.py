"""How full the connection tracking table is, by Telegraf's `conntrack`."""

from __future__ import annotations

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError, finite
from muster_wire.messages import Metric

COUNT = "proc/sys/net/netfilter/nf_conntrack_count"
MAX = "proc/sys/net/netfilter/nf_conntrack_max"
KEPT = 60.0
"""Seconds for which the size of the table is believed: only an administrator changes it."""


class Conntrack(Sensor):
    """Entries now and at most, as floats, because Telegraf's are."""

    name = "conntrack"

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.most = 0.0
        self.until = 0.0

    def read(self) -> list[Metric]:
        """One metric; absent while the kernel tracks nothing."""
        now = self.host.monotonic()
        try:
            count = self.host.parse(COUNT, parse_entries)
            if now >= self.until:
                self.most, self.until = self.host.parse(MAX, parse_entries), now + KEPT
        except FileNotFoundError as error:
            raise SensorAbsentError("no connection tracking") from error
        return [
            Metric("conntrack", {}, {"nf_conntrack_count": count, "nf_conntrack_max": self.most})
        ]


def parse_entries(data: bytes) -> float:
    """The one number of such a file."""
    return finite(data)
