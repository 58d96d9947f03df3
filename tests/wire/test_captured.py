"""Payloads that released agents have really sent; each of them must be understood for ever.

To capture a new version's: `python -m wire.capture`, or run it against a broker and write what
arrives to `captured/VERSION-KIND.TYPE`, where TYPE is json, zlib for application/json+zlib, or the
name of the dictionary.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from muster_wire import VERSION, dictionaries
from muster_wire.catalogue import types
from muster_wire.codec import JSON, JSON_ZLIB, WITH_DICTIONARY, open_payload
from muster_wire.deltas import restore
from muster_wire.messages import Birth, Report, Status

CAPTURED = sorted((Path(__file__).parent / "captured").iterdir())
KINDS: dict[str, TypeAdapter[Report | Birth | Status]] = {
    "report": TypeAdapter(Report),
    "birth": TypeAdapter(Birth),
    "status": TypeAdapter(Status),
}
CONTENT_TYPES = {".json": JSON, ".zlib": JSON_ZLIB}
CONTENT_TYPES |= {f".{name}": WITH_DICTIONARY + name for name in dictionaries.names()}
TYPES = {int: "int", float: "float", bool: "bool", str: "str"}


def read(file: Path) -> Report | Birth | Status:
    text = open_payload(file.read_bytes(), CONTENT_TYPES[file.suffix])
    return KINDS[file.stem.rpartition("-")[2]].validate_json(text)


@pytest.mark.parametrize("file", CAPTURED, ids=lambda file: file.name)
def test_it_is_understood(file: Path) -> None:
    message = read(file)
    assert (message.v, message.node, message.site) == (VERSION, "captured", "lab")


def opened(file: Path) -> list[Report]:
    """The reports of a message; the base of one that is told stands beside it."""
    report = read(file)
    assert isinstance(report, Report)
    if report.base is not None:
        (base,) = opened(file.with_stem(file.stem.replace("-told-", "-kept-")))
        assert (base.epoch, base.seq, base.keep) == (report.epoch, report.base, True)
        report.metrics = restore(report.delta, base.metrics) + report.metrics
    made = [report]
    for later in report.later:
        metrics = restore(later.delta, made[-1].metrics) + later.metrics
        made.append(replace(report, seq=later.seq, ts=later.ts, metrics=metrics))
    return made


@pytest.mark.parametrize("file", [f for f in CAPTURED if "report" in f.name], ids=lambda f: f.name)
def test_its_fields_have_kept_their_types(file: Path) -> None:
    catalogue = types()
    for report in opened(file):
        sent = {(m.name, f): TYPES[type(v)] for m in report.metrics for f, v in m.fields.items()}
        assert len(sent) > 40
        assert sent == {key: catalogue[key[0]][key[1]] for key in sent}


@pytest.mark.parametrize("what", ["-kept-", "-told-", "-together-"])
def test_every_way_to_send_reports_has_been_captured(what: str) -> None:
    files = [file for file in CAPTURED if what in file.name]
    assert files
    for file in files:
        reports = opened(file)
        times = [report.ts for report in reports]
        assert times == sorted(set(times))
        assert len(reports) == (6 if what == "-together-" else 1)


def test_every_kind_has_been_captured() -> None:
    assert {f.stem.rpartition("-")[2] for f in CAPTURED} == set(KINDS)
