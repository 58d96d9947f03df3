"""Clocks that are wrong: their reports are put right, the same way whenever they come again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from collector.centre import NOW, Centre, report, until
from hypothesis import given
from hypothesis import strategies as st

from muster_collector.ledger import clocks
from muster_collector.ledger.account import Account
from muster_wire.messages import Report
from servers import Mosquitto

TRUE = 1_772_323_200_000
"""When the first report was really sampled."""
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
BOUNDS = clocks.Bounds(past=2 * HOUR, future=MINUTE)


class DiedError(Exception):
    """The process ends here."""


class Wire:
    """One epoch of a node whose clock a test sets, and what its collector knows of it."""

    def __init__(self, *, every: int = 10) -> None:
        self.account = Account("n", 1, 0)
        self.every = every

    def come(self, seq: int, ts: int, sent: int, arrival: int, *, settle: bool = True) -> int:
        """Where a report is placed."""
        made = Report("n", "s", 1, seq, 0, ts, sent, float(self.every), [])
        moved, era = clocks.shift(self.account, made, arrival, BOUNDS)
        if era is not None:
            clocks.begin(self.account, era)
        if seq > self.account.newest[0]:
            self.account.newest = (seq, ts + moved)
        if settle and not self.account.known(seq):
            self.account.settle(seq)
            self.account.marks.note(seq, ts + moved)
        return ts + moved


def near(found: int, seq: int, *, within: int = 1500) -> bool:
    return abs(found - (TRUE + seq * 10_000)) <= within


@pytest.mark.parametrize("offset", [-56 * 365 * DAY, -30 * DAY, -3 * HOUR, 2 * MINUTE, 400 * DAY])
def test_live_reports_of_a_wrong_clock_are_placed_by_their_arrival(offset: int) -> None:
    wire = Wire()
    for seq in range(20):
        true = TRUE + seq * 10_000
        assert near(wire.come(seq, true + offset, true + offset + 20, true + 120), seq)
    assert len(wire.account.eras) == 1


def test_a_board_that_starts_in_1970_and_gets_its_time_after_two_minutes() -> None:
    """Half of its first reports went out before; the newest goes first after."""
    wire, offset = Wire(), -TRUE
    for seq in (0, 1, 2, 3):
        true = TRUE + seq * 10_000
        assert near(wire.come(seq, true + offset, true + offset + 5, true + 50), seq)
    arrival = TRUE + 12 * 10_000
    assert near(wire.come(12, arrival, arrival + 5, arrival + 50), 12)
    for seq in range(4, 12):
        arrival += 300
        assert near(wire.come(seq, TRUE + seq * 10_000 + offset, arrival, arrival + 40), seq)


def test_a_board_whose_whole_backlog_of_1970_comes_once_its_time_is_right() -> None:
    wire, offset = Wire(), -TRUE
    arrival = TRUE + 12 * 10_000
    wire.come(12, arrival, arrival + 5, arrival + 50, settle=False)
    for seq in range(12):
        found = wire.come(seq, TRUE + seq * 10_000 + offset, arrival + 300, arrival + 400)
        assert near(found, seq)
    assert len(wire.account.eras) == 1


def test_a_new_epoch_under_the_same_wrong_clock_is_moved_by_the_same_shift() -> None:
    """Else two of the node's reports could get the same time, where the store keeps one."""
    wrong = -3 * HOUR
    wire = Wire()
    first = wire.come(0, TRUE + wrong, TRUE + wrong, TRUE + 100) - (TRUE + wrong)
    made = Report("n", "s", 2, 0, 0, TRUE + 10_000 + wrong, TRUE + 10_000 + wrong, 10.0, [])
    late = TRUE + 10_000 + 2_600  # its way took longer, so it would be moved by more
    new = Account("n", 2, 0)
    alone, _ = clocks.shift(new, made, late, BOUNDS)
    moved, era = clocks.shift(new, made, late, BOUNDS, [wire.account, new])
    assert alone != first
    assert moved == first
    assert era is not None
    assert era.shift == first, "written down for this epoch, so that it stays so"


def test_a_second_start_in_1970_is_another_era() -> None:
    wire = Wire()
    for seq, true in [(0, TRUE), (1, TRUE + 10_000), (2, TRUE + DAY), (3, TRUE + DAY + 10_000)]:
        boot = TRUE if seq < 2 else TRUE + DAY
        ts = true - boot + 40_000
        assert abs(wire.come(seq, ts, ts + 5, true + 100) - true) <= 1500
    assert len(wire.account.eras) == 2


