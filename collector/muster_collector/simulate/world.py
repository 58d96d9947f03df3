"""What a made-up node would measure: seeded, so that the same seed makes the same fleet.

A node has a persona (most are healthy, a few are not, in ways that operators know) and a handful of
slow state variables; every metric follows from these, with Telegraf's names and types.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import NamedTuple

from muster_collector.simulate import services
from muster_wire.messages import Metric

GIB = 1 << 30
DAY = 86_400.0


class Persona(NamedTuple):
    """How one kind of node behaves; loads and fills are fractions of 1."""

    name: str
    share: float
    cpu: float
    memory: float
    disk: float
    disk_growth_per_day: float = 0.002
    loss: float = 1e-6
    silent: float = 0.0
    updates: int = 0
    """Pending security updates; above 10 a restart is due as well."""


PERSONAS = (
    Persona("healthy", 0.60, cpu=0.22, memory=0.45, disk=0.40, updates=2),
    Persona("busy", 0.10, cpu=0.97, memory=0.78, disk=0.55, updates=4),
    Persona("disk filling", 0.07, cpu=0.25, memory=0.50, disk=0.955, disk_growth_per_day=0.005),
    Persona("memory short", 0.07, cpu=0.45, memory=0.985, disk=0.50),
    Persona("lossy link", 0.07, cpu=0.30, memory=0.40, disk=0.35, loss=0.08),
    Persona("neglected", 0.06, cpu=0.30, memory=0.60, disk=0.78, updates=60),
    Persona("flapping", 0.03, cpu=0.30, memory=0.50, disk=0.45, silent=0.5),
)
FLAP_PERIOD = 600.0
"""Seconds after which a flapping node may fall silent or return."""


@dataclass(slots=True)
class Counters:
    """Totals since the node's boot, as the kernel keeps them."""

    values: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, amount: float) -> int:
        """Grow a counter; the new value."""
        total = self.values.get(name, 0.0) + max(0.0, amount)
        self.values[name] = total
        return int(total)


