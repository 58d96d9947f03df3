"""What a node tells against a report that the centre holds, and what it does when that is lost."""

from __future__ import annotations

from muster_agent.compact import RENEWED, Compact, Full
from muster_agent.together import Key
from muster_wire.messages import Ack, Metric

EPOCH = 7


class Node:
    """A node whose reports all go out at once."""

    def __init__(self, *, on: bool = True) -> None:
        self.compact = Compact(on=on)
        self.seq = -1

    def report(self) -> str:
        """One report: how it was sent."""
        self.seq += 1
        compact, key = self.compact, (EPOCH, self.seq)
        compact.made(Full(key, 0, 10.0, [Metric("mem", {}, {"used": self.seq})]))
        told = compact.against(key) is not None
        kept = compact.keeps(key)
        assert not (told and kept)
        compact.sent(key, told=told, kept=kept)
        return "told" if told else "kept" if kept else "full"

    def ack(self, base: int | None, through: int = -1, epoch: int = EPOCH) -> list[Key]:
        return list(self.compact.acked(Ack(epoch, through, base=base)))


def test_nothing_is_told_before_an_ack_has_named_the_base() -> None:
    node = Node()
    assert [node.report() for _ in range(3)] == ["kept", "full", "full"]
    assert node.ack(0) == []
    assert [node.report() for _ in range(3)] == ["told"] * 3


def test_a_centre_that_does_not_understand_gets_all_in_full() -> None:
    node = Node()
    for _ in range(3):
        assert node.report() != "told"
        assert node.ack(None, node.seq) == []
    assert not node.compact.understood


def test_one_that_is_switched_off_never_asks() -> None:
    node = Node(on=False)
    assert [node.report() for _ in range(2)] == ["full"] * 2
    node.ack(-1)
    assert node.compact.understood


def test_what_the_centre_could_not_read_goes_again_and_a_new_base_is_asked_for() -> None:
    node = Node()
    node.report()
    node.ack(0, through=0)
    assert [node.report() for _ in range(4)] == ["told"] * 4
    node.ack(0, through=2)
    assert node.ack(-1, through=2) == [(EPOCH, 3), (EPOCH, 4)]
    assert node.report() == "kept"
    assert node.ack(-1, through=4) == [], "this ack crossed the new base"
    assert node.ack(5, through=5) == []
    assert node.report() == "told"


def test_acks_of_other_epochs_and_of_the_former_base_change_nothing() -> None:
    node = Node()
    node.report()
    node.ack(0)
    node.report()
    assert node.ack(-1, epoch=3) == []
    while node.report() == "told":
        pass
    assert node.seq == RENEWED + 1, "the base is renewed"
    assert node.ack(0) == []
    assert node.report() == "full"
    node.ack(RENEWED + 1)
    assert node.report() == "told"


def test_a_base_that_was_on_its_way_when_the_link_broke_is_asked_for_again() -> None:
    node = Node()
    node.report()
    node.compact.disconnected()
    assert node.report() == "kept"
    node.ack(1)
    node.compact.disconnected()
    assert node.report() == "told", "the centre holds it whatever the link does"


def test_a_centre_without_room_is_asked_again_only_after_a_while() -> None:
    node = Node()
    assert node.report() == "kept"
    forms = []
    for _ in range(RENEWED + 1):
        node.ack(-1)
        forms.append(node.report())
    assert forms == ["full"] * RENEWED + ["kept"]


def test_a_base_is_what_was_sent_whatever_a_sensor_does_with_it() -> None:
    node = Node()
    metrics = [Metric("mem", {}, {"used": 1})]
    node.compact.made(Full((EPOCH, 0), 0, 10.0, metrics))
    node.compact.sent((EPOCH, 0), told=False, kept=True)
    metrics[0].fields["used"] = 2
    node.ack(0)
    assert node.compact.base is not None
    assert node.compact.base.metrics == [Metric("mem", {}, {"used": 1})]


def test_a_report_of_another_epoch_is_told_against_nothing() -> None:
    node = Node()
    node.report()
    node.ack(0)
    node.compact.made(Full((EPOCH + 1, 0), 0, 10.0, []))
    assert node.compact.against((EPOCH + 1, 0)) is None
