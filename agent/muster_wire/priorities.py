"""What goes first when a node has to send less: every measurement's priority, declared once.

Whatever is in neither list is ordinary. A node's `[metered]` section may move measurements.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

Priority = Literal["vital", "ordinary", "detail"]

VITAL = frozenset(
    ("cpu", "mem", "disk", "system", "mdstat", "smart_device", "internal_agent", "x509_cert")
)
"""What tells that a machine is alive and not about to fail: never left out."""
DETAIL = frozenset(
    (
        "procstat", "internal_gather", "softnet", "linux_sysctl_fs", "containers", "ethtool",
        "sensors", "powerstat_package", "netstat", "bond_slave", "throughput",
    )
)  # fmt: skip
"""What helps to find a cause: left out first."""


def of(name: str, first: Collection[str] = (), last: Collection[str] = ()) -> Priority:
    """The priority of a measurement; `first` are left out first, `last` never."""
    if name in last:
        return "vital"
    if name in first:
        return "detail"
    return "vital" if name in VITAL else "detail" if name in DETAIL else "ordinary"


def stays(priority: Priority, level: int) -> bool:
    """Whether it is sent at a level: 0 all, 1 without the detail, from 2 on the vital alone."""
    return priority == "vital" or level == 0 or (level == 1 and priority == "ordinary")