class Node:
    """One made-up machine. Invariant: `sample` is called with times that never go back."""

    def __init__(self, name: str, site: str, seed: int, care: float = 1.0) -> None:
        """`care` scales the chance to be healthy: 1 as the personas say, 0 never."""
        self.name = name
        self.site = site
        self.random = random.Random(f"{seed}/{name}")
        healthy, *others = PERSONAS
        shares = [healthy.share * care, *(persona.share for persona in others)]
        self.persona = self.random.choices(PERSONAS, shares)[0]
        self.cpus = self.random.choice((2, 4, 4, 8, 16))
        self.memory = self.cpus * self.random.choice((1, 2, 4)) * GIB
        self.disk = self.random.choice((32, 64, 128, 256)) * GIB
        self.uptime = self.random.uniform(1, 120) * DAY
        self.phase = self.random.uniform(-0.1, 0.1)
        self.drift = 0.0
        self.last: float | None = None
        self.counters = Counters()

    def silent(self, now: float) -> bool:
        """Whether the node is down at `now` (seconds): a flapping one is, in half its periods."""
        if not self.persona.silent:
            return False
        period = random.Random(f"{self.name}/{int(now // FLAP_PERIOD)}")
        return period.random() < self.persona.silent

    def sample(self, now: float) -> list[Metric]:
        """All metrics at `now`, seconds of Unix time."""
        seconds = 0.0 if self.last is None else max(0.0, now - self.last)
        self.last = now
        self.drift = 0.9 * self.drift + self.random.gauss(0, 0.03)
        day = 0.5 + 0.5 * math.sin(2 * math.pi * (now / DAY - 0.3 + self.phase))
        load = min(0.99, max(0.01, self.persona.cpu * (0.6 + 0.6 * day) + self.drift))
        self.uptime += seconds
        return [
            self._cpu(load),
            *self._memory(load),
            *self._system(load),
            self._disk(now),
            self._diskio(load, seconds),
            self._net(load, seconds),
            self._processes(load),
            self._kernel(load, seconds, now),
            *self._pressure(load),
            self._nstat(load, seconds),
            self._care(),
            Metric("temp", {"sensor": "coretemp_package_id_0"}, {"temp": 38.0 + 45 * load}),
            Metric("kernel_vmstat", {}, {"oom_kill": int(self.persona.memory > 0.93)}),
            *services.probes(self.random, load, self.persona.loss),
            *services.standing(self.persona.updates, now),
        ]

    def _cpu(self, load: float) -> Metric:
        user, iowait = load * 70, load * 6
        system = load * 100 - user - iowait
        return Metric(
            "cpu",
            {"cpu": "cpu-total"},
            {
                "usage_user": user,
                "usage_system": system,
                "usage_iowait": iowait,
                "usage_idle": 100 - load * 100,
                "usage_nice": 0.0,
                "usage_irq": 0.0,
                "usage_softirq": load,
                "usage_steal": 0.0,
                "usage_guest": 0.0,
                "usage_guest_nice": 0.0,
            },
        )

    def _memory(self, load: float) -> list[Metric]:
        used = min(0.985, self.persona.memory * (0.92 + 0.1 * load) + self.drift / 4)
        available = int(self.memory * (1 - used))
        free = available // 3
        swap = 2 * GIB
        swapped = int(swap * max(0.0, used - 0.85) * 4)
        return [
            Metric(
                "mem",
                {},
                {
                    "total": self.memory,
                    "available": available,
                    "used": self.memory - available,
                    "free": free,
                    "cached": available - free,
                    "buffered": 64 << 20,
                    "available_percent": 100.0 * available / self.memory,
                    "used_percent": 100.0 * (self.memory - available) / self.memory,
                },
            ),
            Metric(
                "swap",
                {},
                {
                    "total": swap,
                    "used": swapped,
                    "free": swap - swapped,
                    "used_percent": 100.0 * swapped / swap,
                    "in": self.counters.add("swap_in", swapped / 4096 * load),
                    "out": self.counters.add("swap_out", swapped / 4096 * load),
                },
            ),
        ]

    def _system(self, load: float) -> list[Metric]:
        running = load * self.cpus
        return [
            Metric(
                "system",
                {},
                {
                    "load1": round(running * (1 + self.drift), 2),
                    "load5": round(running, 2),
                    "load15": round(running * 0.97, 2),
                    "n_cpus": self.cpus,
                    "n_users": 0,
                    "uptime": int(self.uptime),
                },
            )
        ]

    def _disk(self, now: float) -> Metric:
        growth = self.persona.disk_growth_per_day * ((now / DAY) % 5)
        used = int(self.disk * min(0.995, self.persona.disk + growth))
        inodes = self.disk // 16384
        inodes_used = int(inodes * 0.12)
        return Metric(
            "disk",
            {"device": "vda1", "fstype": "ext4", "mode": "rw", "path": "/"},
            {
                "total": self.disk,
                "used": used,
                "free": self.disk - used,
                "used_percent": 100.0 * used / self.disk,
                "inodes_total": inodes,
                "inodes_used": inodes_used,
                "inodes_free": inodes - inodes_used,
                "inodes_used_percent": 100.0 * inodes_used / inodes,
                "read_only": 0,
            },
        )

    def _diskio(self, load: float, seconds: float) -> Metric:
        add = self.counters.add
        operations = load * 400 * seconds * self.random.uniform(0.8, 1.2)
        return Metric(
            "diskio",
            {"name": "vda"},
            {
                "reads": add("reads", operations * 0.3),
                "writes": add("writes", operations * 0.7),
                "read_bytes": add("read_bytes", operations * 0.3 * 16384),
                "write_bytes": add("write_bytes", operations * 0.7 * 16384),
                "read_time": add("read_time", operations * 0.3),
                "write_time": add("write_time", operations * 0.9),
                "io_time": add("io_time", min(1.0, load * 0.8) * seconds * 1000),
                "weighted_io_time": add("weighted_io_time", operations * 1.2),
                "iops_in_progress": int(load * 3),
            },
        )

    def _net(self, load: float, seconds: float) -> Metric:
        add = self.counters.add
        packets = load * 20_000 * seconds * self.random.uniform(0.7, 1.3)
        loss = packets * self.persona.loss
        return Metric(
            "net",
            {"interface": "eth0"},
            {
                "bytes_recv": add("bytes_recv", packets * 850),
                "bytes_sent": add("bytes_sent", packets * 0.8 * 700),
                "packets_recv": add("packets_recv", packets),
                "packets_sent": add("packets_sent", packets * 0.8),
                "err_in": add("err_in", loss * 0.4),
                "err_out": add("err_out", 0.0),
                "drop_in": add("drop_in", loss),
                "drop_out": add("drop_out", loss * 0.1),
            },
        )

    def _processes(self, load: float) -> Metric:
        running = round(load * self.cpus)
        sleeping = 120 + self.cpus * 4
        return Metric(
            "processes",
            {},
            {
                "total": running + sleeping,
                "running": running,
                "sleeping": sleeping,
                "blocked": int(load > 0.9),
                "zombies": 0,
                "stopped": 0,
                "total_threads": (running + sleeping) * 3,
            },
        )

    def _kernel(self, load: float, seconds: float, now: float) -> Metric:
        add = self.counters.add
        return Metric(
            "kernel",
            {},
            {
                "boot_time": int(now - self.uptime),
                "context_switches": add("context_switches", load * 30_000 * seconds),
                "interrupts": add("interrupts", load * 15_000 * seconds),
                "processes_forked": add("processes_forked", load * 10 * seconds),
                "entropy_avail": 256,
            },
        )

    def _nstat(self, load: float, seconds: float) -> Metric:
        add = self.counters.add
        segments = load * 12_000 * seconds
        return Metric(
            "nstat",
            {"name": "snmp"},
            {
                "TcpInSegs": add("TcpInSegs", segments),
                "TcpOutSegs": add("TcpOutSegs", segments),
                "TcpRetransSegs": add("TcpRetransSegs", segments * (0.002 + self.persona.loss)),
            },
        )

    def _care(self) -> Metric:
        security = self.persona.updates
        return Metric(
            "updates",
            {},
            {"pending": 3 * security, "security": security, "reboot_required": int(security > 10)},
        )

    def _pressure(self, load: float) -> list[Metric]:
        memory = max(0.0, self.persona.memory - 0.9) * 100
        levels = {"cpu": max(0.0, load - 0.5) * 60, "memory": memory, "io": load * 5}
        return [
            Metric(
                "pressure",
                {"resource": resource, "type": "some"},
                {
                    "avg10": round(level * self.random.uniform(0.7, 1.3), 2),
                    "avg60": round(level, 2),
                    "avg300": round(level * 0.95, 2),
                },
            )
            for resource, level in levels.items()
        ]


def fleet(nodes: int, sites: int, seed: int) -> list[Node]:
    """`nodes` made-up nodes spread evenly over `sites`; ids begin with "sim-".

    The first site is the best kept and the last one hardly at all, so that there is something to
    find.
    """
    width = max(4, len(str(nodes)))
    made = []
    for number in range(nodes):
        site = number % sites
        care = 2.0 * (1 - site / max(1, sites - 1)) if sites > 1 else 1.0
        name = f"sim-{number + 1:0{width}d}"
        made.append(Node(name, f"sim-site-{site + 1:02d}", seed, care))
    return made
