"""Wi-Fi signal by Telegraf's `wireless`, from /proc/net/wireless."""

from __future__ import annotations

from functools import partial

from muster_agent.sensors import Sensor, SensorAbsentError
from muster_wire.messages import Metric

WIRELESS = "proc/net/wireless"
COLUMNS = (
    "link",
    "level",
    "noise",
    "nwid",
    "crypt",
    "frag",
    "retry",
    "misc",
    "beacon",
)


class Wireless(Sensor):
    """Signal and noise in dBm (with most drivers), discarded packets since the link came up."""

    name = "wireless"

    def read(self) -> list[Metric]:
        """One metric an interface; absent where there is none."""
        try:
            interfaces = self.host.parse(WIRELESS, parse_wireless)
        except FileNotFoundError as error:
            raise SensorAbsentError("no Wi-Fi", partial(self.host.exists, WIRELESS)) from error
        if not interfaces:
            raise SensorAbsentError("no Wi-Fi interfaces")
        return interfaces


def parse_wireless(data: bytes) -> list[Metric]:
    """The interfaces below the two head lines; a dot behind a number says that it is fresh."""
    found: list[Metric] = []
    for line in data.decode().splitlines()[2:]:
        interface, status, *columns = line.split()
        values = [int(column.rstrip(".")) for column in columns]
        fields = dict(zip(COLUMNS, values, strict=True))
        # The status is hexadecimal, yet four digits that look decimal, and Telegraf reads them so.
        found.append(
            Metric(
                "wireless",
                {"interface": interface.rstrip(":")},
                {"status": int(status), **fields},
            )
        )
    return found
