"""Load, uptime, users and CPU count by Telegraf's `system`."""

from __future__ import annotations

from muster_agent.host import Host
from muster_agent.sensors import Sensor, finite
from muster_wire.messages import Metric, Value

LOADAVG = "proc/loadavg"
UPTIME = "proc/uptime"
CPUS = "sys/devices/system/cpu"
SLOW = 60.0
"""Seconds for which the CPU and user counts are kept: they cost more than all the rest here."""


class System(Sensor):
    """Loads are run-queue lengths, uptime is seconds; users where utmp or logind knows them."""

    name = "system"

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.slow: dict[str, Value] = {}
        self.slow_until = 0.0
        self.cpus: list[int] = []
        self.cores = 0

    def read(self) -> list[Metric]:
        """One metric."""
        load1, load5, load15 = self.host.parse(LOADAVG, parse_loadavg)
        now = self.host.monotonic()
        if not self.slow or now >= self.slow_until:
            self.slow, self.slow_until = self._count(), now + SLOW
        fields: dict[str, Value] = {
            "load1": load1,
            "load5": load5,
            "load15": load15,
            **self.slow,
            "uptime": int(self.host.parse(UPTIME, parse_uptime)),
        }
        return [Metric("system", {}, fields)]

    def _count(self) -> dict[str, Value]:
        """CPUs and users: what seldom changes; cores only with the CPUs, each has a file."""
        cpus = self.host.cpus()
        if cpus != self.cpus:
            self.cpus, self.cores = cpus, cores(self.host, cpus) or len(cpus)
        counts: dict[str, Value] = {"n_cpus": len(cpus), "n_physical_cpus": self.cores}
        try:
            users = self.host.users()
        except OSError:
            return counts  # neither utmp nor logind: nobody counts users here
        return {**counts, "n_users": len(users), "n_unique_users": len(set(users))}


def parse_loadavg(data: bytes) -> tuple[float, float, float]:
    """The three load averages."""
    one, five, fifteen = data.split()[:3]
    return finite(one), finite(five), finite(fifteen)


def parse_uptime(data: bytes) -> float:
    """Seconds since boot."""
    return finite(data.split()[0])


def cores(host: Host, cpus: list[int]) -> int:
    """How many cores these CPUs share; 0 where the kernel does not say."""
    seen = set()
    for cpu in cpus:
        try:
            seen.add(host.read(f"{CPUS}/cpu{cpu}/topology/thread_siblings_list"))
        except OSError:
            continue
    return len(seen)
