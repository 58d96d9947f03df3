"""Space and inodes of mounted filesystems by Telegraf's `disk`."""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

from muster_agent.host import Filesystem, Host
from muster_agent.question import NotYetError, Question
from muster_agent.sensors import PartlyError, Sensor, percent
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
REMOTE_FS = frozenset(["9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "lustre", "nfs", "nfs4"])
REMOTE_PREFIXES = ("fuse", "smb")
"""Filesystems whose server may be away, so that asking them may never return."""
PATIENCE = 0.1
"""Seconds that a report waits for such a filesystem."""
CONTAINER_FILES = frozenset(["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"])
"""What container runtimes mount from the host's disk, one file each."""
KEPT = 60.0
"""Seconds for which the kernel is believed that no mount has changed: it does not say so of a
filesystem that it has made read-only itself, after an error."""
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
        self.listed = b""
        self.until = 0.0
        self.mounts: list[Mount] = []
        self.remote: dict[str, Question[Filesystem]] = {}

    def read(self) -> list[Metric]:
        """One metric a filesystem; none of what may not be asked, has gone or is slow.

        One whose server is away, or that is broken, costs only itself, as a `PartlyError`; it is
        asked again when its last question was answered.
        """
        now = self.host.monotonic()
        if self.host.changed(MOUNTS) or now >= self.until:
            self.until = 0.0
            self._list()
            self.until = now + KEPT
        found: list[Metric] = []
        failed: OSError | None = None
        for mount in self.mounts:
            try:
                filesystem = self._ask(mount)
            except (PermissionError, FileNotFoundError, NotYetError):
                continue
            except OSError as error:
                failed = failed or error
                continue
            if filesystem.blocks:
                found.append(Metric("disk", tags(mount), usage(filesystem)))
            if filesystem.read_only == ("rw" in mount.options):
                self.until = now
        if failed is not None:
            raise PartlyError(failed, found)
        return found

    def _list(self) -> None:
        """Read which filesystems are mounted, if they are others than before."""
        listed = self.host.pread(MOUNTS, whole=0)  # its lines can be as long as a page
        if listed != self.listed:
            self.mounts = choose(self.host.parse(MOUNTS, parse_mounts, whole=0), self.ignored)
            self.listed = listed

    def _ask(self, mount: Mount) -> Filesystem:
        if not is_remote(mount.fstype):
            return self.host.filesystem(mount.path)
        if mount.path not in self.remote:
            ask = partial(self.host.filesystem, mount.path)
            self.remote[mount.path] = Question(mount.path, ask)
        return self.remote[mount.path].answer(PATIENCE)


def is_remote(fstype: str) -> bool:
    """Whether a filesystem of this type depends on a server or a program."""
    return fstype in REMOTE_FS or fstype.startswith(REMOTE_PREFIXES)


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
    """Sizes; `free` is what users may have, so used + free is less than total on ext4.

    `read_only` is Muster's own: Telegraf only has the tag `mode`, and an alert on a remount after
    an error needs a number.
    """
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
        "read_only": int(fs.read_only),
    }
