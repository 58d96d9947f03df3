"""Bodies compressed once and completed when they are sent."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from muster_agent import body
from muster_wire.codec import JSON_ZLIB, open_payload
from muster_wire.messages import Lost, Metric, Report

NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
FIELDS = st.dictionaries(st.text(), NUMBERS | st.booleans() | st.text())
METRICS = st.lists(
    st.builds(Metric, st.text(), st.dictionaries(st.text(), st.text(), max_size=3), FIELDS)
)
LOST = st.lists(st.builds(Lost, st.integers(0), st.integers(0), st.text()), max_size=3)
REPORT = TypeAdapter(Report)


@given(METRICS, LOST, st.integers(0, 2**62), st.integers(0, 2**40))
def test_what_arrives_is_the_report_of_the_contract(
    metrics: list[Metric], lost: list[Lost], epoch: int, seq: int
) -> None:
    stored = body.make(ts=17, every=0.5, metrics=metrics)
    message = body.payload(
        stored,
        body.Envelope(node="n", site="s", epoch=epoch, seq=seq, oldest=3, sent=18, lost=lost),
    )
    text = open_payload(message, body.content_type(stored))
    assert REPORT.validate_json(text) == Report(
        node="n",
        site="s",
        epoch=epoch,
        seq=seq,
        oldest=3,
        ts=17,
        sent=18,
        every=0.5,
        metrics=metrics,
        lost=lost,
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        body.make(ts=1, every=1, metrics=[Metric("m", {}, {"f": value})])


def test_a_body_can_be_sent_many_times() -> None:
    stored = body.make(ts=3, every=10, metrics=[Metric("m", {}, {"f": 1})])
    for oldest in (0, 1, 2):
        message = body.payload(
            stored, body.Envelope(node="n", site="s", epoch=1, seq=2, oldest=oldest, sent=4)
        )
        assert json.loads(open_payload(message, body.content_type(stored)))["oldest"] == oldest


def test_a_body_that_an_agent_without_dictionary_has_spooled_can_be_sent() -> None:
    text = b'{"v":1,"ts":3,"every":10.0,"metrics":[]'
    deflate = zlib.compressobj(6)
    stored = deflate.compress(text) + deflate.flush(zlib.Z_FULL_FLUSH)
    stored += zlib.adler32(text).to_bytes(4, "big")
    message = body.payload(
        stored, body.Envelope(node="n", site="s", epoch=1, seq=2, oldest=0, sent=4)
    )
    assert body.content_type(stored) == JSON_ZLIB
    assert json.loads(open_payload(message, JSON_ZLIB))["seq"] == 2


def test_the_dictionary_saves_a_third_of_a_small_report() -> None:
    file = Path(__file__).parents[1] / "wire" / "captured" / "0.1.0-report.zlib"
    plain = file.read_bytes()
    report = REPORT.validate_json(open_payload(plain, JSON_ZLIB))
    stored = body.make(ts=report.ts, every=report.every, metrics=report.metrics)
    message = body.payload(
        stored, body.Envelope(node="captured", site="lab", epoch=1, seq=2, oldest=0, sent=4)
    )
    assert len(message) < 2 / 3 * len(plain)
