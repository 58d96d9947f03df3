"""Updates that wait to be installed, by apt or dnf, and whether one waits for a reboot.

Asking apt or dnf costs about half a second of CPU, so it is asked twice a day, at low priority and
beside the sampling; what it said is sent every minute. Neither goes to the network, takes root or
changes anything: what is known is as new as the lists that the system itself last fetched.
"""

from __future__ import annotations

import re

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError
from muster_agent.sensors.program import Program
from muster_wire.messages import Metric, Value

REBOOT_REQUIRED = ("run/reboot-required", "var/run/reboot-required")
SECURITY = (b"-security", b"-Security", b"/security")
APT = ("apt-get", "--simulate", "-o", "Debug::NoLocking=true", "dist-upgrade")
CACHES = ("var/cache/libdnf5", "var/cache/dnf")
"""The system's own lists: a user who is not root would look into a cache of his own."""
MODULES = "lib/modules"
RELEASE = "proc/sys/kernel/osrelease"
HALF_A_DAY = 12 * 3600.0
AFTER_START = 60.0
"""Seconds: when a machine or an agent starts, there is more urgent work."""
DNF_FAILED = 0b1011
"""The bits of dnf's status that mean failure: 0 is no updates, 100 some, 1 to 3 and 200 trouble."""
DIGITS = re.compile(r"\d+|[^\W\d_]+")


class Updates(Sensor):
    """Counts of packages, and 1 or 0 for a reboot."""

    name = "updates"
    every = 60.0

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        cache = next((c for c in CACHES if host.exists(c)), CACHES[-1])
        dnf = ("dnf", "-q", "-C", f"--setopt=cachedir=/{cache}", "check-update")
        self.apt = self._program(APT, 0xFF)
        self.dnf = self._program(dnf, DNF_FAILED)
        self.dnf_security = self._program((*dnf, "--security"), DNF_FAILED)

    def _program(self, command: tuple[str, ...], fatal: int) -> Program:
        times = {"every": HALF_A_DAY, "delay": AFTER_START, "timeout": 300.0}
        return Program(self.host, *command, fatal=fatal, **times)

    def read(self) -> list[Metric]:
        """One metric; without the counts before the first answer."""
        if self.apt.installed():
            fields = self._apt()
        elif self.dnf.installed():
            fields = self._dnf()
        else:
            raise SensorAbsentError("neither apt-get nor dnf")
        return [Metric("updates", {}, fields)]

    def _apt(self) -> dict[str, Value]:
        reboot = any(self.host.exists(path) for path in REBOOT_REQUIRED)
        return {"reboot_required": int(reboot), **(self.apt.parsed(parse_upgrade) or {})}

    def _dnf(self) -> dict[str, Value]:
        fields: dict[str, Value] = {}
        try:
            running = self.host.text(RELEASE)
            kernels = self.host.names(MODULES)
        except OSError:
            pass  # a container: the kernel is another's
        else:
            fields["reboot_required"] = int(outdated(running, kernels))
        for name, program in (("pending", self.dnf), ("security", self.dnf_security)):
            count = program.parsed(parse_check_update)
            if count is not None:
                fields[name] = count
        return fields


def parse_upgrade(data: bytes) -> dict[str, Value]:
    """What `apt-get --simulate dist-upgrade` would install.

    The origin stands in brackets behind the new version: `Inst bash [5.2-1] (5.2-2
    Debian-Security:12/stable-security [amd64])`.
    """
    lines = [line for line in data.splitlines() if line.startswith(b"Inst ")]
    security = sum(any(mark in line for mark in SECURITY) for line in lines)
    return {"pending": len(lines), "security": security}


def parse_check_update(data: bytes) -> int:
    """How many packages `dnf check-update` lists: name, version, repository; it may break a line.

    What is obsolete follows under a heading, and remarks begin with "Security:".
    """
    words: list[bytes] = []
    for line in data.splitlines():
        if line.startswith(b"Obsoleting"):
            break
        if not line.startswith((b"Security:", b"Last metadata")):
            words += line.split()
    if len(words) % 3:
        raise ValueError(f"dnf check-update: {len(words)} words are no rows of three")
    return len(words) // 3


def outdated(running: str, kernels: list[str]) -> bool:
    """Whether a kernel that is installed is newer than the one that runs."""
    return any(version(kernel) > version(running) for kernel in kernels if "+" not in kernel)


def version(release: str) -> list[tuple[int, str]]:
    """A kernel's release so that newer ones compare as greater: numbers by value, above words."""
    return [(int(p) + 1, "") if p.isdigit() else (0, p) for p in DIGITS.findall(release)]
