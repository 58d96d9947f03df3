"""The promise of the whole, in short: a few seeds' worth of faults, judged by the database alone.

`make chaos` plays the long form; what it showed is in docs/reference/chaos.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from chaos import world
from chaos.judge import Made, Verdict, disagreement, weigh
from chaos.run import LONG, SHORT, run


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 3, 5])
def test_nothing_is_lost_without_a_word_and_nothing_is_stored_twice(
    seed: int, tmp_path: Path
) -> None:
    outcome = run(seed, SHORT, tmp_path)
    assert outcome.verdict.faults == []
    assert outcome.verdict.made == SHORT.nodes * SHORT.reports
    assert outcome.verdict.stored + outcome.verdict.declared.total() == outcome.verdict.made
    assert outcome.wire.acks > 0


def test_the_long_form_makes_ten_thousand_reports_and_every_kind_of_fault() -> None:
    assert LONG.nodes * LONG.reports >= 10_000
    assert LONG.nodes >= 30
    seen = {(act.actor, act.what) for seed in range(20) for act in world.plan(seed, LONG.seconds)}
    faults = world.FAULTS | world.SHARED
    assert seen == {(actor, what) for actor, kinds in faults.items() for what in kinds}
    assert world.shared(5)
    assert world.plan(5, 30.0) == world.plan(5, 30.0), "the seed says it all"


def test_the_judge_sees_what_it_must(tmp_path: Path) -> None:
    journal = tmp_path / "n.journal"
    journal.write_text(
        "make 0 10\nkept 0 7 0\nmake 1 20\nkept 1 7 1\nmake 2 30\nkept 2 7 2\n"
        "make 3 40\nkept 3 7 3\nmake 4 50\nlost 7 2 2 spool full\nend 0\n"
    )
    verdict = Verdict()
    missing = weigh("n", Made.read(journal), [0, 0, 1], verdict)
    assert (verdict.made, verdict.stored, verdict.twice) == (5, 2, 1)
    assert (verdict.undeclared, verdict.in_doubt) == (1, 1)
    assert missing == {"lost": 1}
    assert len(verdict.faults) == 2, "lost without a word, stored twice"
    made = Made.read(journal)
    row = {"stored": 2, "refused": 0, "lost": 1, "missing": 0}
    assert disagreement(made, 2, missing, row) == ""
    assert disagreement(made, 2, missing, row | {"lost": 0}) != ""
