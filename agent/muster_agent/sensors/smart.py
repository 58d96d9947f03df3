"""Disk health and wear by the `smart_device` of Telegraf's `smart`; takes smartctl and root."""

from __future__ import annotations

import json
import os
from functools import partial
from typing import Any

from muster_agent.host import Host
from muster_agent.sensors import PartlyError, Sensor, SensorAbsentError
from muster_agent.sensors.program import Program
from muster_agent.sensors.temp import entries
from muster_wire.messages import Metric, Value

BLOCK = "sys/block"
HOUR = 3600.0
RIGHTS = 1 << 17 | 1 << 21
"""CAP_SYS_RAWIO and CAP_SYS_ADMIN, for ATA and for NVMe (capabilities(7))."""
NO_ANSWER = 0b11
"""The bits of smartctl's status that mean that there is no answer; others tell of the disk."""
COMMON = {
    "temp_c": ("temperature", "current"),
    "power_on_hours": ("power_on_time", "hours"),
    "power_cycle_count": ("power_cycle_count",),
}
NVME = {
    "available_spare": "available_spare",
    "available_spare_threshold": "available_spare_threshold",
    "critical_warning": "critical_warning",
    "error_log_entries": "num_err_log_entries",
    "media_errors": "media_errors",
    "percentage_used": "percentage_used",
    "unsafe_shutdowns": "unsafe_shutdowns",
}
"""Telegraf's field to smartctl's."""
ATA = {
    5: "reallocated_sectors_count",
    187: "uncorrectable_errors",
    197: "pending_sector_count",
    198: "uncorrectable_sector_count",
    199: "udma_crc_errors",
}
"""Number of an attribute to Telegraf's field, which has its raw value."""


class Smart(Sensor):
    """Asked once an hour, without waking disks that sleep; sent every minute."""

    name = "smart"
    every = 60.0

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.programs: dict[str, Program] = {}

    def read(self) -> list[Metric]:
        """One metric a disk that has answered; what went wrong with the last of the others."""
        if not self.host.has_program("smartctl"):
            raise SensorAbsentError("no smartctl", partial(self.host.has_program, "smartctl"))
        if self.host.live and not may_ask(self.host):
            raise SensorAbsentError("smartctl takes root, or the unit's drop-in smart.conf")
        found: list[Metric] = []
        failed: Exception | None = None
        for disk in disks(self.host):
            try:
                found += self._program(disk).parsed(partial(parse_smart, disk)) or []
            except (OSError, ValueError) as error:
                failed = error
        if failed is not None:
            raise PartlyError(failed, found)
        return found

    def _program(self, disk: str) -> Program:
        command = ("smartctl", "--json", "-n", "standby,0", "-i", "-H", "-A", f"/dev/{disk}")
        return self.programs.setdefault(
            disk, Program(self.host, *command, every=HOUR, fatal=NO_ANSWER)
        )


def may_ask(host: Host) -> bool:
    """Whether this process has root's rights, or those two that smartctl needs."""
    if os.geteuid() == 0:
        return True
    lines = host.read("proc/self/status").decode("ascii", "replace").splitlines()
    rights = next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)
    return rights & RIGHTS == RIGHTS


def disks(host: Host) -> list[str]:
    """Disks with hardware of their own: no loops, no md, no device mapper."""
    return [name for name in entries(host, BLOCK) if host.exists(f"{BLOCK}/{name}/device")]


def parse_smart(disk: str, data: bytes) -> list[Metric]:
    """What `smartctl --json -i -H -A` says of a disk; nothing while it sleeps."""
    try:
        answer: dict[str, Any] = json.loads(data)
        fields = {**common(answer), **nvme(answer), **ata(answer)}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"smartctl of {disk}: not as expected: {error!r}") from error
    if not fields:
        return []
    tags = {"device": disk, "model": answer.get("model_name", "unknown")}
    return [Metric("smart_device", tags, fields)]


def common(answer: dict[str, Any]) -> dict[str, Value]:
    """What disks of every kind have."""
    fields: dict[str, Value] = {}
    if "smart_status" in answer:
        fields["health_ok"] = bool(answer["smart_status"]["passed"])
    for field, path in COMMON.items():
        value: Any = answer
        for name in path:
            value = value.get(name, {})
        if value != {}:
            fields[field] = int(value)
    return fields


def nvme(answer: dict[str, Any]) -> dict[str, Value]:
    """The health log of an NVMe disk."""
    log = answer.get("nvme_smart_health_information_log", {})
    return {field: int(log[name]) for field, name in NVME.items() if name in log}


def ata(answer: dict[str, Any]) -> dict[str, Value]:
    """The attributes of an ATA disk."""
    rows = answer.get("ata_smart_attributes", {}).get("table", [])
    return {ATA[row["id"]]: int(row["raw"]["value"]) for row in rows if row["id"] in ATA}
