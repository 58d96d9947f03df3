"""What is sent and what an ack means, against a broker and a collector that lose things at will."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from muster_agent import settings
from muster_agent.delivery import ANEW_PAUSE, CROSSING, REFUSED_PAUSE, Delivery
from muster_agent.keeper import Keeper
from muster_agent.spool import Edges
from muster_agent.together import Together
from muster_wire.messages import Ack, Lost, Refused


class Clock:
    """Time that stands unless it is told to go."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def wall(self) -> int:
        return int(self.now * 1000)

    def monotonic(self) -> float:
        return self.now


class Node:
    """A spool and its delivery, with time of their own."""

    def __init__(self, folder: str, *, batch: int = 1, **limits: float) -> None:
        self.batch = batch
        self.clock = Clock()
        self.limits = settings.Uplink(**{"window": 4, "backlog_per_second": 10, **limits})  # type: ignore[arg-type] # whole numbers are numbers
        self.path = f"{folder}/spool.db"
        self.mid = 0
        self.count = -1
        self.start()

    def start(self) -> None:
        self.keeper = Keeper(settings.Spool(path=self.path), self.clock)
        together = Together(60.0 * self.batch, 60.0)
        self.delivery = Delivery(self.keeper, self.limits, self.clock.now, together)
        self.epoch = self.keeper.epoch

    def make(self, count: int = 1) -> None:
        for _ in range(count):
            self.count += 1
            key = self.keeper.append(self.clock.wall(), b"%d" % self.count)
            self.delivery.made(*key, self.clock.now)

    def send(self, *, taken: bool = True) -> list[int]:
        """Everything that may go now."""
        sent: list[int] = []
        while (key := self.delivery.pick(self.clock.now)) is not None:
            if self.keeper.body(*key) is None:
                self.delivery.gone(key)
                continue
            self.mid += 1
            keys = self.delivery.with_others(key)
            self.delivery.sent(keys, self.mid, self.clock.now)
            sent += [seq for _, seq in keys]
            if taken:
                self.delivery.taken(self.mid)
        return sent

    def ack(self, through: int, missing: object = (), refused: object = ()) -> None:
        ack = Ack(self.epoch, through, list(missing), list(refused))  # type: ignore[call-overload] # any iterables
        self.delivery.acked(ack, self.clock.now)

    def restart(self) -> None:
        self.keeper.close()
        self.start()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(str(tmp_path))
    yield made
    made.keeper.close()


def test_the_newest_first_then_the_oldest_at_a_bounded_rate(node: Node) -> None:
    node.make(30)
    assert node.send() == [29, 0]
    node.clock.now += 0.125
    assert node.send() == [1]
    assert node.delivery.wake(node.clock.now) == pytest.approx(0.075, abs=1e-6)
    node.make()
    assert node.send() == [30], "what is new is not rationed"
    node.clock.now += 100
    assert node.send() == [2, 3, 4, 5], "idle time saves up no burst beyond the window"


def test_no_more_than_the_window_is_on_its_way(node: Node) -> None:
    node.make(30)
    node.clock.now += 10
    assert len(node.send(taken=False)) == 4
    assert node.delivery.wake(node.clock.now) == math.inf
    node.delivery.taken(1)
    assert len(node.send(taken=False)) == 1


def test_what_the_broker_had_not_taken_goes_again_and_the_rest_does_not(node: Node) -> None:
    node.make()
    assert node.send() == [0]
    node.make()
    assert node.send(taken=False) == [1]
    node.delivery.disconnected()
    assert node.send() == [1]
    assert node.delivery.resends == 1
    node.delivery.disconnected()
    assert node.send() == []


def test_a_refusal_of_the_broker_pauses_and_keeps(node: Node) -> None:
    node.make()
    node.send(taken=False)
    node.delivery.refused(1, node.clock.now)
    assert node.send() == []
    assert node.delivery.wake(node.clock.now) == REFUSED_PAUSE
    node.clock.now += REFUSED_PAUSE
    assert node.send() == [0]


def test_an_ack_that_crossed_a_report_does_not_repeat_it(node: Node) -> None:
    for _ in range(3):
        node.make()
        node.send()
    node.ack(-1, [(0, 2)])
    assert node.send() == []
    node.clock.now += CROSSING + 1
    node.ack(-1, [(0, 2)])
    node.ack(-1, [(0, 2)])
    assert node.send() == [0, 1, 2]
    assert node.delivery.resends == 3


