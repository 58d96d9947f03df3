"""The spool when the disk is damaged, full, read-only or missing."""

from __future__ import annotations

import os
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from muster_agent import settings
from muster_agent.errors import SpoolLockedError
from muster_agent.keeper import Keeper
from muster_agent.spool import Edges


class Clock:
    """Time that stands unless it is told to go."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000
        self.ahead = 0
        """Milliseconds by which the wall clock has been set wrong."""

    def wall(self) -> int:
        return self.now + self.ahead

    def monotonic(self) -> float:
        return self.now / 1000


@pytest.fixture
def limits(tmp_path: Path) -> settings.Spool:
    return settings.Spool(path=str(tmp_path / "spool" / "spool.db"))


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Files cannot grow beyond 200 kB, which SQLite takes for a failing disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


SMALL = b"a small report"


def large() -> bytes:
    return os.urandom(20_000)


def test_an_epoch_is_seconds_and_20_random_bits(limits: settings.Spool) -> None:
    keeper = Keeper(limits, Clock())
    assert keeper.epoch >> 20 == 1_700_000_000
    keeper.close()


def test_a_damaged_file_is_set_aside_and_a_new_epoch_begins(
    limits: settings.Spool, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(limits.path)
    path.parent.mkdir()
    path.write_bytes(b"rubbish" * 1000)
    keeper = Keeper(limits, Clock())
    epoch, seq = keeper.append(0, SMALL)
    keeper.close()
    kept = [p for p in path.parent.iterdir() if ".corrupt-" in p.name]
    assert [p.read_bytes() for p in kept] == [b"rubbish" * 1000]
    assert seq == 0
    assert capsys.readouterr().err.count("set aside as") == 1
    again = Keeper(limits, Clock())
    assert again.body(epoch, seq) == SMALL
    again.close()


def test_damage_that_shows_while_running_costs_no_new_report(
    limits: settings.Spool, capsys: pytest.CaptureFixture[str]
) -> None:
    keeper = Keeper(limits, Clock())
    first = keeper.append(0, SMALL)
    assert keeper.disk is not None
    keeper.disk.db.execute("DROP TABLE report")
    keeper.disk.db.execute("PRAGMA journal_mode = DELETE")
    with Path(limits.path).open("r+b") as file:
        file.write(b"\0" * 4096)
    second = keeper.append(0, SMALL)
    third = keeper.append(0, SMALL)
    assert second[0] != first[0]
    assert third == (second[0], second[1] + 1)
    assert not keeper.trouble
    assert "set aside as" in capsys.readouterr().err
    keeper.close()


def test_on_a_full_disk_new_reports_get_an_epoch_in_memory_that_moves_to_disk_later(
    limits: settings.Spool, capsys: pytest.CaptureFixture[str]
) -> None:
    keeper = Keeper(limits, Clock())
    old = keeper.append(0, SMALL)
    assert keeper.disk is not None
    database = keeper.disk.db
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    kept = [keeper.append(0, large()) for _ in range(3)]
    assert [seq for _, seq in kept] == [0, 1, 2]
    assert len({epoch for epoch, _ in [old, *kept]}) == 2
    assert keeper.trouble
    assert keeper.epochs() == [old[0], kept[0][0]]
    assert keeper.edges(old[0]) == Edges(0, 1), "no seq of the file's epoch is used meanwhile"
    assert all(keeper.body(*key) for key in [old, *kept])
    bodies = [keeper.body(*key) for key in kept]
    keeper.settle(old[0], 0)
    database.execute("PRAGMA max_page_count = 1000000")
    assert keeper.append(0, SMALL) == (kept[0][0], 3)
    assert not keeper.trouble
    keeper.close()
    again = Keeper(limits, Clock())
    assert again.edges(kept[0][0]) == Edges(0, 4)
    assert [again.body(*key) for key in kept] == bodies
    again.close()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2, lines
    assert "in memory only" in lines[0]
    assert "3 moved from memory" in lines[1]


@pytest.mark.usefixtures("small_disk")
def test_a_disk_that_really_ends(limits: settings.Spool) -> None:
    keeper = Keeper(limits, Clock())
    keys = [keeper.append(0, large()) for _ in range(20)]
    assert keeper.trouble
    assert len(set(keys)) == 20
    assert all(keeper.body(*key) is not None for key in keys)
    assert len({epoch for epoch, _ in keys}) == 2
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, resource.RLIM_INFINITY))
    keeper.append(0, SMALL)
    assert not keeper.trouble
    assert all(keeper.body(*key) is not None for key in keys)
    keeper.close()


def test_memory_is_bounded_too_and_says_what_it_gave_up(limits: settings.Spool) -> None:
    keeper = Keeper(limits, Clock())
    assert keeper.disk is not None
    keeper.disk.db.execute("PRAGMA query_only = ON")
    keys = [keeper.append(0, large()) for _ in range(100)]
    assert keeper.depth < 60
    lost = keeper.lost(keys[0][0])
    assert [(r.first, r.reason) for r in lost] == [(0, "spool full")]
    assert keeper.body(keys[0][0], lost[0].last + 1) is not None
    keeper.disk.db.execute("PRAGMA query_only = OFF")
    keeper.append(0, SMALL)
    assert keeper.lost(keys[0][0]) == lost
    keeper.close()


def test_a_path_where_nothing_can_be_made_is_survived(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    keeper = Keeper(settings.Spool(path=str(tmp_path / "file" / "spool.db")), Clock())
    assert [keeper.append(0, SMALL)[1] for _ in range(3)] == [0, 1, 2]
    assert keeper.depth == 3
    keeper.close()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2, lines
    assert "Not a directory" in lines[0] or "File exists" in lines[0]
    assert "3 reports kept only in memory are lost" in lines[1]


def test_one_process_a_spool(limits: settings.Spool) -> None:
    keeper = Keeper(limits, Clock())
    with pytest.raises(SpoolLockedError, match="another process uses this spool"):
        Keeper(limits, Clock())
    keeper.close()
    Keeper(limits, Clock()).close()


def test_age_is_the_oldest_unsettled_report_s(limits: settings.Spool) -> None:
    clock = Clock()
    keeper = Keeper(limits, clock)
    assert keeper.age(clock.wall()) == 0
    epoch, _ = keeper.append(clock.wall(), SMALL)
    clock.now += 90_000
    keeper.append(clock.wall(), SMALL)
    assert keeper.age(clock.wall()) == 90
    keeper.settle(epoch, 0)
    assert keeper.age(clock.wall()) == 0
    keeper.close()


DAY = 86_400_000


def test_a_clock_that_jumps_ahead_and_back_gives_up_nothing(limits: settings.Spool) -> None:
    clock = Clock()
    keeper = Keeper(limits, clock)
    for ahead in (0, 3650 * DAY, -3650 * DAY, 0):
        clock.ahead = ahead
        for _ in range(3):
            clock.now += DAY
            keeper.append(clock.wall(), SMALL)
    assert keeper.depth == 12
    assert keeper.lost(keeper.epoch) == []
    keeper.close()


def test_a_clock_that_is_ahead_after_a_restart_gives_up_nothing(limits: settings.Spool) -> None:
    clock = Clock()
    for ahead in (0, 3650 * DAY, 0):
        clock.ahead = ahead
        keeper = Keeper(limits, clock)
        for _ in range(3):
            clock.now += 10_000
            keeper.append(clock.wall(), SMALL)
        keeper.close()
    keeper = Keeper(limits, clock)
    assert keeper.depth == 9
    keeper.close()


def test_reports_are_given_up_once_they_have_waited_too_long(limits: settings.Spool) -> None:
    clock = Clock()
    keeper = Keeper(limits, clock)
    for _ in range(40):
        clock.now += DAY
        keeper.append(clock.wall(), SMALL)
    assert [(r.first, r.last, r.reason) for r in keeper.lost(keeper.epoch)] == [(0, 8, "age")]
    keeper.close()


def test_sqlite_is_as_durable_as_the_invariants_need(limits: settings.Spool) -> None:
    keeper = Keeper(limits, Clock())
    database = keeper.disk.db if keeper.disk else sqlite3.connect(":memory:")
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    keeper.close()
