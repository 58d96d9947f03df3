"""The rules of the lease, against any order of what a broker and clocks may do."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from muster_collector.lease.rules import KEEP, Candidate, Lease, State, decode

SECONDS = 10.0


def candidate(name: str, partitions: tuple[int, ...] = (1, 2)) -> Candidate:
    return Candidate(name, name.upper(), SECONDS, partitions)


def owner(name: str = "a", now: float = 0.0) -> Candidate:
    """One that has won at `now`."""
    one = candidate(name)
    one.connected(now - SECONDS)
    claim = one.due(now, 1000)
    assert claim is not None
    one.heard(claim, now)
    assert one.holds(now)
    return one


def test_a_lease_is_taken_after_a_whole_one_of_silence() -> None:
    one = candidate("a")
    one.connected(100.0)
    assert one.due(109.9, 5) is None
    claim = one.due(110.0, 5)
    assert claim is not None
    assert claim.term == 5
    assert not one.holds(110.0), "not before it came back"
    one.heard(claim, 110.5)
    assert one.holds(110.5)
    assert one.holds(110.0 + KEEP * SECONDS - 0.01), "counted from when it was sent"
    assert not one.holds(110.0 + KEEP * SECONDS)


def test_of_two_who_claim_the_first_to_reach_the_broker_has_it() -> None:
    one, two = candidate("a"), candidate("b")
    for each in (one, two):
        each.connected(0.0)
    first, second = one.due(10.0, 1), two.due(10.0, 1)
    assert first is not None
    assert second is not None
    for message in (first, second):
        one.heard(message, 10.1)
        two.heard(message, 10.1)
    assert (one.state, two.state) == (State.OWNER, State.STANDBY)
    again = one.due(10.1, 1)
    assert again is not None, "the other one's claim is what the broker kept: it is said again"
    two.heard(again, 10.2)
    assert two.due(20.1, 1) is None
    assert two.due(20.2, 1) is not None


def test_an_owner_that_slept_past_its_lease_never_renews_it() -> None:
    one = owner()
    assert one.due(60.0, 1) is None
    assert one.state is State.LOST
    late = Lease("a", "A", one.term, 0, SECONDS, (1, 2))
    one.heard(late, 60.0)
    assert not one.holds(60.0)
    assert one.due(61.0, 1) is None


def test_an_owner_that_hears_of_a_successor_after_its_time_is_over_stops() -> None:
    one = owner()
    one.heard(Lease("b", "B", one.term + 1, 0, SECONDS, (1, 2)), KEEP * SECONDS)
    assert one.state is State.LOST


def test_what_is_given_back_is_free_for_those_who_knew_of_it() -> None:
    one, two = owner(), candidate("b")
    two.connected(-5.0)
    renewal = one.due(3.0, 1)
    assert renewal is not None
    two.heard(renewal, 3.0)
    back = one.give_back(4.0)
    assert back is not None
    assert not one.holds(4.0)
    newcomer = candidate("c")
    newcomer.connected(4.0)
    for each in (two, newcomer):
        each.heard(back, 4.1)
    claim = two.due(4.1, 1)
    assert claim is not None
    assert claim.term == renewal.term + 1
    assert newcomer.due(13.9, 1) is None, "what it found may have been late"
    assert newcomer.due(14.0, 1) is not None


def test_what_is_given_back_too_late_changes_nothing() -> None:
    one = candidate("a")
    one.connected(0.0)
    one.heard(Lease("b", "B", 8, 3, SECONDS, (1, 2)), 0.1)
    one.heard(Lease("", "C", 7, 0, SECONDS, (1, 2)), 0.2)
    assert one.due(0.2, 1) is None


def test_a_claim_of_our_own_that_came_second_is_no_reason_to_claim_again() -> None:
    one = candidate("a")
    one.connected(0.0)
    claim = one.due(10.0, 1)
    assert claim is not None
    one.heard(Lease("b", "B", 1, 0, SECONDS, (1, 2)), 10.1)
    one.heard(claim, 10.2)
    assert (one.state, one.due(20.0, 1)) == (State.STANDBY, None)
    assert one.due(20.1, 1) is not None


def test_a_longer_lease_of_somebody_else_is_waited_for() -> None:
    one = candidate("a")
    one.connected(0.0)
    one.heard(Lease("b", "B", 1, 0, 60.0, (1, 2)), 1.0)
    assert one.due(60.9, 1) is None
    assert one.due(61.0, 1) is not None


def test_partitions_that_another_group_works_on_are_left_alone() -> None:
    one = candidate("a")
    one.connected(0.0)
    other = Lease("x", "X", 1, 0, SECONDS, (2, 3))
    one.heard_of_others("lease/other", other, 9.0)
    assert one.due(10.0, 1) is None
    assert one.rival(10.0) == other
    assert one.due(19.0, 1) is not None
    holder = owner()
    holder.heard_of_others("lease/other", other, 1.0)
    holder.due(1.0, 1)
    assert holder.state is State.LOST, "the older one stays"


@pytest.mark.parametrize(
    "payload", [b"x", b"[]", b"{}", b"null", b'{"v":1,"owner":"a"}', b'{"v":2}', b"\xff", b"1e999"]
)
def test_what_is_no_lease_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"lease|JSON|Expecting|codec"):
        decode(payload)


class Rivals(RuleBasedStateMachine):
    """Three collectors, one broker: never do two of them hold the lease."""

    names = ("a", "b", "c")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.ones = {name: candidate(name) for name in self.names}
        # What each has sent and the broker has not got yet; what the broker has sent to each.
        self.up: dict[str, list[Lease]] = {name: [] for name in self.names}
        self.down: dict[str, list[Lease]] = {name: [] for name in self.names}
        self.linked = dict.fromkeys(self.names, False)
        self.kept: tuple[Lease, float] | None = None
        # A stopped process sees neither time nor messages.
        self.stopped = dict.fromkeys(self.names, False)
        self.lives = 0
        self.rate = {"a": 1.0, "b": 1.1, "c": 0.95}
        """How fast their clocks go; a fifth is what the rules bear."""

    def clock(self, name: str) -> float:
        return self.now * self.rate[name] + 1000 * self.names.index(name)

    @rule(name=st.sampled_from(names))
    def connect(self, name: str) -> None:
        if self.linked[name] or self.stopped[name]:
            return
        self.linked[name] = True
        self.ones[name].connected(self.clock(name))
        if self.kept and self.now < self.kept[1]:
            self.down[name].append(self.kept[0])

    @rule(name=st.sampled_from(names))
    def cut(self, name: str) -> None:
        self.linked[name] = False
        self.up[name].clear()
        self.down[name].clear()

    @rule()
    def broker_restarts(self) -> None:
        for name in self.names:
            self.cut(name)
        self.kept = None

    @rule(name=st.sampled_from(names))
    def stop_or_go_on(self, name: str) -> None:
        self.stopped[name] = not self.stopped[name]

    @rule(name=st.sampled_from(names))
    def begins_anew(self, name: str) -> None:
        """The process is killed and started again."""
        self.cut(name)
        self.stopped[name] = False
        self.lives += 1
        self.ones[name] = candidate(f"{name}{self.lives}")

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 3.0, 8.0, 10.0, 12.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(name=st.sampled_from(names))
    def act(self, name: str) -> None:
        if self.stopped[name]:
            return
        message = self.ones[name].due(self.clock(name), 1)
        if message is not None and self.linked[name]:
            self.up[name].append(message)

    @rule(name=st.sampled_from(names))
    def give_back(self, name: str) -> None:
        if self.stopped[name]:
            return
        message = self.ones[name].give_back(self.clock(name))
        if message is not None and self.linked[name]:
            self.up[name].append(message)

    @precondition(lambda self: any(self.up.values()))
    @rule(data=st.data())
    def broker_takes(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([n for n in self.names if self.up[n]]))
        message = self.up[name].pop(0)
        self.kept = (message, self.now + SECONDS)
        for each in self.names:
            if self.linked[each]:
                self.down[each].append(message)

    @precondition(lambda self: any(self.down.values()))
    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([n for n in self.names if self.down[n]]))
        if not self.stopped[name]:
            self.ones[name].heard(self.down[name].pop(0), self.clock(name))

    @rule()
    def all_is_well_for_a_moment(self) -> None:
        for name in self.names:
            self.connect(name)
            self.act(name)
        while any(self.up.values()) or any(
            self.down[n] and not self.stopped[n] for n in self.names
        ):
            for name in self.names:
                while self.up[name]:
                    message = self.up[name].pop(0)
                    self.kept = (message, self.now + SECONDS)
                    for each in self.names:
                        if self.linked[each]:
                            self.down[each].append(message)
            for name in self.names:
                while self.down[name] and not self.stopped[name]:
                    self.ones[name].heard(self.down[name].pop(0), self.clock(name))

    @invariant()
    def at_most_one_holds(self) -> None:
        holders = [name for name in self.names if self.ones[name].holds(self.clock(name))]
        assert len(holders) <= 1

    def teardown(self) -> None:
        """Left alone, somebody works before two leases have passed."""
        self.stopped = dict.fromkeys(self.names, False)
        for name in self.names:
            if self.ones[name].state is State.LOST:
                self.begins_anew(name)
        for _ in range(40):
            self.now += SECONDS / 10
            self.all_is_well_for_a_moment()
        assert any(self.ones[name].holds(self.clock(name)) for name in self.names)


TestRivals = Rivals.TestCase
TestRivals.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)