def test_after_a_new_connection_no_ack_can_have_crossed_what_went_before(node: Node) -> None:
    node.make()
    node.send()
    node.delivery.disconnected()
    node.ack(-1, [(0, 0)])
    assert node.send() == [0]


def test_nothing_is_sent_blindly_after_a_restart(node: Node) -> None:
    node.make(3)
    node.restart()
    node.clock.now += 60
    assert node.send() == []
    assert node.delivery.stale(node.clock.now)
    node.ack(0, [(1, 2)])
    assert node.send() == [1, 2]


def test_no_ack_settles_what_was_never_sent(node: Node) -> None:
    node.make(6)
    assert node.send() == [5, 0]
    node.ack(5)
    edges = node.keeper.edges(node.epoch)
    assert edges is not None
    assert edges.oldest == 1
    assert node.delivery.ignored == 1
    node.clock.now += 10
    assert node.send() == [1, 2, 3, 4]


def test_an_ack_of_an_unknown_epoch_is_ignored(node: Node) -> None:
    node.make()
    node.send()
    node.delivery.acked(Ack(node.epoch + 1, 0), node.clock.now)
    assert node.keeper.depth == 1
    assert node.delivery.ignored == 1


def test_a_spool_that_is_an_older_copy_of_itself_begins_anew(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    node.make(5)
    node.ack(1)
    node.restart()
    old = node.epoch
    node.make(3)
    assert node.send(taken=False) == [7, 5], "these numbers were used before"
    node.clock.now += 60
    node.ack(100, [(3, 3), (60, 70)])
    new = node.keeper.epoch
    assert new != old
    assert node.keeper.edges(new) == Edges(0, 3)
    node.delivery.disconnected()
    sent = []
    while (key := node.delivery.pick(node.clock.now)) is not None:
        sent.append((key[0], node.keeper.body(*key)))
        node.delivery.sent([key], len(sent) + 100, node.clock.now)
    assert sent == [(new, b"7"), (new, b"5"), (new, b"6")]
    node.make()
    assert node.keeper.epochs() == [new], "all of the old epoch is settled"
    assert node.keeper.begun == 1
    assert capsys.readouterr().err.count("an older copy of itself") == 1


def test_a_centre_that_is_wrong_ends_one_epoch_and_not_all(node: Node) -> None:
    node.make(2)
    node.clock.now += 10
    node.send()
    for _ in range(5):
        node.epoch = node.keeper.epoch
        node.ack(10**9)
        node.clock.now += 10
        node.send()
    assert node.keeper.begun == 2
    assert node.delivery.ignored == 4
    assert node.keeper.depth == 2
    node.clock.now += ANEW_PAUSE
    node.ack(10**9)
    assert node.keeper.begun == 3


def test_a_failing_disk_does_not_stop_a_new_epoch_from_being_tried(node: Node) -> None:
    node.make(2)
    assert node.keeper.disk is not None
    node.keeper.disk.db.execute("PRAGMA query_only = ON")
    node.ack(5)
    assert node.delivery.ignored == 1
    assert node.keeper.depth == 2
    node.keeper.disk.db.execute("PRAGMA query_only = OFF")


def test_missing_that_is_settled_here_is_declared_and_not_twice(node: Node) -> None:
    node.make(5)
    node.clock.now += 10
    node.send()
    node.clock.now += 10
    node.send()
    node.ack(4)
    for _ in range(2):
        node.ack(1, [(2, 3)])
    assert node.keeper.lost(node.epoch) == [Lost(2, 3, "not in spool")]
    node.ack(4)
    assert node.keeper.lost(node.epoch) == []


def test_a_refused_report_is_dropped_and_can_not_be_asked_for(node: Node) -> None:
    for _ in range(3):
        node.make()
        node.send()
    node.ack(0, (), [Refused(1, "too large"), Refused(99, "never made"), Refused(-1, "nor this")])
    node.clock.now += 2 * CROSSING
    node.ack(0, [(1, 1)])
    assert node.send() == []
    assert node.keeper.lost(node.epoch) == [Lost(1, 1, "not in spool")]


def test_silence_is_noticed_only_while_reports_wait(node: Node) -> None:
    node.clock.now += 1000
    assert not node.delivery.stale(node.clock.now)
    node.make()
    node.send()
    node.clock.now += 59
    assert not node.delivery.stale(node.clock.now)
    node.clock.now += 1
    assert node.delivery.stale(node.clock.now)
    node.delivery.asked(node.clock.now)
    assert not node.delivery.stale(node.clock.now)
    node.ack(0)
    node.clock.now += 1000
    assert not node.delivery.stale(node.clock.now)


def test_older_epochs_go_out_unasked_because_no_birth_tells_of_them(node: Node) -> None:
    node.make(3)
    assert node.keeper.disk is not None
    old = node.epoch
    node.keeper.disk.begin(old + 1)
    node.restart()
    node.clock.now += 10
    assert node.send() == [0, 1, 2]
    assert {key[0] for key in node.delivery._recent} == {old}
    node.delivery.acked(Ack(old, 2), node.clock.now)
    assert node.keeper.depth == 0


def test_an_ended_epoch_that_nobody_speaks_of_is_brought_up_again(node: Node) -> None:
    node.make(4)
    node.clock.now += 10
    assert node.send() == [3, 0, 1, 2]
    old = node.epoch
    assert node.keeper.disk is not None
    node.keeper.disk.begin(old + 1)
    node.epoch = old + 1
    node.make()
    assert node.send() == [0]
    for _ in range(9):
        node.clock.now += node.limits.ack_timeout / 10
        node.ack(0)
        assert node.send() == [], "the centre speaks of the new epoch only"
    node.clock.now += node.limits.ack_timeout / 10 + 1
    assert node.send() == [0, 3], "all that is missing lies between these"
    assert node.send() == []
    node.delivery.acked(Ack(old, 0, [(1, 2)]), node.clock.now)
    node.clock.now += CROSSING
    node.delivery.acked(Ack(old, 0, [(1, 2)]), node.clock.now)
    assert node.send() == [1, 2]
    node.delivery.acked(Ack(old, 3), node.clock.now)
    node.clock.now += 10 * node.limits.ack_timeout
    assert node.send() == [], "nothing of it is left"


def test_what_was_given_up_for_room_is_not_planned_any_more(tmp_path: Path) -> None:
    node = Node(str(tmp_path))
    assert node.keeper.disk is not None
    node.keeper.disk.max_bytes = 300
    node.make(50)
    node.clock.now += 100
    edges = node.keeper.edges(node.epoch)
    assert edges is not None
    sent: list[int] = []
    for _ in range(10):
        sent += node.send()
        node.clock.now += 10
    assert sent == [49, *range(edges.oldest, 49)]
    assert node.keeper.lost(node.epoch) == [Lost(0, edges.oldest - 1, "spool full")]
    node.ack(49)
    assert node.keeper.depth == 0
    node.keeper.close()


@pytest.fixture
def metered(tmp_path: Path) -> Iterator[Node]:
    made = Node(str(tmp_path), batch=5)
    yield made
    made.keeper.close()


def test_reports_wait_until_there_are_enough_and_go_together(metered: Node) -> None:
    now = metered.clock
    for seq in range(4):
        metered.make()
        assert metered.send() == []
        assert metered.delivery.wake(now.now) == pytest.approx(300 - 60 * seq)
        now.now += 60
    metered.make()
    assert metered.send() == [0, 1, 2, 3, 4]
    assert metered.mid == 1, "in one message"
    assert metered.delivery.wake(now.now) == math.inf


def test_reports_go_when_the_first_has_waited_long_enough_or_the_agent_ends(metered: Node) -> None:
    metered.make(2)
    metered.clock.now += 299
    assert metered.send() == []
    metered.clock.now += 1
    assert metered.send() == [0, 1]
    metered.make(2)
    metered.delivery.together.hurry()
    assert metered.send() == [2, 3]


def test_after_an_outage_the_newest_go_first_and_the_backlog_goes_together_too(
    metered: Node,
) -> None:
    metered.make(13)
    assert metered.send() == [8, 9, 10, 11, 12, 0, 1, 2, 3, 4]
    metered.make()
    metered.clock.now += 1
    assert metered.send() == [5, 6, 7], "what is new waits again"


def test_a_centre_is_not_asked_about_what_waits(metered: Node) -> None:
    metered.make(3)
    assert metered.delivery.edges(metered.epoch) == Edges(0, 0)
    metered.clock.now += 120
    assert not metered.delivery.stale(metered.clock.now)
    metered.ack(-1, missing=[(0, 2)])
    metered.clock.now += 60
    assert metered.send() == []
    metered.make(2)
    assert metered.send() == [0, 1, 2, 3, 4]
    metered.make()
    assert metered.delivery.edges(metered.epoch) == Edges(0, 5)
    metered.clock.now += 60
    assert metered.delivery.stale(metered.clock.now), "about those that went"
    metered.ack(4)
    metered.clock.now += 200
    assert not metered.delivery.stale(metered.clock.now)


def test_a_message_that_the_broker_did_not_take_goes_again_as_a_whole(metered: Node) -> None:
    metered.make(5)
    assert metered.send(taken=False) == [0, 1, 2, 3, 4]
    metered.delivery.disconnected()
    assert metered.send() == [0, 1, 2, 3, 4]
    assert metered.delivery.resends == 5


class World(RuleBasedStateMachine):
    """A node, a broker that forgets, a collector that is told what to have: all in any order."""

    batch = 1

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.node = Node(self.folder.name, batch=self.batch)
        self.made = 0
        self.broker: list[int] = []
        self.stored: set[int] = set()
        self.flying: dict[int, list[int]] = {}

    def teardown(self) -> None:
        self.drain()
        self.node.keeper.close()
        self.folder.cleanup()

    def through(self) -> int:
        through = -1
        while through + 1 in self.stored:
            through += 1
        return through

    def missing(self, end: int) -> list[tuple[int, int]]:
        return [(n, n) for n in range(self.through() + 1, end) if n not in self.stored]

    @rule(count=st.integers(1, 6))
    def sample(self, count: int) -> None:
        self.node.make(count)
        self.made += count

    @rule(seconds=st.sampled_from([0.05, 1.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.node.clock.now += seconds

    @rule()
    def send(self) -> None:
        node = self.node
        while (key := node.delivery.pick(node.clock.now)) is not None:
            node.mid += 1
            keys = node.delivery.with_others(key)
            assert key in keys
            assert len(keys) <= self.batch
            for one in keys:
                assert node.keeper.body(*one) == b"%d" % one[1]
            node.delivery.sent(keys, node.mid, node.clock.now)
            self.flying[node.mid] = [seq for _, seq in keys]

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def broker_takes(self, data: st.DataObject) -> None:
        mid = data.draw(st.sampled_from(sorted(self.flying)))
        self.broker += self.flying.pop(mid)
        self.node.delivery.taken(mid)

    @rule(arrived=st.booleans())
    def connection_breaks(self, *, arrived: bool) -> None:
        if arrived:
            self.broker += chain.from_iterable(self.flying.values())
        self.flying.clear()
        self.node.delivery.disconnected()

    @rule()
    def broker_forgets(self) -> None:
        self.broker.clear()

    @rule()
    def collector_stores(self) -> None:
        self.stored |= set(self.broker)
        self.broker.clear()

    @rule()
    def collector_acks(self) -> None:
        end = max(self.stored, default=-1)
        self.node.ack(self.through(), self.missing(end))

    @rule()
    def agent_restarts(self) -> None:
        self.flying.clear()
        self.node.restart()

    @invariant()
    def what_is_not_stored_is_in_the_spool(self) -> None:
        for seq in set(range(self.made)) - self.stored:
            assert self.node.keeper.body(self.node.epoch, seq) is not None

    @invariant()
    def nothing_is_in_two_plans(self) -> None:
        delivery, epoch = self.node.delivery, self.node.epoch
        flying = {seq for _, seq in chain.from_iterable(delivery.flight.values())}
        for seq in range(self.made):
            plans = (delivery.unsent.get(epoch, ()), delivery.again.get(epoch, ()), flying)
            assert sum(seq in plan for plan in plans) <= 1

    def drain(self) -> None:
        """Once all is well again, everything arrives and the spool is empty."""
        for _ in range(100):
            self.send()
            for mid in list(self.flying):
                self.broker += self.flying.pop(mid)
                self.node.delivery.taken(mid)
            self.collector_stores()
            # What a birth brings about: the tail is missing too.
            self.node.ack(self.through(), self.missing(self.made))
            self.node.clock.now += CROSSING + 1
            if len(self.stored) == self.made:
                break
        assert self.stored == set(range(self.made))
        assert self.node.keeper.depth == 0


class MeteredWorld(World):
    """The same with reports that wait for each other."""

    batch = 3


TestWorld = World.TestCase
TestMeteredWorld = MeteredWorld.TestCase
TestWorld.settings = TestMeteredWorld.settings = hypothesis_settings(
    max_examples=40,
    stateful_step_count=40,
)
