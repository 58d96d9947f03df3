"""Payloads there and back, and what hostile ones do: nothing but `CodecError`."""

from __future__ import annotations

import contextlib
import json
import zlib
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from zlib_ng import zlib_ng

from muster_wire import dictionaries
from muster_wire.catalogue import CATALOGUE, Field, Measurement
from muster_wire.codec import (
    JSON,
    JSON_ZLIB,
    WITH_DICTIONARY,
    CodecError,
    encode,
    open_payload,
)
from muster_wire.dictionaries import freeze
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


@given(
    st.binary(max_size=600),
    st.sampled_from(["", dictionaries.NEWEST]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=3),
    st.floats(0, 1),
    st.binary(max_size=3),
)
def test_whoever_inflates_a_stream_broken_or_not_the_outcome_is_the_same(
    text: bytes, name: str, flips: list[tuple[float, int]], length: float, behind: bytes
) -> None:
    known: dict[str, Any] = {"zdict": dictionaries.load(name)} if name else {}
    deflate = zlib.compressobj(**known)
    stream = bytearray(deflate.compress(text) + deflate.flush())
    for place, change in flips:
        stream[int(place * len(stream))] ^= change
    payload = bytes(stream[: round(length * len(stream))]) + behind
    content_type = WITH_DICTIONARY + name if name else JSON_ZLIB

    def outcome(by: ModuleType) -> bytes | str:
        try:
            return open_payload(payload, content_type, limit=400, by=by)
        except CodecError as error:
            return str(error).split(":")[0]

    assert outcome(zlib_ng) == outcome(zlib)


@given(st.binary(max_size=300), st.text(max_size=30), st.binary(max_size=40))
def test_whatever_dictionary_is_named_it_is_known_or_refused(
    text: bytes, name: str, noise: bytes
) -> None:
    with contextlib.suppress(CodecError):
        open_payload(noise, WITH_DICTIONARY + name, limit=1000)
    for known in dictionaries.names():
        deflate = zlib.compressobj(zdict=dictionaries.load(known))
        payload = deflate.compress(text) + deflate.flush()
        assert open_payload(payload, WITH_DICTIONARY + known) == text


def test_an_unknown_dictionary_is_refused_with_the_known_ones() -> None:
    payload = zlib.compress(b"{}")
    for name in ("00000000", "../codec", "", dictionaries.NEWEST.upper() + "x"):
        with pytest.raises(CodecError, match=f"is not among .*{dictionaries.NEWEST}.*: update"):
            open_payload(payload, WITH_DICTIONARY + name)


def test_a_stream_with_a_dictionary_that_nobody_names_is_refused() -> None:
    deflate = zlib.compressobj(zdict=b"something")
    payload = deflate.compress(b"something") + deflate.flush()
    with pytest.raises(CodecError, match="needs a dictionary: name it"):
        open_payload(payload, JSON_ZLIB)
    with pytest.raises(CodecError, match="not zlib"):
        open_payload(payload, WITH_DICTIONARY + dictionaries.NEWEST)


def test_dictionaries_are_what_their_names_say_for_ever() -> None:
    for name in dictionaries.names():
        assert freeze.name_of(dictionaries.load(name)) == name
    assert dictionaries.NEWEST in dictionaries.names()


def test_the_newest_dictionary_knows_most_of_the_catalogue() -> None:
    """When this fails: `python -m muster_wire.dictionaries.freeze`, and set NEWEST."""
    newest = dictionaries.load(dictionaries.NEWEST).decode()
    fields = [f'"{f.name}":' for m in CATALOGUE for f in m.fields]
    assert sum(field in newest for field in fields) > 0.9 * len(fields)


def test_a_dictionary_is_made_the_same_way_each_time() -> None:
    catalogue = (
        Measurement(
            "m",
            ("t",),
            tuple(Field(k, k, "1", "gauge", "x") for k in ("int", "float", "bool", "str")),
        ),
    )
    made = json.loads(freeze.make(catalogue))
    assert made["metrics"] == [
        {
            "name": "m",
            "tags": {"t": ""},
            "fields": {"int": 0, "float": 0.0, "bool": False, "str": ""},
        }
    ]
    assert freeze.make() == freeze.make()


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
