"""A month's bytes on a link that costs money: spread, shed by priority, counted over restarts."""

from __future__ import annotations

import calendar
import json
import socket
from pathlib import Path

import pytest

from muster_agent import traffic
from muster_agent.budget import HIGHEST, LEVELS, MEGABYTE, Budget, left_of_month
from muster_agent.settings import Metered
from muster_wire import priorities
from muster_wire.catalogue import CATALOGUE

HOUR, DAY = 3600.0, 86_400.0


class Clock:
    """Both clocks, which go only when told to."""

    def __init__(self, *date: int) -> None:
        self.now = float(calendar.timegm((*date, 0, 0, 0)))

    def wall(self) -> int:
        return int(self.now * 1000)

    def monotonic(self) -> float:
        return self.now


class Link:
    """A link under a budget; what an hour costs depends on the level."""

    def __init__(self, path: Path, clock: Clock, costs: tuple[float, ...], limit: float) -> None:
        self.path, self.clock, self.costs, self.limit = path, clock, costs, limit
        self.start()

    def start(self) -> None:
        self.total = 0.0
        metered = Metered(budget_mb_per_month=self.limit)
        self.budget = Budget(metered, str(self.path / "spool.db.budget"), self.clock, every=60.0)

    def hours(self, count: int) -> list[int]:
        """The level after each hour."""
        levels = []
        for _ in range(count):
            self.clock.now += HOUR
            self.total += self.costs[self.budget.level]
            self.budget.count(int(self.total))
            levels.append(self.budget.level)
        return levels


def test_what_is_within_the_budget_goes_out_whole(tmp_path: Path) -> None:
    link = Link(tmp_path, Clock(2026, 11, 1), (30 * MEGABYTE / 721,) * 4, 30)
    assert set(link.hours(719)) == {0}
    assert link.budget.used < 30 * MEGABYTE


def test_what_is_not_within_it_is_shed_step_by_step_and_the_month_holds(tmp_path: Path) -> None:
    whole = 60 * MEGABYTE / 720
    link = Link(tmp_path, Clock(2026, 11, 1), (whole, 0.7 * whole, 0.3 * whole, 0.1 * whole), 30)
    levels = link.hours(719)
    assert levels[:2] == [1, 2], "one step an hour"
    assert HIGHEST not in levels
    assert 0.9 * 30 * MEGABYTE < link.budget.used < 30 * MEGABYTE, "used, and not exceeded"


@pytest.mark.parametrize("year", [2027, 2028])
def test_a_month_is_a_calendar_month(tmp_path: Path, year: int) -> None:
    days = calendar.monthrange(year, 2)[1]
    clock = Clock(year, 2, 28)
    assert left_of_month(clock.wall()) == (days - 27) * DAY
    link = Link(tmp_path, clock, (10 * MEGABYTE / 24,) * 4, 10)
    link.hours(23)
    used = link.budget.used
    assert used > 9 * MEGABYTE
    link.hours(2)
    assert (link.budget.used < used) == (days == 28), "29 February is still February"


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    link = Link(tmp_path, Clock(2026, 11, 1), (MEGABYTE,) * 4, 30)
    link.hours(3)
    level, used = link.budget.level, link.budget.used
    assert level > 0
    link.start()
    assert (link.budget.level, link.budget.used) == (level, used)
    link.clock.now += 31 * DAY
    link.start()
    assert (link.budget.level, link.budget.used) == (0, 0), "of another month"


@pytest.mark.parametrize("junk", ["", "{", "[]", '{"month": 1}', '{"month":"2026-11","used":"x"}'])
def test_a_file_that_is_damaged_costs_the_count_and_no_more(
    tmp_path: Path, junk: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spool.db.budget").write_text(junk)
    link = Link(tmp_path, Clock(2026, 11, 1), (MEGABYTE,) * 4, 30)
    assert link.budget.used == 0
    assert capsys.readouterr().err.count("what was used this month is not known") == 1
    link.hours(1)
    assert json.loads((tmp_path / "spool.db.budget").read_text())["used"] == MEGABYTE


def test_it_says_what_it_leaves_out_and_when_nothing_helps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = Link(tmp_path, Clock(2026, 11, 1), (MEGABYTE,) * 4, 1)
    link.hours(5)
    said = capsys.readouterr().err
    for level in LEVELS[1:]:
        assert said.count(f"leaves out {level}\n") == 1
    assert "even the least, 24.00 MB a day, is too much" in said
    assert link.budget.level == HIGHEST, "and it goes on"


def test_after_a_burst_all_goes_out_again(tmp_path: Path) -> None:
    link = Link(tmp_path, Clock(2026, 11, 1), (10_000.0, 9_000.0, 8_000.0, 7_000.0), 30)
    link.hours(2)
    link.total += MEGABYTE
    assert link.hours(3) == [1, 0, 0]


def test_every_priority_is_of_a_measurement_that_there_is() -> None:
    names = {measurement.name for measurement in CATALOGUE}
    assert names >= priorities.VITAL | priorities.DETAIL
    assert not priorities.VITAL & priorities.DETAIL


def test_what_stays_at_which_level_and_how_an_operator_moves_it() -> None:
    def stay(name: str, **lists: list[str]) -> list[bool]:
        of = priorities.of(name, lists.get("first", ()), lists.get("last", ()))
        return [priorities.stays(of, level) for level in range(len(LEVELS))]

    assert stay("procstat") == [True, False, False, False]
    assert stay("net") == [True, True, False, False]
    assert stay("cpu") == [True] * 4
    assert stay("procstat", last=["procstat"]) == [True] * 4
    assert stay("cpu", first=["cpu"]) == [True, False, False, False]
    assert stay("net", first=["net"], last=["net"]) == [True] * 4


def test_the_kernel_counts_what_a_connection_carries() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.create_connection(listener.getsockname()) as one, listener.accept()[0] as other:
            before = traffic.of(one)
            one.sendall(b"x" * 1000)
            assert other.recv(2000)
            other.sendall(b"y" * 50)
            assert one.recv(100)
            more = traffic.of(one) - before
    assert 1050 + 2 * 52 <= more <= 1050 + 6 * 52
    local, other = socket.socketpair()
    with local, other, socket.socket() as never:
        assert traffic.of(never) >= 0
        assert traffic.of(local) == 0, "no TCP"
