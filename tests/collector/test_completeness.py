"""Completeness over time: any range, across restarts, silence, losses, old rows and new zones."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from collector.books import DAY, EVERY, HOUR, MINUTE, SECOND, Books, counts
from hypothesis import given, settings
from hypothesis import strategies as st

from muster_collector.ledger import slots
from muster_collector.ledger.account import Account
from muster_collector.ledger.states import state

START = 1_772_323_200_000
"""2026-03-01T00:00:00Z in ms."""
AN_HOUR = HOUR // (EVERY * SECOND)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def test_any_range_on_five_minutes_is_exact(books: Books) -> None:
    books.send(range(2 * AN_HOUR), start=START)
    now = START + 2 * HOUR
    for begin, end in ((0, 120), (5, 10), (55, 65), (115, 120)):
        found = books.period(START + begin * MINUTE, START + end * MINUTE, now)
        assert counts(found) == {"expected": 6 * (end - begin), "stored": 6 * (end - begin)}


def test_a_range_is_widened_to_whole_rows() -> None:
    now = START + 10 * DAY
    old = START + 30 * MINUTE
    assert slots.widen(old, old + 1, now) == (START, START + HOUR)
    fresh = now - HOUR + 61 * SECOND
    assert slots.widen(fresh, now - 1, now) == (now - HOUR, now)


def test_restarts_neither_lose_nor_repeat_a_count(books: Books) -> None:
    for begin in range(0, 360, 30):
        books.send(range(begin, begin + 30), start=START)
        books.reopen()
    books.send(range(10), start=START, delay=20 * MINUTE)
    books.reopen()
    found = books.period(START, START + HOUR, START + HOUR)
    assert counts(found) == {"expected": 360, "stored": 360, "duplicate": 10}


def test_a_backlog_is_missing_then_stored_late_where_it_was_sampled(books: Books) -> None:
    """Cut off from 00:10 to 00:40; the newest report comes first."""
    books.send(range(60), start=START)
    books.send([240], start=START)
    now = START + 40 * MINUTE + SECOND
    gap = (START + 10 * MINUTE, START + 40 * MINUTE)
    assert counts(books.period(*gap, now)) == {"expected": 180, "missing": 180}
    part = books.period(START + 20 * MINUTE, START + 25 * MINUTE, now)
    assert counts(part) == {"expected": 30, "missing": 30}
    books.reopen()
    assert counts(books.period(*gap, now))["missing"] == 180
    books.send(range(60, 240), start=START, delay=31 * MINUTE)
    assert counts(books.period(*gap, now)) == {"expected": 180, "stored": 180, "late": 180}


def test_a_node_that_was_off_made_nothing_and_that_is_no_loss(books: Books) -> None:
    """Off from 00:10 to 00:40: its numbers go on where they ended."""
    books.send(range(60), start=START)
    now = START + 40 * MINUTE
    assert counts(books.period(START, now, now)) == {"expected": 240, "stored": 60, "silent": 180}
    books.send(range(60, 120), start=START + 30 * MINUTE)
    found = books.period(START, START + 50 * MINUTE, START + 50 * MINUTE)
    assert counts(found) == {"expected": 300, "stored": 120, "down": 180}
    assert found.lost == 0


def test_losses_lie_where_they_were_sampled_and_go_away_when_they_come_after_all(
    books: Books,
) -> None:
    books.send(range(60), start=START)
    books.send([120], start=START, oldest=120, lost=[(60, 89, "spool full")])
    now = START + 21 * MINUTE
    first = (START + 10 * MINUTE, START + 15 * MINUTE)
    second = (START + 15 * MINUTE, START + 20 * MINUTE)
    assert counts(books.period(*first, now)) == {"expected": 30, "spool full": 30}
    assert counts(books.period(*second, now)) == {"expected": 30, "unknown": 30}
    books.send(range(100, 120), start=START)
    books.reopen()
    assert counts(books.period(*second, now)) == {"expected": 30, "unknown": 10, "stored": 20}


def test_a_refusal_without_a_time_is_placed_between_its_neighbours(books: Books) -> None:
    books.send([seq for seq in range(90) if seq != 45], start=START)
    books.refuse(45, arrival=START + 20 * MINUTE)
    found = books.period(START + 5 * MINUTE, START + 10 * MINUTE, START + 15 * MINUTE)
    assert counts(found) == {"expected": 30, "stored": 29, "refused": 1}


def test_the_tail_that_only_a_birth_names_is_placed_by_the_interval(books: Books) -> None:
    books.send(range(30), start=START)
    books.born(oldest=0, following=60, arrival=START + 10 * MINUTE)
    found = books.period(START + 5 * MINUTE, START + 10 * MINUTE, START + 10 * MINUTE)
    assert counts(found) == {"expected": 30, "missing": 30}


def test_another_interval_changes_what_is_expected_from_then_on(books: Books) -> None:
    books.send(range(30), start=START)
    books.send(range(5), start=START + 5 * MINUTE, epoch=8, every=60.0)
    found = books.period(START, START + 10 * MINUTE, START + 10 * MINUTE)
    assert counts(found) == {"expected": 35, "stored": 35}


def test_an_epoch_that_is_folded_into_a_sum_keeps_its_losses_by_hour(books: Books) -> None:
    books.send([0], start=START + DAY, epoch=99)
    books.send([0, 59], start=START, oldest=0, lost=[(1, 58, "spool full")])
    for epoch in range(20, 32):
        books.send([0], start=START + epoch * HOUR, epoch=epoch)
    assert 7 not in books.ledger.nodes["n1"].accounts
    found = books.period(START, START + HOUR, START + 40 * HOUR)
    assert found.reasons == {"spool full": 58}


def test_old_rows_are_gathered_into_hours_late_ones_too_and_dropped_in_time(books: Books) -> None:
    books.send(range(3 * AN_HOUR), start=START)
    now = START + 5 * DAY
    books.file.gather(now, 90 * DAY)
    books.send(range(3 * AN_HOUR, 4 * AN_HOUR), start=START, delay=5 * DAY)
    assert counts(books.period(START, START + 4 * HOUR, now))["stored"] == 4 * AN_HOUR
    books.file.gather(now, 90 * DAY)
    books.file.gather(now, 90 * DAY)
    for hour in range(4):
        found = books.period(START + hour * HOUR, START + (hour + 1) * HOUR, now)
        assert counts(found)["stored"] == AN_HOUR
    (rows,) = books.file.db.execute("SELECT count(*) FROM slot").fetchone()
    assert rows == 4
    books.file.gather(now + 90 * DAY, 90 * DAY)
    assert books.file.db.execute("SELECT count(*) FROM slot").fetchone() == (0,)


def test_one_node_and_all_nodes_give_the_same(books: Books) -> None:
    for number in range(5):
        books.send(range(number, AN_HOUR), start=START, node=f"n{number}", oldest=number)
    now = START + HOUR
    for _, (found,) in books.fleet.periods([(START, now)], now):
        assert found.stored
    for name, (found,) in books.fleet.periods([(START, now)], now):
        assert counts(books.period(START, now, now, name)) == counts(found)


def test_the_state_of_a_node(books: Books) -> None:
    books.send(range(30), start=START)
    node = books.ledger.nodes["n1"]
    newest = START + 29 * EVERY * SECOND
    assert state(node, newest + 119 * SECOND) == "healthy"
    assert state(node, newest + 121 * SECOND) == "silent"
    books.refuse(30, arrival=newest + 200 * SECOND)
    assert state(node, newest + 201 * SECOND) == "refused"
    books.send([31], start=START, delay=300 * SECOND)
    assert state(node, newest + 320 * SECOND) == "late"
    books.send([70], start=START, oldest=0)
    assert state(node, START + 700 * SECOND + 1) == "late"
    books.send(range(32, 70), start=START)
    assert state(node, START + 700 * SECOND + 1) == "healthy"


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(["stored", "missing", "lost", "later"]), min_size=2, max_size=80),
    st.randoms(use_true_random=False),
)
def test_whatever_came_in_whatever_order_the_rest_is_placed_to_the_millisecond(
    fates: list[str], shuffled: random.Random
) -> None:
    """With even sampling the place by interpolation is the true one."""
    fates[0] = fates[-1] = "stored"
    account, came = Account("n", 1, 0), [s for s, fate in enumerate(fates) if fate == "stored"]
    later = [seq for seq, fate in enumerate(fates) if fate == "later"]
    shuffled.shuffle(came)

    def arrive(seqs: list[int]) -> None:
        for seq in seqs:
            account.settle(seq)
            account.marks.note(seq, START + seq * 10_000)
            account.prune()

    arrive(came)
    account.declare([(s, s, "spool full") for s, f in enumerate(fates) if f == "lost"], len(fates))
    arrive(later)
    placed = {
        (reason, START + seq * 10_000)
        for seq, fate in enumerate(fates)
        for reason in [{"missing": "", "lost": "spool full"}.get(fate)]
        if reason is not None
    }
    found = {
        (reason, round(stretch.first + stretch.step * at))
        for reason, stretch in account.when(10.0)
        for at in range(stretch.number)
    }
    assert found == placed
    ends = range(START - 15_000, START + len(fates) * 10_000, 7_000)
    for begin in ends:
        inside = sum(begin <= ts < begin + 33_000 for _, ts in placed)
        sums = [s.within(begin, begin + 33_000) for _, s in account.when(10.0)]
        assert sum(sums) == inside
