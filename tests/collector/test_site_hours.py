"""Hours of sites are the sums of their nodes' hours on both stores, whatever changes later."""

from __future__ import annotations

from pathlib import Path

import pytest
from collector.books import HOUR, MINUTE, Books

from muster_collector.ingest.completeness import Writer
from muster_collector.ingest.other_ledgers import OtherLedgers
from muster_collector.ledger.file import Changes
from muster_collector.ledger.periods import COUNTS
from muster_collector.store.base import Query, Read, Store

START = 1_772_323_200_000
"""2026-03-01T00:00:00Z in ms."""
AN_HOUR = 360
READS = tuple(Read(name, "sum") for name in (*COUNTS, "covered_s"))
Sums = dict[tuple[str, str, int], dict[str, float]]


async def write(books: Books, store: Store, now: int) -> None:
    await Writer(
        books.fleet, books.file, books.desk.timeline, store,
        every=60.0, keep=90 * 86_400.0, clock=lambda: now,
    ).write_hours()  # fmt: skip


async def hours(store: Store, measurement: str, until: int) -> Sums:
    """What a measurement sums up to, by ledger, site and hour's end."""
    query = Query(measurement, READS, START, until + 1, ("ledger", "site"), every=HOUR)
    columns = (await store.select(query)).columns
    keys = zip(*(columns.get(name, []) for name in ("ledger", "site", "time")), strict=True)
    return {
        key: {read.field: columns[f"{read.field}_sum"][row] for read in READS}
        for row, key in enumerate(keys)
    }


async def agree(store: Store, now: int) -> Sums:
    """The hours of sites, which are all that have ended, and the sums of their nodes'."""
    sites = await hours(store, "completeness_site_hourly", now + HOUR)
    assert sites == await hours(store, "completeness_hourly", now)
    return sites


def total(sums: Sums, end: int, *names: str) -> list[float]:
    return [sum(row[name] for (_, _, at), row in sums.items() if at == end) for name in names]


async def test_late_reports_losses_refusals_and_silence_are_in_the_sums(
    either: Store, tmp_path: Path
) -> None:
    books = Books(tmp_path / "a")
    now = START + 2 * HOUR
    first, second = START + HOUR, START + 2 * HOUR
    books.send(range(2 * AN_HOUR), start=START)
    books.send([*range(60), 700], start=START, node="n2")
    books.send(range(2 * AN_HOUR), start=START, node="m1", site="s2")
    await write(books, either, now)
    before = await agree(either, now)
    assert len(before) == 4
    assert total(before, first, "expected", "stored", "missing") == [1080, 780, 300]
    # Of the backlog some comes late, some is refused, and some is declared lost.
    books.send(range(60, 300), start=START, node="n2", delay=3 * HOUR)
    books.send(
        [720], start=START, node="n2", oldest=720, lost=[(300, 399, "spool full")], delay=100
    )
    now += HOUR + MINUTE
    await write(books, either, now)
    after = await agree(either, now)
    assert total(after, first, "expected", "late", "lost", "missing") == [1080, 240, 60, 0]
    assert total(after, second, "expected", "stored", "lost") == [1080, 721, 359]
    # What was given up comes after all; m1 is silent meanwhile.
    books.send(range(300, 350), start=START, node="n2", delay=4 * HOUR)
    books.desk.timeline.touch("m1", START + 2 * HOUR, now)
    await write(books, either, now)
    last = await agree(either, now)
    assert total(last, first, "stored", "lost") == [1070, 10]
    assert total(last, START + 3 * HOUR, "silent")[0] > 0


async def test_a_node_that_moves_counts_once_where_it_was_at_the_end_of_each_hour(
    either: Store, tmp_path: Path
) -> None:
    """Within an hour to another site and on to a third; a day later what was missing comes."""
    books = Books(tmp_path / "a")
    seqs = range(2 * AN_HOUR)
    books.send([seq for seq in seqs[:500] if not 100 <= seq < 150], start=START)
    await write(books, either, START + 500 * 10_000)
    for site, first, last in (("s2", 500, 600), ("s3", 600, 720)):
        books.send(seqs[first:last], start=START, site=site)
        await write(books, either, START + last * 10_000)
    books.reopen()
    books.send(range(100, 150), start=START, site="s3", delay=24 * HOUR)
    now = START + 26 * HOUR
    await write(books, either, now)
    sums = {
        (site, end): row["stored"] for (_, site, end), row in (await agree(either, now)).items()
    }
    assert sums == {
        ("s1", START + HOUR): AN_HOUR,
        ("s1", START + 2 * HOUR): 0,
        ("s2", START + 2 * HOUR): 0,
        ("s3", START + 2 * HOUR): AN_HOUR,
    }


async def test_what_another_ledger_handed_over_is_taken_out_of_its_sums(
    either: Store, tmp_path: Path
) -> None:
    former, heir = Books(tmp_path / "a"), Books(tmp_path / "b")
    former.send([seq for seq in range(180) if not 60 <= seq < 66], start=START)
    former.send(range(360), start=START, node="n2")
    now = START + 30 * MINUTE
    await write(former, either, now)
    assert await hours(either, "completeness_site_hourly", now + HOUR) == {}, "it has not ended"
    now = START + HOUR + MINUTE
    await write(former, either, now)
    former.desk.timeline.touch("n2", START, START)
    await write(former, either, now)
    await agree(either, now)
    heir.ledger.nodes["n1"] = former.ledger.nodes["n1"]
    heir.fleet.others = OtherLedgers(either, heir.file.id, now)
    heir.send(range(180, 360), start=START)
    heir.send(range(60, 66), start=START, delay=HOUR)
    await write(heir, either, now)
    sums = await agree(either, now)
    assert {ledger for ledger, _, _ in sums} == {former.file.id, heir.file.id}
    assert total(sums, START + HOUR, "expected", "stored", "missing", "down") == [720, 720, 0, 0]


async def test_an_hour_told_while_its_transaction_is_under_way_is_told_again(
    either: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    books, now = Books(tmp_path / "a"), START + HOUR
    under_way: list[Changes] = []
    with monkeypatch.context() as slow:
        slow.setattr(books, "commit", under_way.append)
        books.send(range(AN_HOUR), start=START)
    await write(books, either, now)
    assert total(await agree(either, now), now, "stored") == [0]
    for changes in under_way:
        books.commit(changes)
    await write(books, either, now)
    assert total(await agree(either, now), now, "stored") == [AN_HOUR]
