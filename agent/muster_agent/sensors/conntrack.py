"""How full the connection tracking table is, by Telegraf's `conntrack`."""

from __future__ import annotations

from muster_agent.sensors import Sensor, SensorAbsentError, finite
from muster_wire.messages import Metric, Value

FILES = {
    "nf_conntrack_count": "proc/sys/net/netfilter/nf_conntrack_count",
    "nf_conntrack_max": "proc/sys/net/netfilter/nf_conntrack_max",
}


class Conntrack(Sensor):
    """Entries now and at most, as floats, because Telegraf's are."""

    name = "conntrack"

    def read(self) -> list[Metric]:
        """One metric; absent while the kernel tracks nothing."""
        try:
            fields: dict[str, Value] = {
                f: self.host.parse(p, parse_entries) for f, p in FILES.items()
            }
        except FileNotFoundError as error:
            raise SensorAbsentError("no connection tracking") from error
        return [Metric("conntrack", {}, fields)]


def parse_entries(data: bytes) -> float:
    """The one number of such a file."""
    return finite(data)
