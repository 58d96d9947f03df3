"""What the fuzzer starts from: good messages of every format, and what has broken others before."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from collector.centre import NOW, birth, report

from muster_wire import dictionaries
from muster_wire.codec import JSON, JSON_ZLIB, WITH_DICTIONARY

TESTS = Path(__file__).parents[1]
KINDS = ("report", "birth", "status", "config/state")


class Message(NamedTuple):
    """What comes from the broker; `door` is a kind of Muster's messages or a source's format."""

    door: str
    payload: bytes
    content_type: str


def seeds() -> list[Message]:
    """All of them, each also compressed in every way."""
    texts = [(kind, text) for kind in KINDS for text in (*good(kind), *bad())]
    return [*messages(texts), *captured(), *sources()]


def messages(texts: list[tuple[str, bytes]]) -> Iterator[Message]:
    for kind, text in texts:
        yield Message(kind, text, JSON)
        yield Message(kind, zlib.compress(text, 9), JSON_ZLIB)
        for name in dictionaries.names():
            squeezer = zlib.compressobj(9, zdict=dictionaries.load(name))
            squeezed = squeezer.compress(text) + squeezer.flush()
            yield Message(kind, squeezed, WITH_DICTIONARY + name)


def good(kind: str) -> list[bytes]:
    who = {"v": 1, "node": "n1", "site": "s1"}
    made: dict[str, Any] = {
        "report": report(3, oldest=1, lost=[{"first": 0, "last": 0, "reason": "spool full"}]),
        "birth": birth(),
        "status": who | {"state": "online", "ts": 5, "reason": ""},
        "config/state": who | {"state": "applied", "id": "7", "ts": 5, "reason": ""},
    }
    return [json.dumps(made[kind]).encode(), *(deltas() if kind == "report" else ())]


def base() -> Message:
    """A wide report that the centre is asked to hold, for the deltas that are told against it."""
    metrics = [
        {
            "name": f"m{n}",
            "tags": {"n": str(n)},
            "fields": {"a": n, "b": n / 2, "c": True, "d": "x"},
        }
        for n in range(750)
    ]
    return Message("report", json.dumps(report(1, metrics=metrics, keep=True)).encode(), JSON)


def deltas() -> list[bytes]:
    """Reports told against that base: alike, changed, several in a message, as much as goes in."""
    told: list[dict[str, Any]] = [
        {"delta": [[]] * 750},
        {"delta": [[5, 0, 0, 0], [1, 500], 740, [[9], [0.5], 0, ["y"]], [], *[[-1]] * 6]},
        {"delta": [748, [[True]], [[10**400]]]},
        {"delta": [-5, 2**70, [], None, {}, "x", [[[]]], [None]]},
        {"delta": [2**70]},
        {"delta": [[]] * 20, "metrics": [{"name": "new", "tags": {}, "fields": {"x": 1}}] * 20},
    ]
    later = [{"seq": seq, "ts": NOW + seq, "delta": [[]] * 750} for seq in range(6, 20)]
    told += [
        {"delta": [[]] * 750, "later": later},
        {"delta": [[]] * 750, "later": [later[0] | {"delta": [[1]] * 750}] * 9},
        {"delta": [], "later": [{"seq": n, "ts": NOW, "delta": []} for n in range(6, 1500)]},
    ]
    return [json.dumps(report(5, base=1, metrics=[]) | change).encode() for change in told]


def bad() -> list[bytes]:
    """Deep, huge, many, twice, half a character, not a number."""
    head = json.dumps(report(1)).encode()[:-1]
    return [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        head + b',"metrics":[' + b"1," * 100_000 + b"1]}",
        head + b',"metrics":[' + b"{}," * 70_000 + b"{}]}",
        head + b',"lost":[' + b"{}," * 70_000 + b"{}]}",
        head + b',"metrics":[' + b'{"name":"m","tags":{},"fields":{"x":1}},' * 5000 + b"1]}",
        head + b',"x":' + b"9" * 200_000 + b"}",
        head.replace(b"12.5", b"1" + b"0" * 4000) + b"}",
        head.replace(b"12.5", b"1e999") + b"}",
        head.replace(b"12.5", b"NaN") + b"}",
        head.replace(b'"mem"', b'"\\ud800"') + b"}",
        head.replace(b'"mem"', b'"\xed\xa0\x80"') + b"}",
        head + b',"seq":2,"seq":3,"node":"n1","node":"n2"}',
        head + b',"metrics":[{"name":"m","tags":{},"fields":' + many("1") + b"}]}",
        head + b',"metrics":[{"name":"m","tags":{},"fields":' + many("[]") + b"}]}",
        head + b',"metrics":[{"name":"m","fields":{"x":1},"tags":' + many('""') + b"}]}",
        head + b',"metrics":[{"name":"m","fields":{"x":1},"tags":' + many("1") + b"}]}",
        b"0" * 1_000_000,
        b"null",
        b"",
        b"\xff\xfe{",
    ]  # fmt: skip


def many(value: str) -> bytes:
    """An object of 9,999 keys."""
    return ("{" + ",".join(f'"{number}":{value}' for number in range(9999)) + "}").encode()


def captured() -> Iterator[Message]:
    """What released agents have sent."""
    for file in sorted((TESTS / "wire" / "captured").iterdir()):
        kind = "birth" if "birth" in file.name else "status" if "status" in file.name else "report"
        ending = file.suffix.removeprefix(".")
        types = {"json": JSON, "zlib": JSON_ZLIB}
        yield Message(kind, file.read_bytes(), types.get(ending, WITH_DICTIONARY + ending))


def sources() -> Iterator[Message]:
    """What Telegraf and collectd publish, and what would be hard for a reader of it."""
    folder = TESTS / "collector" / "sources"
    lines = (folder / "telegraf-batch.influx").read_bytes()
    metrics = (folder / "telegraf-batch.json").read_bytes()
    for text in (lines, *lines.splitlines(), b"m,a=" * 300, b"m f=" + b"1" * 900, b"\\" * 900,
                 b'm f="' + b"\\" * 900, b"m " + b"f=1," * 240, b"a f=1 1\n" * 120,
                 b"," * 900, b"m f=1i," + b"x=2u," * 180):  # fmt: skip
        yield Message("influx", text, "")
    one = json.dumps(json.loads(metrics)["metrics"][0]).encode()
    for text in (metrics, one, b"[" + one + b"," + one + b"]", b"[" * 900, b'{"metrics":' * 80,
                 b"[" + b"1," * 450 + b"1]", b"[" + b"{}," * 300 + b"{}]",
                 one.replace(b"100", b"9" * 700)):  # fmt: skip
        yield Message("json", text, "")
    for text in (b"1795621633.784:24865\0", b"1:2:3", b"nan:nan", b"1e999:1", b":" * 900,
                 b"1:" + b"9" * 900, b"1_0:2", b"1:inf", b"0x1:2"):  # fmt: skip
        yield Message("collectd", text, "")
