"""Plays nodes: the agent itself with a made-up sensor and a clock that jumps.

What a node makes is written into its journal before the spool has it, by this program and not by
Muster's parts; the judge believes the journal. Lines of it:

    make SERIAL TS            about to spool a report whose field `serial` says which one it is
    kept SERIAL EPOCH SEQ     the spool has it under these numbers
    word EPOCH SEQ            the spool has an empty report that speaks for lost ones
    lost EPOCH FIRST LAST WHY the spool gave these up
    drop EPOCH SEQ            the centre refused it
    end DEPTH                 all made; so many are not settled

Run: python -m chaos.nodes PLAN.json, see `Plan`.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from muster_agent import config, delivery, keeper, settings, uplink
from muster_agent.bases import Base
from muster_agent.host import Host
from muster_agent.run import Agent, Orders
from muster_agent.sampler import Sampler
from muster_wire.messages import Metric

SITE = "chaos"
MOST_JUMPS = 4
TOGETHER = 5
"""Reports that every third node sends in one message."""
FARTHEST = 12 * 3_600_000
"""Milliseconds that a clock jumps at most, less than [limits] future."""


@dataclass(frozen=True)
class Plan:
    """What one process plays; `first` and `count` number its nodes."""

    seed: int
    directory: str
    spools: str
    port: int
    first: int
    count: int
    reports: int
    every: float
    ack_timeout: float = 2.0

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))


def name(number: int) -> str:
    return f"node-{number:02d}"


def hurry() -> None:
    """Let what takes a minute in life take a second: delays between attempts, patience."""
    uplink.FIRST_DELAY, uplink.LAST_DELAY, uplink.STEADY = 0.1, 1.0, 1.0
    delivery.CROSSING, delivery.REFUSED_PAUSE = 2.0, 0.5
    keeper.MEMORY_BYTES = 10_000  # so that a full disk soon means lost reports, which are declared


class JumpingClock:
    """Real time plus an offset that changes when certain reports are made.

    The last digit of a time says after how many jumps it was, and time goes on between two reports
    even when they are made at once, so that no two of a node have the same time: the store would
    keep only one of them.
    """

    def __init__(self, seed: str, reports: int) -> None:
        dice = random.Random(seed)
        count = dice.randrange(MOST_JUMPS)
        self.jumps = sorted(dice.randrange(reports) for _ in range(count))
        self.offsets = [0, *(dice.randrange(-FARTHEST, FARTHEST) for _ in range(count))]
        self.made = 0
        self._last = (-1, 0, 0)

    def wall(self) -> int:
        passed = sum(at <= self.made for at in self.jumps)
        now = (time.time_ns() // 1_000_000 + self.offsets[passed]) // 10 * 10 + passed
        made, jumps, last = self._last
        if passed == jumps:
            now = max(now, last + 10 * (made != self.made))
        self._last = (self.made, passed, now)
        return now

    def monotonic(self) -> float:
        return time.monotonic()


class Counter:
    """A sensor that says which report this is."""

    name = "chaos"
    every = None

    def __init__(self, clock: JumpingClock) -> None:
        self.clock = clock

    def read(self) -> list[Metric]:
        serial = self.clock.made
        fields: dict[str, Any] = {"serial": serial, "text": "x" * (serial % 50)}
        return [Metric("chaos", {}, fields), Metric("chaos", {"of": "more"}, {"serial": serial})]


class Player(Agent):
    """One node with its journal."""

    def __init__(self, plan: Plan, number: int) -> None:
        node = name(number)
        self.plan = plan
        self.journal = Path(plan.directory) / f"{node}.journal"
        self.clock = self.jumping = JumpingClock(f"{plan.seed}:{node}", plan.reports)
        self.jumping.made = self._made_before()
        self._told: set[tuple[int, int, int, str]] = set()
        self._file = os.open(self.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        made = config.Config(
            node=settings.Node(id=node, site=SITE),
            mqtt=settings.Mqtt(url=settings.Broker("127.0.0.1", plan.port, tls=False), keepalive=5),
            sample=settings.Sample(every=plan.every, sensors=("mem",)),
            spool=settings.Spool(path=f"{plan.spools}/{node}.db", max_mb=1),
            uplink=settings.Uplink(ack_timeout=plan.ack_timeout),
            metered=settings.Metered(
                report_every=TOGETHER * plan.every if number % 3 == 2 else 0.0
            ),
        )
        super().__init__(made, Host(), self.jumping, lambda *_: made, Orders())
        self.sampler = Sampler([Counter(self.jumping)], self.jumping, plan.every)
        self._keep(self.keeper)

    def play(self) -> None:
        """Make what is to be made, then go on until all is settled."""
        while self.jumping.made < self.plan.reports:
            self.turn(self.sampler.due)
            if self.clock.monotonic() >= self.sampler.due:
                self.sample()
        self.delivery.together.hurry()
        while self.keeper.depth:
            self.turn(self.clock.monotonic() + 0.2)
            self._note_lost()
        self.note("end", self.keeper.depth)
        self.close()

    def sample(self) -> None:
        """Make one report; the next one has another time."""
        ts = self.clock.wall()
        super().sample()
        self._note_lost()
        self.jumping.made += 1
        while self.clock.wall() == ts:
            time.sleep(0.001)

    def note(self, *words: object) -> None:
        """One line of the journal, whole or not at all."""
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())

    def _made_before(self) -> int:
        """Reports made before this process: their serials are taken."""
        if not self.journal.exists():
            return 0
        return sum(line.startswith("make ") for line in self.journal.read_text().splitlines())

    def _keep(self, kept: keeper.Keeper) -> None:
        """Write down what goes into the spool and out of it."""
        append, drop, last_words = kept.append, kept.drop, kept.last_words

        def journaled_append(ts: int, body: bytes, base: Base | None = None) -> tuple[int, int]:
            self.note("make", self.jumping.made, ts)
            epoch, seq = append(ts, body, base)
            self.note("kept", self.jumping.made, epoch, seq)
            return epoch, seq

        def journaled_drop(epoch: int, seq: int) -> None:
            self.note("drop", epoch, seq)
            drop(epoch, seq)

        def journaled_words(epoch: int, ts: int, body: bytes) -> None:
            edges = kept.edges(epoch)
            self.note("word", epoch, edges.next if edges else -1)
            last_words(epoch, ts, body)

        kept.append = journaled_append  # type: ignore[method-assign] # the journal's whole trick
        kept.drop = journaled_drop  # type: ignore[method-assign] # as above
        kept.last_words = journaled_words  # type: ignore[method-assign] # as above

    def _note_lost(self) -> None:
        for epoch in self.keeper.epochs():
            for lost in self.keeper.lost(epoch):
                entry = (epoch, lost.first, lost.last, lost.reason)
                if entry not in self._told:
                    self._told.add(entry)
                    self.note("lost", *entry)


def main() -> None:
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    hurry()
    threads = [
        threading.Thread(target=lambda n=n: Player(plan, n).play(), name=name(n))
        for n in range(plan.first, plan.first + plan.count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
