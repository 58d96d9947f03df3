"""A short run of the fuzzer: every seed, and some thousand mutants. `make fuzz` is the long one."""

from __future__ import annotations

import asyncio
import random

import pytest

from fuzz.doors import doors
from fuzz.mutate import mutated
from fuzz.seeds import seeds


@pytest.mark.parametrize("seed", range(4))
def test_no_input_makes_the_intake_raise(seed: int) -> None:
    async def run() -> None:
        luck, pool = random.Random(seed), seeds()
        with doors() as door:
            for message in pool if seed == 0 else []:
                door.put(message)
            for _ in range(3000):
                door.put(mutated(luck.choice(pool), pool, luck))

    asyncio.run(run())
