"""The embedded store's own promises: one owner, no loss, no waiting loop, two equal stores."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from math import isclose
from pathlib import Path
from typing import Any

import duckdb
import pytest
from collector.store_cases import T0, embedded, influx, point, query, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster_collector.errors import StoreError, StoreLockedError
from muster_collector.store.base import Point, Query, Read, Statistic
from muster_collector.store.embedded import EmbeddedStore
from servers import Influx1

WRITER = """
import asyncio, sys
from pathlib import Path
from muster_collector.store.base import Point
from muster_collector.store.embedded import EmbeddedStore

async def main():
    store = EmbeddedStore(Path(sys.argv[1]))
    await store.open()
    for batch in range(int(sys.argv[2])):
        points = [
            Point("m", (("host", f"h{i}"),), {"v": batch, f"f{batch % 7}": 0.5, "s": "text"},
                  1_700_000_000_000 + batch * 1000)
            for i in range(20)
        ]
        assert not await store.write(points)
        print(batch, flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    store = embedded(tmp_path)
    await store.open()
    yield store
    await store.close()


def writer(path: Path, batches: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(batches)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    for said in process.stdout:
        if said.strip() == line:
            return
    assert process.stderr is not None
    pytest.fail(process.stderr.read())


async def test_a_second_process_is_turned_away_with_one_clear_line(
    store: EmbeddedStore,
) -> None:
    process = writer(store.path, 1)
    _, said = await asyncio.to_thread(process.communicate, "")
    line = said.strip().splitlines()[-1]
    assert "StoreLockedError" in line
    assert f"{store.path} is in use by process {os.getpid()}: stop that, or set another" in line


async def test_the_owners_number_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    with writer(path, 1) as process:
        try:
            await asyncio.to_thread(wait_for, process, "0")
            with pytest.raises(StoreLockedError, match=f"in use by process {process.pid}"):
                await EmbeddedStore(path).open()
        finally:
            process.kill()


async def test_a_second_store_in_one_process_is_turned_away_too(store: EmbeddedStore) -> None:
    second = EmbeddedStore(store.path)
    with pytest.raises(StoreLockedError, match="open already"):
        await second.open()
    await second.close()
    assert await store.write([point(0, {"v": 1})]) == []
    await store.close()
    await second.open()
    assert rows(await second.select(query(("v", "sum")))) == [(0, 1)]
    await second.close()


async def test_what_was_written_survives_sigkill(tmp_path: Path) -> None:
    path = tmp_path / "killed.duckdb"
    for last in (3, 40, 11):
        with writer(path, 1000) as process:
            await asyncio.to_thread(wait_for, process, str(last))
            process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait)
        store = EmbeddedStore(path)
        await store.open()
        end = 10**9
        found = await store.select(query(("v", "count"), ("f0", "count"), end=end, group=("host",)))
        assert len(found) == 20
        assert min(found.columns["v_count"]) == max(found.columns["v_count"]) > last
        assert await store.write([point(-5, {"v": 1, "new": True}, host="h0")]) == []
        await store.close()


async def test_the_event_loop_goes_on_while_the_disk_works(store: EmbeddedStore) -> None:
    hold = threading.Event()
    blocked = store._write_thread.submit(hold.wait)
    write = asyncio.create_task(store.write([point(0, {"v": 1})]))
    # Reads have a thread of their own, so this answers although no write can go on.
    assert len(await store.select(query(("v", "sum")))) == 0
    assert not write.done()
    hold.set()
    assert await write == []
    assert blocked.result()


async def test_reads_beside_writes_see_whole_batches(store: EmbeddedStore) -> None:
    async def write() -> None:
        for batch in range(30):
            fields = {f"f{batch}": 1, "v": 1}
            assert await store.write([point(batch, fields, host=f"h{i}") for i in range(50)]) == []

    task = asyncio.create_task(write())
    seen = 0
    while not task.done():
        found = rows(await store.select(query(("v", "count"), ("f3", "count"))))
        count = found[0][1] if found else 0
        assert count % 50 == 0
        assert count >= seen
        seen = count
    await task
    assert rows(await store.select(query(("v", "count")))) == [(0, 1500)]


async def test_old_samples_can_be_forgotten(store: EmbeddedStore) -> None:
    batch = [point(i, {"v": i}, name, host="x") for i in range(100) for name in ("m", "keep")]
    await store.write(batch)
    assert await store.forget(T0 + 60, ["m", "nope"]) == 60
    assert rows(await store.select(query(("v", "count")))) == [(0, 40)]
    assert rows(await store.select(query(("v", "count"), measurement="keep"))) == [(0, 100)]
    assert await store.write([point(5, {"v": 5}, host="x")]) == []
    assert rows(await store.select(query(("v", "count")))) == [(0, 41)]


@pytest.mark.parametrize("content", [b"this is no database" * 1000, b"\0" * 20_000])
async def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.duckdb"
    path.write_bytes(content)
    store = EmbeddedStore(path)
    with pytest.raises(StoreError) as caught:
        await store.open()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content
    await store.close()


async def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = EmbeddedStore(tmp_path / "file" / "x.duckdb")
    with pytest.raises(StoreError, match="cannot be made"):
        await store.open()
    await store.close()


async def test_a_batch_that_fails_leaves_no_trace(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from muster_collector.store import duck_write

    await store.write([point(0, {"v": 1}, host="x")])

    def full(*_: object) -> None:
        raise duckdb.IOException("No space left on device")

    batch = [point(0, {"v": 2, "new": "s"}, host="x"), point(0, {"v": 3, "new": "t"}, host="y")]
    with monkeypatch.context() as patch:
        patch.setattr(duck_write, "_merge", full)
        for _ in range(2):
            with pytest.raises(StoreError, match=r"embedded store .*No space left"):
                await store.write(batch)
    assert rows(await store.select(query(("v", "raw"), group=("host",)))) == [("x", 0, 1)]
    # The type that the failed batch would have given the field is not remembered either.
    assert await store.write([point(0, {"new": 1.5}, host="y")]) == []
    assert await store.write([point(0, {"v": 4}, host="y")]) == []
    await store.close()
    await store.open()
    found = rows(await store.select(query(("v", "raw"), ("new", "raw"), group=("host",))))
    assert found == [("x", 0, 1, None), ("y", 0, 4, 1.5)]


NUMBERS = st.integers(-(10**6), 10**6) | st.sampled_from([0, 1, 10**9])
SAMPLES = st.lists(
    st.tuples(
        st.integers(0, 30_000), st.sampled_from("ab"), st.sampled_from("xy"),
        st.none() | NUMBERS, st.none() | NUMBERS.map(lambda n: n / 8 + 0.1),
    ).filter(lambda sample: sample[3:] != (None, None)),
    max_size=40,
)  # fmt: skip
STATISTICS: tuple[Statistic, ...] = (
    "mean", "max", "min", "last", "sum", "count", "p05", "p50", "p95", "rate",
)  # fmt: skip


def alike(pair: tuple[Any, Any]) -> bool:
    if isinstance(pair[0], float) and isinstance(pair[1], float):
        return isclose(*pair, rel_tol=1e-9, abs_tol=1e-9)
    return type(pair[0]) is type(pair[1]) and bool(pair[0] == pair[1])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    samples=SAMPLES,
    start=st.integers(0, 20_000),
    length=st.integers(1, 30_000),
    every=st.sampled_from([None, 1000, 7000]),
    group=st.sampled_from([(), ("host",), ("cpu", "host"), ("nope",)]),
    where=st.sampled_from([{}, {"host": ["a"]}, {"cpu": ["x", "y"], "host": ["b", ""]}]),
)
async def test_both_stores_answer_alike(
    *,
    influx1: Influx1,
    tmp_path: Path,
    samples: list[tuple[int, str, str, int | None, float | None]],
    start: int,
    length: int,
    every: int | None,
    group: tuple[str, ...],
    where: dict[str, list[str]],
) -> None:
    batch = [
        Point(
            "m",
            (("cpu", cpu), ("host", host)),
            {k: v for k, v in (("n", n), ("v", v)) if v is not None},
            # Series never meet in time: which of two samples at one time goes first in a group of
            # several series is not promised.
            T0 + time // 4 * 4 + 2 * (host == "a") + (cpu == "x"),
        )
        for time, host, cpu, n, v in samples
    ]
    left, right = embedded(tmp_path), influx(influx1)
    await left.open()
    await right.open()
    try:
        for some in (batch[:10], batch[10:]):
            assert await left.write(some) == await right.write(some) == []
        first, last = T0 + start, T0 + start + length
        reads = tuple(Read(field, statistic) for field in "nv" for statistic in STATISTICS)
        asked = Query("m", reads, first, last, group, where, every)
        raw = Query("m", (Read("n", "raw"), Read("v", "raw")), first, last, ("cpu", "host"), where)
        for one in (asked, raw):
            ours, theirs = await left.select(one), await right.select(one)
            assert list(ours.columns) == list(theirs.columns)
            for name, values in ours.columns.items():
                pairs = list(zip(values, theirs.columns[name], strict=True))
                assert all(map(alike, pairs)), (name, pairs)
    finally:
        await left.close()
        await right.close()
