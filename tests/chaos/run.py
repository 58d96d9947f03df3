"""One chaos run: nodes report while everything between them and the database fails; then judged."""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaos import world
from chaos.judge import Verdict, judge
from chaos.nodes import Plan
from chaos.wire import Wire
from chaos.world import Act, Program, World

ALONE = 2
"""Nodes that are processes of their own, and are killed too; the others share one."""


@dataclass(frozen=True)
class Size:
    """How much is made: `reports` of each node, `every` so many seconds."""

    nodes: int
    reports: int
    every: float
    patience: float = 120.0
    """Seconds for the last report to be settled once nothing fails any more."""

    @property
    def seconds(self) -> float:
        return self.reports * self.every


LONG = Size(nodes=30, reports=334, every=0.03)
SHORT = Size(nodes=12, reports=60, every=0.1, patience=60.0)


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    seed: int
    verdict: Verdict
    acts: list[Act]
    collectors: int
    seconds: float
    wire: Wire

    def line(self) -> str:
        v = self.verdict
        lost = ", ".join(f"{n} {why}" for why, n in sorted(v.declared.items()) if n) or "none"
        return (
            f"seed {self.seed}: made {v.made} stored {v.stored} twice {v.twice} declared lost: "
            f"{lost}; undeclared {v.undeclared} in doubt {v.in_doubt}; came again {v.duplicates}; "
            f"on the wire {self.wire.reports} reports, {self.wire.acks} acks; "
            f"{len(self.acts)} faults, {self.collectors} collectors, {self.seconds:.0f} s: "
            f"{'FAILED' if v.faults else 'ok'}"
        )


def run(seed: int, size: Size, directory: Path) -> Outcome:
    """Play one seed in an empty directory."""
    began = time.monotonic()
    acts = world.plan(seed, size.seconds)
    collectors = 2 if world.shared(seed) else 1
    with world.running(directory, collectors) as scene, Wire(scene.broker.port) as wire:
        with nodes(scene, seed, size) as programs:
            perform(scene, acts)
            settled = world.wait(lambda: done(scene, programs), size.patience)
            world.wait(lambda: bool(at_work(scene)), size.patience)
        verdict = judge(directory, scene.influx.url, at_work(scene))
        if not settled:
            verdict.faults.insert(0, f"not settled within {size.patience:.0f} s")
        wire.check(directory, verdict.faults)
        return Outcome(seed, verdict, acts, collectors, time.monotonic() - began, wire)


@contextlib.contextmanager
def nodes(scene: World, seed: int, size: Size) -> Iterator[list[Program]]:
    """The processes that play nodes."""
    programs: list[Program] = []
    shared = size.nodes - ALONE
    (scene.directory / "spools").mkdir()
    for first, count in ((0, shared), *((shared + n, 1) for n in range(ALONE))):
        file = scene.directory / f"nodes-{first}.json"
        Plan(
            seed=seed,
            directory=str(scene.directory),
            # What a killed node had in memory only, its disk being full, nobody can know of.
            spools=str(scene.directory / ("spool-disk" if first == 0 else "spools")),
            port=scene.links["node link"].port,
            first=first,
            count=count,
            reports=size.reports,
            every=size.every,
        ).write(file)
        log = scene.directory / f"nodes-{first}.log"
        programs.append(Program(log, "chaos.nodes", str(file)))
    scene.alone[:] = programs[1:]
    try:
        yield programs
    finally:
        for program in programs:
            program.kill()


def perform(scene: World, acts: list[Act]) -> None:
    """Let every actor go through its part of the plan; afterwards all is well."""
    began, over = time.monotonic(), threading.Event()

    def part(actor: str) -> None:
        for act in acts:
            if act.actor == actor:
                over.wait(began + act.at - time.monotonic())
                scene.act(act, over)

    actors = {act.actor for act in acts}
    threads = [threading.Thread(target=part, args=(actor,)) for actor in actors]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        revive(scene)
        time.sleep(0.1)


def done(scene: World, programs: list[Program]) -> bool:
    """Whether all nodes have ended; a collector may still lose its lease meanwhile."""
    revive(scene)
    return all(p.process is not None and p.process.poll() == 0 for p in programs)


def revive(scene: World) -> None:
    """Start collectors again that could not begin on a full disk, or lost their lease."""
    for collector in scene.collectors:
        collector.revive()


def at_work(scene: World) -> str:
    """The API that answers, for a standby has none; empty while none does.

    One that was killed last may still be starting when all nodes have been done for long.
    """
    revive(scene)
    return next((api for api in scene.apis if answers(api)), "")


def answers(api: str) -> bool:
    """Whether a collector is at work, with broker, database and a ledger that it has taken over."""
    try:
        with urllib.request.urlopen(f"{api}/readyz", timeout=5):
            return True
    except OSError:
        return False
