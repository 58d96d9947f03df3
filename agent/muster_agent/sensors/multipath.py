"""Disks that are reached over several paths: how many there are and work, from sysfs, without root.

Device-mapper's maps (multipathd) and the kernel's own multipath of NVMe over fabrics. A path counts
as active when its SCSI device runs, or its NVMe controller is live; what multipathd has failed for
other reasons only root can ask.
"""

from __future__ import annotations

from collections.abc import Iterator

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError
from muster_agent.sensors.temp import entries, label
from muster_wire.messages import Metric

BLOCK = "sys/block"
SUBSYSTEMS = "sys/class/nvme-subsystem"
MARK = "mpath-"
"""What the uuid of a device-mapper map begins with when it is multipath's."""
ACTIVE = frozenset(["running", "live"])


class Multipath(Sensor):
    """Paths of each disk that has several, or had; a minute apart."""

    name = "multipath"
    every = 60.0

    def read(self) -> list[Metric]:
        """One metric a disk."""
        found = [*maps(self.host), *subsystems(self.host)]
        if not found:
            raise SensorAbsentError("no disk with several paths")
        return found


def maps(host: Host) -> Iterator[Metric]:
    """Device-mapper's; their paths are the disks below them."""
    for name in entries(host, BLOCK):
        folder = f"{BLOCK}/{name}"
        if name.startswith("dm-") and label(host, f"{folder}/dm/uuid").startswith(MARK):
            paths = [
                f"{folder}/slaves/{path}/device/state" for path in entries(host, f"{folder}/slaves")
            ]
            yield metric(host, label(host, f"{folder}/dm/name") or name, "dm", paths)


def subsystems(host: Host) -> Iterator[Metric]:
    """NVMe's with a controller over a fabric, or with more than one; a local disk has one path."""
    for name in entries(host, SUBSYSTEMS):
        folder = f"{SUBSYSTEMS}/{name}"
        controllers = [n for n in entries(host, folder) if n.startswith("nvme") and n[4:].isdigit()]
        remote = any(label(host, f"{folder}/{n}/transport") != "pcie" for n in controllers)
        if remote or len(controllers) > 1:
            paths = [f"{folder}/{controller}/state" for controller in controllers]
            yield metric(host, name, "nvme", paths)


def metric(host: Host, name: str, kind: str, paths: list[str]) -> Metric:
    """One disk; a path whose state cannot be read has just gone, and is none that works."""
    active = sum(label(host, path) in ACTIVE for path in paths)
    fields = {"paths": len(paths), "paths_active": active, "paths_failed": len(paths) - active}
    return Metric("multipath", {"name": name, "type": kind}, {**fields})
