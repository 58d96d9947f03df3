"""The ledger against a model: a node, a network that does what it likes, a collector that dies."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from muster_collector.errors import MusterError
from muster_collector.ingest.items import BirthItem, Refusal, ReportItem
from muster_collector.ingest.timeline import Timeline
from muster_collector.ledger.account import BEFORE, MOST_RANGES, UNKNOWN, Account
from muster_collector.ledger.file import (
    UPGRADES,
    VERSION,
    LedgerFile,
    Quarantined,
    account_of,
    account_row,
)
from muster_collector.ledger.nodes import EPOCH_GRACE, MOST_EPOCHS, Node
from muster_collector.ledger.slots import SLOT, STORED
from muster_wire.messages import Birth, Lost, Report
from muster_wire.ranges import Ranges

SEQS = st.integers(min_value=0, max_value=60)
EPOCH = 5


class Desk:
    """Takes what items leave, and keeps nothing but what reached the store."""

    def __init__(self, timeline: Timeline | None = None) -> None:
        self.timeline = timeline or Timeline()

    def count(self, outcome: str, reason: str = "") -> None: ...
    def touch(self, node: Node, account: Account | None = None) -> None: ...
    def acknowledge(self, node: Node, account: Account, *, urgent: bool = False) -> None: ...
    def quarantine(self, record: Quarantined) -> None: ...
    def replayed(self, number: int, refusal: Refusal | None = None) -> None: ...
    def unreadable(self, node: Node) -> None: ...
    def stored(self, ts: int) -> None: ...


def report(seq: int, ts: int, oldest: int, lost: tuple[tuple[int, int], ...] = ()) -> Report:
    return Report(
        node="n", site="s", epoch=EPOCH, seq=seq, oldest=oldest, ts=ts, sent=0,
        every=10.0, metrics=[], lost=[Lost(first, last, "spool full") for first, last in lost],
    )  # fmt: skip


class Flow(RuleBasedStateMachine):
    """Everything that can happen between a spool and a ledger, in any order."""

    @staticmethod
    def new_node(account: Account | None = None) -> Node:
        node = Node("n", "s", 0)
        if account is not None:
            node.accounts[EPOCH] = account
        return node

    def __init__(self) -> None:
        super().__init__()
        # The node.
        self.next = 0
        self.spool: set[int] = set()
        self.given_up: list[tuple[int, int]] = []
        self.clock = 1_800_000_000_000
        self.times: list[int] = []
        # The broker: what it has for us, in any order.
        self.queue: list[Report] = []
        self.acks: list[tuple[int, list[tuple[int, int]]]] = []
        # The collector and its store.
        self.node = self.new_node()
        self.hand: list[ReportItem] = []
        self.file: tuple[Any, ...] | None = None
        self.store: set[int] = set()
        self.timeline = Timeline()
        self.counted: Counter[int] = Counter()
        self.slots: Counter[tuple[int, int]] = Counter()
        """What is booked on disk, by slot and position in its row."""
        self.handed_over = False

    @property
    def oldest(self) -> int:
        return min(self.spool, default=self.next)

    @property
    def account(self) -> Account | None:
        return self.node.accounts.get(EPOCH)

    def send(self, seq: int) -> None:
        oldest = min(self.oldest, seq)
        self.queue.append(report(seq, self.times[seq], oldest, tuple(self.given_up)))

    @rule(sent=st.booleans(), pause=st.sampled_from([0, 0, 0, 1_000_000, 9_000_000]))
    def make(self, *, sent: bool, pause: int) -> None:
        """A report, after the interval or after a while in which the node was off."""
        self.clock += 10_000 + pause
        self.times.append(self.clock)
        self.spool.add(self.next)
        self.next += 1
        if sent:
            self.send(self.next - 1)

    @precondition(lambda self: self.spool)
    @rule(data=st.data())
    def send_any(self, data: st.DataObject) -> None:
        self.send(data.draw(st.sampled_from(sorted(self.spool))))

    @precondition(lambda self: self.spool)
    @rule(count=st.integers(1, 5))
    def spool_is_full(self, count: int) -> None:
        for seq in sorted(self.spool)[:count]:
            self.spool.remove(seq)
            self.given_up.append((seq, seq))

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        self.queue.remove(data.draw(st.sampled_from(self.queue)))

    @precondition(lambda self: self.queue)
    @rule(data=st.data(), again=st.booleans())
    def arrive(self, data: st.DataObject, *, again: bool) -> None:
        found = data.draw(st.sampled_from(self.queue))
        if not again:
            self.queue.remove(found)
        account = self.node.account(EPOCH, found.oldest)
        known = account.known(found.seq)
        if not known:
            account.pending.add(found.seq)
        self.hand.append(ReportItem("t", self.node, account, found, 0, known))

    @rule()
    def stored(self) -> None:
        """The store took what is in hand."""
        self.store |= {item.report.seq for item in self.hand if not item.duplicate}
        for item in self.hand:
            item.apply(Desk(self.timeline))
            self.counted[item.report.seq] += not item.duplicate
        self.hand = []
        self.write()
        if self.account:
            self.acks.append((self.account.through, self.account.missing()))

    def write(self) -> None:
        """The transaction."""
        if self.account:
            self.file = account_row(self.account)
        for (slot, _), row in self.timeline.take().bookings.items():
            self.slots.update({(slot, at): count for at, count in enumerate(row)})

    @rule(stored=st.booleans())
    def killed(self, *, stored: bool) -> None:
        """SIGKILL, before or after the store took it; the broker has it still."""
        if stored:
            self.store |= {item.report.seq for item in self.hand if not item.duplicate}
        self.queue += [item.report for item in self.hand]
        self.hand = []
        self.node = self.new_node(account_of(self.file) if self.file else None)
        self.timeline = Timeline()

    @rule()
    def handed_on(self) -> None:
        """Another collector, whose ledger is empty, takes over; the store is the same."""
        self.file = None
        self.killed(stored=True)
        self.handed_over = True
        self.counted.clear()
        self.slots.clear()

    @rule()
    def born(self) -> None:
        """A birth comes when nothing is in hand (it joins the same queue of batches)."""
        if self.hand:
            return
        account = self.node.account(EPOCH, self.oldest)
        BirthItem(self.node, account, self.birth(), retained=False, arrival=0).apply(
            Desk(self.timeline)
        )
        self.write()
        self.acks.append((account.through, account.missing()))

    def birth(self) -> Birth:
        return Birth(
            node="n", site="s", epoch=EPOCH, oldest=self.oldest, next=self.next, ts=0, every=10.0,
            agent="", lost=[Lost(first, last, "spool full") for first, last in self.given_up],
        )  # fmt: skip

    @precondition(lambda self: self.acks)
    @rule(data=st.data(), resend=st.booleans())
    def acked(self, data: st.DataObject, *, resend: bool) -> None:
        """Any of the acks, old ones too, or never."""
        through, missing = data.draw(st.sampled_from(self.acks))
        assert through < self.next
        for seq in [seq for seq in self.spool if seq <= through]:
            # The promise: the spool is emptied of nothing but what is in the store.
            assert seq in self.store
            self.spool.remove(seq)
        self.given_up = [span for span in self.given_up if span[1] > through]
        for first, last in missing if resend else []:
            for seq in range(first, last + 1):
                if seq in self.spool:
                    self.send(seq)

    @invariant()
    def counts_add_up(self) -> None:
        account = self.account
        if account is None:
            return
        settled = account.stored + account.refused + sum(account.losses.values())
        before = len(account.lost[BEFORE])
        # Those in hand that had been given up already are counted as lost until they are stored.
        pending = sum(
            seq > account.through and seq not in account.beyond for seq in account.pending
        )
        new = sum(
            seq <= account.highest and seq > account.through and seq not in account.beyond
            for seq in account.pending
        )
        assert new <= pending
        assert settled + account.missing_count + new + before == account.highest + 1
        assert account.stored <= len(self.store)
        assert account.highest < self.next

    @invariant()
    def what_is_stored_is_booked_when_it_was_sampled(self) -> None:
        if self.hand:
            return
        want = Counter(self.times[seq] // SLOT * SLOT for seq, n in self.counted.items() if n)
        found = {slot: count for (slot, at), count in self.slots.items() if at == STORED and count}
        assert found == want
        assert max(self.counted.values(), default=0) <= 1, "nothing is booked twice"

    @invariant()
    def what_is_not_stored_has_a_place_in_time(self) -> None:
        if self.account is None:
            return
        placed = self.account.when(10.0)
        count = sum(stretch.number for _, stretch in placed)
        assert count == self.account.missing_count + sum(self.account.losses.values())
        known = [self.times[seq] for seq, n in self.counted.items() if n]
        for _, stretch in placed:
            if known and min(known) < stretch.first < max(known):
                assert stretch.last < max(known)

    @invariant()
    def no_gap_touches_through(self) -> None:
        if self.account and self.account.beyond:
            assert self.account.beyond.spans[0][0] > self.account.through + 1

    def teardown(self) -> None:
        """Left alone, everything ends settled."""
        self.queue.clear()
        self.stored()
        if self.next == 0:
            return
        for _ in range(3):
            self.born()
            account = self.account
            assert account is not None
            for first, last in account.missing():
                for seq in range(first, last + 1):
                    self.send(seq)
            while self.queue:
                found = self.queue.pop(0)
                known = account.known(found.seq)
                if not known:
                    account.pending.add(found.seq)
                self.hand.append(ReportItem("t", self.node, account, found, 0, known))
            self.stored()
        account = self.account
        assert account is not None
        assert account.missing() == []
        assert account.through == account.highest == self.next - 1
        lost = sum(account.losses.values())
        before = len(account.lost[BEFORE])
        assert account.stored + lost + before == self.next
        assert before == 0 or self.handed_over, "nothing is before the baseline: nobody else is"
        assert sum(n for (_, at), n in self.slots.items() if at == STORED) == account.stored
        assert self.spool <= self.store


TestFlow = Flow.TestCase
TestFlow.settings = settings(max_examples=150, stateful_step_count=40)


class RangesMatchSets(RuleBasedStateMachine):
    """Ranges behave as a set of whole numbers."""

    numbers = Bundle("numbers")

    def __init__(self) -> None:
        super().__init__()
        self.ranges = Ranges()
        self.model: set[int] = set()

    @rule(first=SEQS, last=SEQS)
    def add(self, first: int, last: int) -> None:
        self.ranges.add(first, last)
        self.model |= set(range(first, last + 1))

    @rule(first=SEQS, last=SEQS)
    def remove(self, first: int, last: int) -> None:
        self.ranges.remove(first, last)
        self.model -= set(range(first, last + 1))

    @rule(first=SEQS, last=SEQS)
    def gaps(self, first: int, last: int) -> None:
        found = [seq for low, high in self.ranges.gaps(first, last) for seq in range(low, high + 1)]
        assert found == sorted(set(range(first, last + 1)) - self.model)

    @rule(first=SEQS, last=SEQS)
    def within(self, first: int, last: int) -> None:
        spans = self.ranges.within(first, last)
        found = [seq for low, high in spans for seq in range(low, high + 1)]
        assert found == sorted(set(range(first, last + 1)) & self.model)

    @invariant()
    def same(self) -> None:
        assert len(self.ranges) == len(self.model)
        assert all((seq in self.ranges) == (seq in self.model) for seq in range(61))
        ends = [end for span in self.ranges.spans for end in span]
        assert ends == sorted(ends)
        assert all(b[0] > a[1] + 1 for a, b in pairwise(self.ranges.spans))


TestRanges = RangesMatchSets.TestCase


def test_what_was_given_up_and_comes_after_all_is_stored_and_no_longer_lost() -> None:
    account = Account("n", 1, 0)
    account.release(10)
    assert account.losses == {UNKNOWN: 10}
    assert not account.known(4)
    account.pending.add(4)
    account.settle(4)
    assert account.losses == {UNKNOWN: 9}
    assert account.stored == 1
    assert account.known(4)


@given(st.lists(st.tuples(SEQS, st.sampled_from([None, "type", "limit"])), max_size=80))
def test_a_refused_report_may_be_stored_or_refused_anew_and_counts_once(
    arrivals: list[tuple[int, str | None]],
) -> None:
    """What is stored stays so, whatever comes later; a refusal holds until it is stored."""
    account = Account("n", 1, 0)
    stored: set[int] = set()
    refused: set[int] = set()
    for seq, reason in arrivals:
        assert account.known(seq) == (seq in stored)
        if seq in stored:
            continue
        account.settle(seq, reason)
        (refused.add if reason else refused.discard)(seq)
        if not reason:
            stored.add(seq)
        account = account_of(account_row(account))
        assert (account.stored, account.refused) == (len(stored), len(refused))
        assert account.missing_count == account.highest + 1 - len(stored | refused)


def test_only_the_newest_ranges_of_refusals_are_kept() -> None:
    account = Account("n", 1, 0)
    for seq in range(3 * MOST_RANGES):
        account.settle(seq, None if seq % 2 else "type")
    assert len(account.refusals.spans) == MOST_RANGES
    assert account.refused == 3 * MOST_RANGES // 2
    assert account.known(0)
    assert not account.known(3 * MOST_RANGES - 2)


def test_a_ledger_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(f"{UPGRADES[0]} PRAGMA user_version = 1;")
        old.execute(
            "INSERT INTO node VALUES ('n', 's', 1, 10.0, 2, 3, 4, 0, '0.1.0', '{}', '{}', 0)"
        )
        old.execute(
            "INSERT INTO account VALUES ('n', 4, 9, 9, '', '', '', 10, 0, 0, 0, 1, 2, 3, 0)"
        )
        old.commit()
    for _ in range(2):
        file = LedgerFile(path, quarantine_bytes=1 << 20)
        (node,) = file.load().nodes.values()
        file.close()
        assert (node.source, node.agent, node.totals.stored) == ("", "0.1.0", 10)
        assert node.accounts[4].known(9)


def test_a_ledger_from_the_future_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(MusterError, match=f"a ledger of version 99, this is {VERSION}"):
        LedgerFile(path, quarantine_bytes=1 << 20)


def test_what_was_before_the_ledger_is_not_counted_and_yet_stored_once() -> None:
    account = Account("n", 1, 100)
    assert account.missing() == []
    assert not account.known(50)
    account.settle(50)
    assert account.known(50)
    assert account.losses == {}
    assert account.through == 99


def test_a_jump_of_two_to_the_sixty_costs_nothing_and_is_not_believed() -> None:
    account = Account("n", 1, 0)
    assert not account.plausible(0, 2**60)
    assert not account.plausible(2**60, 2**60)
    assert account.plausible(0, 10**9)
    account.settle(10**9)
    assert account.missing() == [(0, 10**9 - 1)]


@given(st.lists(st.integers(0, 10**12), unique=True, min_size=1, max_size=200))
def test_any_seqs_keep_the_account_small(seqs: list[int]) -> None:
    account = Account("n", 1, 0)
    for seq in seqs:
        account.settle(seq)
    assert account.stored == len(seqs)
    assert account.missing_count == max(seqs) + 1 - len(seqs)


def test_every_other_seq_for_ever_costs_a_bounded_number_of_ranges() -> None:
    account = Account("n", 1, 0)
    for seq in range(1, 6 * MOST_RANGES, 2):
        assert not account.known(seq)
        account.settle(seq)
    assert len(account.beyond.spans) <= MOST_RANGES
    assert all(len(ranges.spans) <= MOST_RANGES for ranges in account.lost.values())
    lost = sum(account.losses.values())
    assert account.stored + lost + account.missing_count == account.highest + 1


def test_a_node_may_name_no_end_of_reasons() -> None:
    account = Account("n", 1, 0)
    account.expect(1000)
    for number in range(100):
        account.declare([(number * 2, number * 2, f"reason {number}")], 1000)
    assert len(account.losses) <= 17
    assert sum(account.losses.values()) == 100


def test_declared_losses_reach_no_further_than_the_report_that_names_them() -> None:
    account = Account("n", 1, 0)
    account.declare([(0, 2**62, "spool full")], 10)
    assert account.through == 9
    assert account.losses == {"spool full": 10}


def test_what_was_given_up_before_the_centre_heard_of_the_epoch_is_lost_and_counted_once() -> None:
    account = Account("n", 1, 4)
    for _ in range(2):
        account.declare([(0, 3, "spool full")], 5)
        assert account.losses == {"spool full": 4}
    assert (account.through, account.missing()) == (3, [])
    account.pending.add(2)
    account.settle(2)
    assert (account.stored, account.losses) == (1, {"spool full": 3})


def test_an_old_epoch_stays_open_while_it_drains_and_ends_after_a_while() -> None:
    node = Node("n", "s", 0, epoch=2)
    old, new = node.account(1, 0), node.account(2, 0)
    old.expect(10)
    old.last_arrival = new.last_arrival = 1_000
    assert node.end_epochs(1_000 + EPOCH_GRACE) == []
    assert node.end_epochs(1_001 + EPOCH_GRACE) == [old]
    assert node.totals.reasons == {"epoch ended": 10}
    assert node.totals.missing == 0


def test_epochs_without_end_are_folded_into_one_sum() -> None:
    node = Node("n", "s", 0, epoch=0)
    for epoch in range(40):
        account = node.account(epoch, 0)
        account.expect(2)
        account.settle(0)
        account.last_arrival = epoch
        node.archive()
    assert len(node.accounts) == MOST_EPOCHS
    assert node.totals.stored == 40
    assert node.totals.lost + node.totals.missing == 40
