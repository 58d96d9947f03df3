"""Open files by Telegraf's `linux_sysctl_fs`."""

from __future__ import annotations

from muster_agent.sensors import Sensor
from muster_wire.messages import Metric, Value

FILE_NR = "proc/sys/fs/file-nr"


class LinuxSysctlFs(Sensor):
    """Open file handles of the whole system, and how many there may be."""

    name = "linux_sysctl_fs"

    def read(self) -> list[Metric]:
        """One metric."""
        return [Metric("linux_sysctl_fs", {}, self.host.parse(FILE_NR, parse_file_nr))]


def parse_file_nr(data: bytes) -> dict[str, Value]:
    """Allocated and allowed; the middle number has meant nothing since Linux 2.6."""
    allocated, _, most = data.split()
    return {"file-nr": int(allocated), "file-max": int(most)}
