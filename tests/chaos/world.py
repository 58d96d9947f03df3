"""The processes of a chaos run, and what can be done to each of them at a moment of the plan."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from chaos.proxy import Proxy

from servers import Influx1, Mosquitto, Server, free_port

BROKER = "allow_anonymous true\nmax_queued_messages 100\n"
COLLECTOR = """\
[mqtt]
url = "mqtt://127.0.0.1:{mqtt}"
receive_maximum = 100
keepalive = "2s"
[collector]
name = "{name}"
{lease}
data = "{data}"
roles = ["ingest", "api"]
ack_every = "200ms"
completeness_every = "2s"
[store]
kind = "influxdb"
url = "http://127.0.0.1:{influx}"
database = "muster"
flush = "50ms"
[api]
port = {api}
"""
LEASE = 5.0
"""Seconds; shorter than many a fault of a collector, so that the partitions move."""
DISK_MB = 64
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
"""Programs find what this one has found."""


class Act(NamedTuple):
    """Something bad that begins `at` seconds after the start and lasts for `length`."""

    at: float
    actor: str
    what: str
    length: float


FAULTS = {
    "collector": ("kill", "stop"),
    "broker": ("kill", "stop"),
    "influx": ("kill", "stop"),
    "node link": ("cut", "delay", "refuse"),
    "collector link": ("cut", "delay", "refuse"),
    "database link": ("cut", "delay", "refuse"),
    "alone 0": ("kill", "stop"),
    "alone 1": ("kill", "stop"),
    "ledger disk": ("full",),
    "spool disk": ("full",),
}


SHARED = {"standby": ("kill", "stop")}
"""What fails besides, where two collectors share the fleet."""
LONGER = 2 * LEASE
"""Seconds that faults of collectors last at most then, so that the other one takes over."""


def shared(seed: int) -> bool:
    """Whether two collectors share the fleet by a lease: every fifth seed."""
    return seed % 5 == 0


def plan(seed: int, seconds: float) -> list[Act]:
    """What happens in a run: the seed says it all."""
    acts = []
    for actor, faults in (FAULTS | SHARED if shared(seed) else FAULTS).items():
        dice = random.Random(f"{seed}:{actor}")
        at = dice.uniform(0.5, seconds / 2)
        while at < seconds:
            most = LONGER if shared(seed) and actor in ("collector", *SHARED) else 3.0
            length = dice.uniform(0.2, most)
            acts.append(Act(at, actor, dice.choice(faults), length))
            at += length + dice.uniform(2.0, seconds / 2)
    return sorted(acts)


class Program:
    """A Python program that is started again whenever it ends, as systemd would."""

    def __init__(self, log: Path, *arguments: str) -> None:
        self.log = log
        self.arguments = arguments
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        environment = {**os.environ, **ENVIRONMENT}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.arguments], stdout=log, stderr=log, env=environment
            )

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def kill(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()

    @property
    def ended(self) -> bool:
        """Whether it has done all that it had to do."""
        return self.process is not None and self.process.poll() == 0

    def revive(self) -> None:
        """Start it again if it failed by itself."""
        if self.process is not None and self.process.poll() not in (None, 0):
            self.start()


@dataclass
class World:
    """Everything between a node's sensor and the database; `apis` are the collectors'."""

    directory: Path
    broker: Mosquitto
    influx: Influx1
    links: dict[str, Proxy]
    collectors: list[Program]
    apis: list[str]
    alone: list[Program]
    disks: dict[str, Path]

    def act(self, act: Act, over: threading.Event) -> None:
        """Do it, wait, undo it."""
        undo = self._begin(act)
        over.wait(act.length)
        undo()

    def _begin(self, act: Act) -> Callable[[], object]:
        if act.actor in self.links:
            return self._link(self.links[act.actor], act)
        if act.what == "full":
            return self._fill(act.actor)
        targets: dict[str, Program | Server] = {
            "broker": self.broker,
            "influx": self.influx,
        }
        targets |= dict(zip(("collector", "standby"), self.collectors, strict=False))
        targets |= {f"alone {n}": program for n, program in enumerate(self.alone)}
        target = targets[act.actor]
        if isinstance(target, Program) and target.ended:
            return lambda: None
        if act.what == "kill":
            target.kill()
            return target.start
        target.signal(signal.SIGSTOP)
        return lambda: target.signal(signal.SIGCONT)

    def _link(self, link: Proxy, act: Act) -> Callable[[], object]:
        if act.what == "delay":
            link.delay = act.length / 10
            return lambda: setattr(link, "delay", 0.0)
        link.refusing = act.what == "refuse"
        link.cut()
        return lambda: setattr(link, "refusing", False)

    def _fill(self, actor: str) -> Callable[[], object]:
        """Leave no byte on a disk."""
        if actor not in self.disks:
            return lambda: None
        filler = self.disks[actor] / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)):
                        pass
        return lambda: filler.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[bool]:
    """A disk of a few MB, where the system lets us mount one; whether it is one."""
    place.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        done = False
    try:
        yield done
    finally:
        if done:
            subprocess.run(["umount", "-l", str(place)], check=True)


@contextlib.contextmanager
def running(directory: Path, collectors: int) -> Iterator[World]:
    """All of it but the nodes, running."""
    with contextlib.ExitStack() as stack:
        disks = {}
        for disk in ("ledger disk", "spool disk"):
            place = directory / disk.replace(" ", "-")
            if stack.enter_context(small_disk(place)):
                disks[disk] = place
        broker = Mosquitto(directory / "broker", BROKER).start()
        stack.callback(broker.stop)
        influx = Influx1(directory / "influx").start()
        stack.callback(influx.stop)
        links = {
            name: stack.enter_context(Proxy(port))
            for name, port in (
                ("node link", broker.port),
                ("collector link", broker.port),
                ("database link", influx.port),
            )
        }
        scene = World(directory, broker, influx, links, [], [], [], disks)
        for number in range(collectors):
            port, name = free_port(), f"collector-{number}"
            file = directory / f"{name}.toml"
            file.write_text(
                COLLECTOR.format(
                    name=name,
                    lease=f'lease = "{LEASE:.0f}s"' if collectors > 1 else "",
                    mqtt=links["collector link"].port,
                    influx=links["database link"].port,
                    data=directory / "ledger-disk" / name,
                    api=port,
                )
            )
            arguments = ("muster_collector", "collector", "run", "--config", str(file))
            scene.collectors.append(Program(directory / f"{name}.log", *arguments))
            stack.callback(scene.collectors[-1].kill)
            scene.apis.append(f"http://127.0.0.1:{port}")
        yield scene


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll until it holds; whether it did in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
