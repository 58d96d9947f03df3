"""Space and inodes of mounted filesystems by Telegraf's `disk`."""

from __future__ import annotations

import re
from typing import NamedTuple

from muster_agent.host import Filesystem, Host
from muster_agent.sensors import Sensor, percent
from muster_wire.messages import Metric, Value

MOUNTS = "proc/mounts"
IGNORE_FS = ("tmpfs", "devtmpfs", "devfs", "iso9660", "overlay", "aufs", "squashfs")
"""The `ignore_fs` of Telegraf's default configuration."""
PSEUDO = """
autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts efivarfs fusectl hugetlbfs mqueue nsfs
proc pstore ramfs rpc_pipefs securityfs selinuxfs sysfs tracefs
"""
PSEUDO_FS = frozenset(PSEUDO.split())
"""Filesystems without blocks, not worth a statvfs each."""
CONTAINER_FILES = frozenset(["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"])
"""What container runtimes mount from the host's disk, one file each."""
ESCAPE = re.compile(rb"\\([0-7]{3})")


class Mount(NamedTuple):
    """One line of /proc/mounts."""

    device: str
    path: str
    fstype: str
    options: tuple[str, ...]


class Disk(Sensor):
    """Bytes, inodes and percent; each device once, at its first mount point."""

    name = "disk"

    def __init__(self, host: Host, *, ignore_fs: tuple[str, ...] = IGNORE_FS) -> None:
        super().__init__(host)
        self.ignored = PSEUDO_FS | frozenset(ignore_fs)

    def read(self) -> list[Metric]:
        """One metric a filesystem; one that cannot be asked (permission, gone) is left out."""
        mounts = choose(self.host.parse(MOUNTS, parse_mounts), self.ignored)
        found: list[Metric] = []
        for mount in mounts:
            try:
                filesystem = self.host.filesystem(mount.path)
            except OSError:
                continue
            if filesystem.blocks:
                found.append(Metric("disk", tags(mount), usage(filesystem)))
        return found


def parse_mounts(data: bytes) -> list[Mount]:
    """The lines of /proc/mounts with their octal escapes undone."""
    mounts: list[Mount] = []
    for line in data.splitlines():
        device, path, fstype, options = (_unescape(c) for c in line.split(b" ")[:4])
        mounts.append(Mount(device, path, fstype, tuple(options.split(","))))
    return mounts


def _unescape(text: bytes) -> str:
    if b"\\" in text:
        text = ESCAPE.sub(lambda m: bytes([int(m[1], 8)]), text)
    return text.decode("utf-8", "replace")


def choose(mounts: list[Mount], ignored: frozenset[str]) -> list[Mount]:
    """The mounts worth reporting: of each device the first, of each path the uppermost.

    The root stays whatever its type, because in a container it is an overlay and still what fills.
    """
    top = {mount.path: mount for mount in mounts}
    devices: dict[str, Mount] = {}
    for mount in top.values():
        if mount.path in CONTAINER_FILES or (mount.fstype in ignored and mount.path != "/"):
            continue
        key = mount.device if mount.device.startswith("/") else mount.path
        devices.setdefault(key, mount)
    return list(devices.values())


def tags(mount: Mount) -> dict[str, str]:
    """Telegraf's tags: the device without /dev/, its type where it has no name."""
    device = mount.fstype if mount.device in ("none", "") else mount.device
    mode = next((o for o in mount.options if o in ("rw", "ro")), "unknown")
    return {
        "device": device.removeprefix("/dev/"),
        "fstype": mount.fstype,
        "mode": mode,
        "path": mount.path,
    }


def usage(fs: Filesystem) -> dict[str, Value]:
    """Sizes; `free` is what users may have, so used + free is less than total on ext4."""
    used = (fs.blocks - fs.bfree) * fs.frsize
    free = fs.bavail * fs.frsize
    return {
        "total": fs.blocks * fs.frsize,
        "free": free,
        "used": used,
        "used_percent": percent(used, used + free),
        "inodes_total": fs.files,
        "inodes_free": fs.ffree,
        "inodes_used": fs.files - fs.ffree,
        "inodes_used_percent": percent(fs.files - fs.ffree, fs.files),
    }
