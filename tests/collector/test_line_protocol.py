"""Our reading of line protocol against two that are not ours: InfluxDB's client, and InfluxDB."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point
from influxdb_client.domain.write_precision import WritePrecision

from muster_collector.ingest.sources.influx import decode
from muster_collector.ingest.sources.sample import Bad, Sample
from servers import Influx1

T0 = 1_800_000_000_000
# What line protocol cannot carry in a name, or its writers treat differently, is left out: control
# characters, a backslash, an empty name. What is meant to be hard: , = space " and other scripts.
NAMES = st.text("abc ,=\"'塔é\N{GRINNING FACE}#%", min_size=1, max_size=8).filter(
    lambda text: not text.startswith("#")
)
TEXTS = st.text("abc ,=\"'\\塔é#%", max_size=12).filter(lambda text: not text.endswith("\\"))
VALUES = (
    st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
    | st.booleans()
    | TEXTS
)
POINTS = st.tuples(
    NAMES,
    st.dictionaries(NAMES, NAMES, max_size=3),
    st.dictionaries(NAMES, VALUES, min_size=1, max_size=4),
)


def line(name: str, tags: dict[str, str], fields: dict[str, Any], time: int = T0) -> str:
    """A line, as InfluxDB's own client writes it."""
    made: Any = Point(name)  # type: ignore[no-untyped-call]  # the library is untyped
    for key, value in tags.items():
        made.tag(key, value)
    for key, value in fields.items():
        made.field(key, value)
    return str(made.time(time, WritePrecision.MS).to_line_protocol())


def typed(fields: dict[str, Any]) -> dict[str, tuple[type, Any]]:
    return {key: (type(value), value) for key, value in fields.items()}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(POINTS, min_size=1, max_size=4))
def test_what_the_client_writes_is_read(points: list[tuple[str, Any, Any]]) -> None:
    found = list(decode("\n".join(line(*point) for point in points).encode(), "ms"))
    for sample, (name, tags, fields) in zip(found, points, strict=True):
        assert isinstance(sample, Sample), sample
        assert (sample.name, sample.tags, sample.time) == (name, tags, T0)
        assert typed(sample.fields) == typed(fields)


HARD = [
    r'm,t=a\ b\,c\=d f="say \"hi\" \\ , = x",g=1i,h=-0.5,i=t,j=False 1800000000000',
    r"a\ b\,c,k\ 1=v f\ 1=1i 1800000000000",
    r'm f="ends with \\" 1800000000000',
    r"m f=1e3,g=-1.5E-3,h=.5,i=5. 1800000000000",
    r"m,path=C:\dir f=1i 1800000000000",
    r"塔,ort=é f=1 1800000000000",
    r"m f=9223372036854775807i,g=-9223372036854775808i 1800000000000",
    r"m   f=1  1800000000000",
    r"m,t=x f=T,g=TRUE,h=true,i=F,j=FALSE,k=f 1800000000000",
]
WRONG = [
    "m", "m f", "m f=", "m f=1i1", "m,t f=1", "m,t= f=1", "m f=nan", "m f=inf", "m f=1e999",
    "m f=9223372036854775808i", "m f=0x1", "m f=1 x", 'm f="open', "m,t=1,t=2 f=1", "m f==1",
]  # fmt: skip


async def test_what_influxdb_reads_we_read_the_same_and_what_it_refuses_we_refuse(
    influx1: Influx1,
) -> None:
    for number, text in enumerate(HARD):
        (sample,) = decode(text.encode(), "ms")
        assert isinstance(sample, Sample), text
        found = await asyncio.to_thread(stored, influx1, f"hard{number}", text)
        assert found["name"] == sample.name
        assert found["tags"] == sample.tags, text
        assert found["time"] == sample.time
        assert {k: float(v) if type(v) is int else v for k, v in found["fields"].items()} == {
            k: float(v) if type(v) is int else v for k, v in sample.fields.items()
        }, text
    for text in WRONG:
        (bad,) = decode(text.encode(), "ms")
        assert isinstance(bad, Bad), text
        assert await asyncio.to_thread(status, influx1, "wrong", text) == 400, text


def query(server: Influx1, database: str, statement: str) -> Any:
    form = urllib.parse.urlencode({"db": database, "epoch": "ms", "q": statement}).encode()
    with urllib.request.urlopen(f"{server.url}/query", data=form, timeout=20) as answer:
        return json.load(answer)["results"]


def status(server: Influx1, database: str, text: str) -> int:
    """What the database answers to a line."""
    query(server, database, f'CREATE DATABASE "{database}"')
    url = f"{server.url}/write?db={database}&precision=ms"
    try:
        with urllib.request.urlopen(url, data=text.encode(), timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def stored(server: Influx1, database: str, text: str) -> dict[str, Any]:
    """What the database has of a line."""
    assert status(server, database, text) == 204, text
    ((series,),) = [r["series"] for r in query(server, database, "SELECT * FROM /.*/ GROUP BY *")]
    row = dict(zip(series["columns"], series["values"][0], strict=True))
    time = row.pop("time")
    return {
        "name": series["name"], "tags": series.get("tags", {}), "fields": row, "time": time,
    }  # fmt: skip