def test_a_report_whose_neighbours_were_left_alone_is_left_alone() -> None:
    """Its shift would be the second by which neighbours are off: the time of another report."""
    wire, ahead = Wire(every=1), 8 * HOUR
    for seq in range(50, 60):  # while most clocks of the fleet seemed wrong
        wire.account.newest = (seq, TRUE + seq * 1000 + ahead)
        wire.account.settle(seq)
        wire.account.marks.note(seq, TRUE + seq * 1000 + ahead)
    arrival = TRUE + 100_000
    for seq in (0, 49):  # sent by a clock that is three hours slow by now
        ts = TRUE + seq * 1000 + ahead + 400
        assert wire.come(seq, ts, arrival - 3 * HOUR, arrival) == ts
    assert wire.account.eras == []


def test_jumps_both_ways() -> None:
    """Right, a day ahead for five reports, right again, three hours behind for five, right."""
    wire = Wire()
    for seq in range(30):
        offset = DAY if 5 <= seq < 10 else -3 * HOUR if 15 <= seq < 20 else 0
        true = TRUE + seq * 10_000
        assert near(wire.come(seq, true + offset, true + offset + 20, true + 120), seq)


def test_the_backlog_of_a_clock_that_was_ahead_is_put_right_after_it_was_set() -> None:
    """The link went away at 10; the clock, a day ahead, was set back at 15; the link came at 20."""
    wire = Wire()
    for seq in range(10):
        true = TRUE + seq * 10_000
        wire.come(seq, true + DAY, true + DAY + 20, true + 120)
    arrival = TRUE + 200_000
    assert near(wire.come(20, arrival, arrival + 20, arrival + 120), 20)
    for seq in range(10, 20):
        ts = TRUE + seq * 10_000 + (DAY if seq < 15 else 0)
        assert near(wire.come(seq, ts, arrival + 300, arrival + 400), seq)


@pytest.mark.parametrize("offset", [-2 * HOUR + MINUTE, -5_000, 0, 5_000, 59_000])
def test_small_offsets_and_queues_are_left_alone(offset: int) -> None:
    wire = Wire()
    for seq in range(5):
        ts = TRUE + seq * 10_000 + offset
        assert wire.come(seq, ts, ts, TRUE + seq * 10_000) == ts
    assert wire.account.eras == []


def test_a_backlog_of_a_right_clock_is_left_alone_however_old() -> None:
    wire, arrival = Wire(), TRUE + 10 * DAY
    for seq in range(100):
        assert wire.come(seq, TRUE + seq * 10_000, arrival + seq, arrival + seq + 50) == (
            TRUE + seq * 10_000
        )


@given(
    offset=st.sampled_from([-TRUE + HOUR, -40 * DAY, -3 * HOUR, 61_000, 3 * DAY]),
    fixed=st.integers(0, 40),
    order=st.permutations(range(40)),
    later=st.lists(st.integers(100, HOUR), min_size=40, max_size=40),
)
def test_whenever_a_report_comes_again_it_has_the_same_time(
    offset: int, fixed: int, order: list[int], later: list[int]
) -> None:
    """The same message out of the broker, or sent anew, before or after the clock was set."""
    wire = Wire()

    def ts(seq: int) -> int:
        return TRUE + seq * 10_000 + (offset if seq < fixed else 0)

    first = {}
    for seq in order:
        sent = ts(seq) + 20
        first[seq] = wire.come(seq, ts(seq), sent, TRUE + seq * 10_000 + 120)
    for seq, delay in zip(order, later, strict=True):
        arrival = TRUE + 400_000 + delay
        assert wire.come(seq, ts(seq), ts(seq) + 20, arrival) == first[seq], "redelivered"
        assert wire.come(seq, ts(seq), arrival - 50, arrival) == first[seq], "sent anew"


