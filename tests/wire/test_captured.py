"""Payloads that released agents have really sent; each of them must be understood for ever.

To capture a new version's: run it against a broker and write what arrives to
`captured/VERSION-KIND.TYPE`, where TYPE is json, zlib for application/json+zlib, or the name of the
dictionary.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from muster_wire import VERSION, dictionaries
from muster_wire.catalogue import types
from muster_wire.codec import JSON, JSON_ZLIB, WITH_DICTIONARY, open_payload
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


@pytest.mark.parametrize("file", [f for f in CAPTURED if "report" in f.name], ids=lambda f: f.name)
def test_its_fields_have_kept_their_types(file: Path) -> None:
    report = read(file)
    assert isinstance(report, Report)
    catalogue = types()
    sent = {(m.name, f): TYPES[type(v)] for m in report.metrics for f, v in m.fields.items()}
    assert len(sent) > 40
    assert sent == {key: catalogue[key[0]][key[1]] for key in sent}


def test_every_kind_has_been_captured() -> None:
    assert {f.stem.rpartition("-")[2] for f in CAPTURED} == set(KINDS)
