"""`make fuzz`: a million inputs through every decoder; none may raise, none of 1 KB may cost 10 ms.

What is found is written to `build/fuzz/`, a file an input, and the exit status is 1. The cost is
the thread's CPU time until its points are ready to be written. An input that seems dear is put in
again and again: the least counts, because a collection of garbage or another process is no fault
of an input.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import time
from pathlib import Path

from fuzz.doors import Doors, doors
from fuzz.mutate import MOST, mutated
from fuzz.seeds import Message, seeds
from muster_collector.cli.collector import tune_memory

FOUND = Path("../build/fuzz")
LIMIT = 0.010
"""Seconds of CPU that an input of `MOST` bytes may cost."""
GROW = 20_000
"""Mutants that become seeds themselves, at most."""


def cost(door: Doors, message: Message) -> float:
    """Seconds of CPU to take one message in that is no duplicate."""
    door.forget()
    return door.put(message)


def least(door: Doors, message: Message) -> float:
    """The same, without what other processes and collections of garbage add to it."""
    best = min(cost(door, message) for _ in range(5))
    for _ in range(100):
        if best <= LIMIT:
            break
        best = min(best, cost(door, message))
    return best


async def run(count: int, seed: int) -> int:
    """Put inputs in; how many were at fault."""
    luck = random.Random(seed)
    pool = seeds()
    first, faults, dearest, dear = len(pool), 0, 0.0, pool[0]
    suspects: list[Message] = []
    began = time.process_time()
    with doors() as door:
        for number in range(count):
            # Every seed as it is, then mutants of seeds and of former mutants.
            message = pool[number] if number < first else mutated(luck.choice(pool), pool, luck)
            try:
                took = cost(door, message)
                if took > LIMIT / 4 and len(message.payload) <= MOST:
                    took = least(door, message)
                    if took > LIMIT:
                        suspects.append(message)
                    elif took > dearest:
                        dearest, dear = took, message
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                faults += 1
                keep(f"{type(error).__name__}-{number}", message)
                print(f"input {number} ({message.door}): {error!r}"[:300], flush=True)
            if number >= first and luck.random() < 0.02:
                place = luck.randrange(first, GROW)
                pool[place:] = [*pool[place + 1 :], message] if place < len(pool) else [message]
            if sys.stderr.isatty() and number % 1000 == 0:
                print(f"\r{number} of {count}", end="", file=sys.stderr)
        # Other processes slow this one down for minutes: what seemed too dear is tried again now.
        tried = [(least(door, message), message) for message in suspects]
        dearest, dear = max([(dearest, dear), *tried], key=lambda pair: pair[0])
    seconds = time.process_time() - began
    if dearest > LIMIT:
        faults += 1
        keep("dear", dear)
    print(
        f"{count} inputs from seed {seed}, {first} to begin with: {faults} faults,"
        f" {seconds:.0f} s of CPU, the dearest of at most {MOST} bytes {dearest * 1000:.1f} ms"
        f" ({dear.door}, {len(dear.payload)} bytes)"
    )
    return faults


def keep(name: str, message: Message) -> None:
    """Write an input down."""
    FOUND.mkdir(parents=True, exist_ok=True)
    (FOUND / f"{name}.{message.door.replace('/', '-')}").write_bytes(message.payload)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    tune_memory()
    return int(asyncio.run(run(options.inputs, options.seed)) > 0)


if __name__ == "__main__":
    sys.exit(main())
