"""Payloads there and back, and what hostile ones do: nothing but `CodecError`."""

from __future__ import annotations

import contextlib
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from muster_wire.codec import JSON, JSON_ZLIB, CodecError, encode, open_payload
from muster_wire.messages import Ack, Birth, Lost, Metric, Refused, Report, Status

INTEGERS = st.integers(-(2**63), 2**63 - 1)
VALUES = INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.text()
NAMES = st.text(max_size=20)
METRICS = st.builds(
    Metric, NAMES, st.dictionaries(NAMES, NAMES, max_size=3), st.dictionaries(NAMES, VALUES)
)
LOST = st.builds(Lost, INTEGERS, INTEGERS, NAMES)
EVERY = st.floats(0.1, 1e6)
REPORTS = st.builds(
    Report,
    node=NAMES,
    site=NAMES,
    epoch=INTEGERS,
    seq=INTEGERS,
    oldest=INTEGERS,
    ts=INTEGERS,
    sent=INTEGERS,
    every=EVERY,
    metrics=st.lists(METRICS, max_size=8),
    lost=st.lists(LOST, max_size=3),
)
BIRTHS = st.builds(
    Birth,
    node=NAMES,
    site=NAMES,
    epoch=INTEGERS,
    oldest=INTEGERS,
    next=INTEGERS,
    ts=INTEGERS,
    every=EVERY,
    agent=NAMES,
    sensors=st.lists(NAMES, max_size=3),
    inventory=st.dictionaries(NAMES, VALUES, max_size=3),
)
STATUSES = st.builds(
    Status, node=NAMES, site=NAMES, state=st.sampled_from(["online", "offline"]), ts=INTEGERS
)
ACKS = st.builds(
    Ack,
    epoch=INTEGERS,
    through=INTEGERS,
    missing=st.lists(st.tuples(INTEGERS, INTEGERS), max_size=5),
    refused=st.lists(st.builds(Refused, INTEGERS, NAMES), max_size=3),
)


@given(REPORTS | BIRTHS | STATUSES | ACKS)
def test_every_message_comes_back_as_it_went(message: Report | Birth | Status | Ack) -> None:
    payload, content_type = encode(message)
    adapter: TypeAdapter[object] = TypeAdapter(type(message))
    assert adapter.validate_json(open_payload(payload, content_type)) == message


@given(st.binary(max_size=2000), st.sampled_from([JSON, JSON_ZLIB, None, "", "text/plain"]))
def test_whatever_comes_is_opened_or_refused(payload: bytes, content_type: str | None) -> None:
    with contextlib.suppress(CodecError):
        assert len(open_payload(payload, content_type, limit=1000)) <= 1000


def test_large_messages_are_compressed_and_small_ones_are_not() -> None:
    small, large = Ack(1, 1), Ack(1, 1, [(n, n) for n in range(0, 400, 2)])
    assert encode(small).content_type == JSON
    assert json.loads(encode(small).payload) == {
        "epoch": 1,
        "through": 1,
        "missing": [],
        "refused": [],
        "v": 1,
    }
    assert encode(large).content_type == JSON_ZLIB


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    bomb = zlib.compress(b"0" * (1 << 26), 9)
    assert len(bomb) < 100_000
    with pytest.raises(CodecError, match="larger than 1048576 bytes"):
        open_payload(bomb, JSON_ZLIB)


@pytest.mark.parametrize("cut", [1, 4, 5, 20])
def test_cut_data_is_refused(cut: int) -> None:
    with pytest.raises(CodecError, match="zlib"):
        open_payload(zlib.compress(b"[1, 2, 3]" * 20)[:-cut], JSON_ZLIB)


def test_something_behind_the_data_is_refused() -> None:
    with pytest.raises(CodecError, match="something behind"):
        open_payload(zlib.compress(b"[]") + b"x", JSON_ZLIB)


def test_a_flipped_bit_is_refused() -> None:
    whole = bytearray(zlib.compress(b"[1, 2, 3]" * 20))
    whole[-1] ^= 1
    with pytest.raises(CodecError, match="not zlib"):
        open_payload(bytes(whole), JSON_ZLIB)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nothing_that_is_not_finite_is_encoded(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        encode(Metric("m", {}, {"f": value}))


def test_only_messages_are_encoded() -> None:
    with pytest.raises(TypeError, match="object is not a message"):
        encode(object())
