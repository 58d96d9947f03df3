"""Machines for tests: a copy of a fixture folder whose files change and whose time is set."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from muster_agent.host import Filesystem, Host
from muster_agent.sensors import SENSORS, Sensor, SensorAbsentError, load
from muster_wire.messages import Metric

HOSTS = Path(__file__).parent
LATER = "later"
"""The folder of a fixture whose files replace others before the second sample."""
STEP = 10.0
"""Seconds between the two samples of a fixture."""
DEADLINE = 20.0
"""Seconds for what a busy machine may be slow with."""


class StuckHost(Host):
    """Some of its paths do not answer until they are let."""

    def __init__(
        self, root: Path, *, clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self.stuck: dict[str, threading.Event] = {}
        super().__init__(root, clock=clock, monotonic=monotonic)

    def read(self, relative: str) -> bytes:
        self._wait(relative)
        return super().read(relative)

    def filesystem(self, mount: str) -> Filesystem:
        self._wait(mount)
        return super().filesystem(mount)

    def _wait(self, path: str) -> None:
        if path in self.stuck:
            assert self.stuck[path].wait(DEADLINE)


@dataclass
class Machine:
    """One fake machine: its folder, its clocks and the host that reads it."""

    root: Path
    now: float = 1_760_000_000.0
    running: float = 5000.0

    def __post_init__(self) -> None:
        self.host = StuckHost(self.root, clock=lambda: self.now, monotonic=lambda: self.running)

    def hang(self, path: str) -> threading.Event:
        """Let nothing about that path be answered until the event is set."""
        return self.host.stuck.setdefault(path, threading.Event())

    def write(self, path: str, text: str | bytes) -> None:
        """Change or add a file; in place, as the kernel does, so that descriptors see it."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)

    def change(self, path: str, old: str, new: str) -> None:
        """Replace text that must be there."""
        text = (self.root / path).read_text()
        assert old in text, f"{path} has no {old!r}"
        self.write(path, text.replace(old, new))

    def step(self, seconds: float = STEP) -> None:
        """Let time pass on both clocks."""
        self.now += seconds
        self.running += seconds

    def later(self) -> None:
        """Let the machine become what it is at the second sample."""
        self.step()
        changes = self.root / LATER
        for file in sorted(changes.rglob("*")):
            if file.is_file():
                self.write(str(file.relative_to(changes)), file.read_bytes())

    def sensor(self, name: str, **options: object) -> Sensor:
        """One sensor of this machine."""
        return load(self.host, [name], {name: options})[0]


def make(name: str, directory: Path) -> Machine:
    """A copy of a fixture that a test may change."""
    root = directory / name
    shutil.copytree(HOSTS / name, root, symlinks=True)
    return Machine(root)


def names() -> list[str]:
    """Every fixture."""
    return sorted(p.name for p in HOSTS.iterdir() if (p / "proc").is_dir())


def sample(sensors: list[Sensor]) -> list[Metric]:
    """One reading of all sensors that the machine has something for."""
    found: list[Metric] = []
    for sensor in sensors:
        try:
            found += sensor.read()
        except SensorAbsentError:
            continue
    return found


def two_samples(machine: Machine, **options: dict[str, object]) -> list[Metric]:
    """What all sensors say at the second sample, when differences are known."""
    sensors = load(machine.host, list(SENSORS), options)
    sample(sensors)
    machine.later()
    return sample(sensors)


def golden_text(metrics: list[Metric]) -> str:
    """Metrics as JSON, one a line, in a stable order."""
    rows = [json.dumps([m.name, m.tags, m.fields], sort_keys=True) for m in metrics]
    return "[\n" + ",\n".join(sorted(rows)) + "\n]\n"
