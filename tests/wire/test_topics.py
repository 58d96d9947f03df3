"""Topics there and back, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster_wire import topics
from muster_wire.topics import KINDS, PARTITIONS, Topic, TopicError, parse, partition, topic

NAMES = st.from_regex(topics.NAME, fullmatch=True)


@given(NAMES, NAMES, st.sampled_from(KINDS), st.sampled_from(["muster/v1", "a", "a/b/c"]))
def test_a_topic_comes_back_as_its_parts(site: str, node: str, kind: str, root: str) -> None:
    text = topic(site, node, kind, root=root)
    assert parse(text, root=root) == Topic(partition(node), site, node, kind)


@given(st.text())
def test_any_other_text_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(TopicError) as caught:
        parse(f"muster/v1/{text}")
    assert len(str(caught.value)) < 800


@given(NAMES)
def test_every_node_has_a_partition(node: str) -> None:
    assert 0 <= partition(node) < PARTITIONS


def test_the_partition_is_the_same_for_ever() -> None:
    # CRC-32 of "a" is E8B7BE43 and of "123456789" CBF43926 in every table of check values.
    assert partition("a") == 0xE8B7BE43 % 64
    assert partition("123456789") == 0xCBF43926 % 64


WRONG = {
    "another root": "other/00/s/n/report",
    "no partition": "muster/v1/s/n/report",
    "the wrong partition": "muster/v1/63/s/a/report",
    "a partition of one digit": "muster/v1/3/s/a/report",
    "an unknown kind": "muster/v1/03/s/a/gossip",
    "too short": "muster/v1/03/s",
    "capitals": "muster/v1/03/S/a/report",
    "an empty node": "muster/v1/00/s//report",
    "a wildcard": "muster/v1/03/+/a/report",
    "something behind": "muster/v1/03/s/a/report/more",
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_outside_the_scheme_is_refused(case: str) -> None:
    with pytest.raises(TopicError):
        parse(WRONG[case])


def test_a_name_longer_than_63_is_refused() -> None:
    assert topics.check_name("x" * 63, "node")
    with pytest.raises(TopicError, match="1 to 63 of"):
        topics.check_name("x" * 64, "node")


def test_a_name_does_not_end_in_a_newline() -> None:
    with pytest.raises(TopicError):
        topics.check_name("node\n", "node")