def test_the_offset_is_the_least_delayed_message_of_a_while() -> None:
    offset = clocks.Offset()
    assert offset.wrong == 0.0
    for at, delay in enumerate([900, 40, 5_000, 300, 120]):
        offset.heard(TRUE + at * 10_000 + 30_000, TRUE + at * 10_000 + delay)
    assert offset.ms == 30_000 - 40
    assert offset.uncertainty is not None
    assert abs(30_000 - offset.ms) < offset.uncertainty < 2_000
    for at in range(clocks.JUMPED):
        offset.heard(TRUE + 60_000 + at * 10_000 - DAY, TRUE + 60_000 + at * 10_000)
    assert offset.ms == -DAY
    for at in range(10, 400):
        offset.heard(TRUE + at * 10_000, TRUE + at * 10_000 + 50)
    assert offset.ms == -50


MakeCentre = Callable[..., Centre]


@pytest.fixture
def centre(mosquitto: Mosquitto, tmp_path: Path) -> Centre:
    return Centre(mosquitto, tmp_path)


async def test_moved_reports_are_marked_counted_and_shown(centre: Centre) -> None:
    async with centre.running() as ingest, centre.node() as node:
        for seq in range(3):
            await node.send(report(seq, ts=seq * 10_000, sent=seq * 10_000))
        await node.settled(2)
        (known,) = ingest.fleet.nodes()
        assert (known.totals.stored, known.totals.moved) == (3, 3)
        (period,) = next(ingest.fleet.periods([(NOW - DAY, NOW + DAY)], NOW))[1]
        assert (period.stored, period.moved) == (3, 3)
    times = centre.store.times("n1")
    assert [time - times[0] for time in times] == [0, 10_000, 20_000]
    assert abs(times[0] - NOW - 1000) <= 1000
    assert centre.store.times("n1", "clock_moved") == times
    marks = [fields for key, fields in centre.store.points.items() if key[0] == "clock_moved"]
    assert [mark["ts"] for mark in marks] == [0, 10_000, 20_000]


async def test_killed_between_store_and_ledger_a_moved_report_is_stored_once(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The era is on disk before the first point; the message comes again twenty minutes later."""
    async with centre.node() as node:
        with pytest.raises(BaseExceptionGroup):  # noqa: PT012 - it ends when its block ends
            async with centre.running() as ingest:
                written = ingest._file.commit

                def dies(_: Any) -> None:
                    raise DiedError

                def first_only(changes: Any) -> None:
                    written(changes)
                    monkeypatch.setattr(ingest._file, "commit", dies)

                monkeypatch.setattr(ingest._file, "commit", first_only)
                await node.send(report(0, ts=5_000, sent=5_000))
                await until(lambda: bool(centre.store.points), "stored")
        first = centre.store.times("n1")
        assert len(first) == 1
        centre.clock += 20 * MINUTE
        async with centre.running() as again:
            await node.settled(0)
            (known,) = again.fleet.nodes()
            assert known.totals.stored == 1
    assert centre.store.times("n1") == first


async def test_when_most_clocks_say_that_ours_is_wrong_nothing_is_moved(
    centre: Centre, caplog: pytest.LogCaptureFixture
) -> None:
    async with centre.running():
        for number in range(12):
            centre.clock += 2_000
            async with centre.node(f"n{number}") as node:
                ts = NOW + HOUR + number
                await node.send(report(0, node=f"n{number}", ts=ts, sent=ts))
                await node.settled(0)
        moved = {key[1][0][1] for key in centre.store.points if key[0] == "clock_moved"}
    assert moved == {"n0", "n1", "n2", "n3"}
    assert "this machine's clock is wrong" in caplog.text


async def test_what_a_wrong_clock_dated_leaves_quarantine_at_its_right_time(
    centre: Centre,
) -> None:
    """Refused for its type when it came; played again an hour later, after a fix."""
    from muster_collector.quarantine import Chosen

    async with centre.running() as ingest, centre.node() as node:
        centre.store.refuse = lambda _: "not now"
        await node.send(report(0, ts=5_000, sent=5_000))
        await node.settled(0)
        centre.store.refuse = lambda _: None
        centre.clock += HOUR
        await ingest.quarantine.replay(Chosen(), dry_run=False)
    (time,) = centre.store.times("n1")
    assert abs(time - NOW - 1000) <= 1000


def test_what_may_be_a_queue_is_not_said_to_be_wrong_for_sure() -> None:
    offset = clocks.Offset()
    for delay in (100, 70_000, 90_000):
        offset.heard(TRUE, TRUE + delay)
    assert offset.wrong == 0.0
