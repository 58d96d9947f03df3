"""The sampler's grid of time and its guard around sensors, with time passed in."""

from __future__ import annotations

import pytest

from muster_agent.sampler import Sampler
from muster_agent.sensors import SensorAbsentError
from muster_wire.messages import Metric

DAY = 86_400


class Clock:
    """Two clocks that can be set apart."""

    def __init__(self) -> None:
        self.running = 100.0
        self.wall_ms = 1_700_000_000_000

    def wall(self) -> int:
        return self.wall_ms

    def monotonic(self) -> float:
        return self.running


class Fake:
    """A sensor that answers or raises what it is told to."""

    def __init__(self, name: str, every: float | None = None) -> None:
        self.name = name
        self.every = every
        self.error: Exception | None = None
        self.reads = 0

    def read(self) -> list[Metric]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return [Metric(self.name, {}, {"value": self.reads})]


def run(sampler: Sampler, clock: Clock, until: float) -> list[float]:
    """Sample whenever it is due; the moments."""
    moments: list[float] = []
    while sampler.due <= until:
        clock.running = max(clock.running, sampler.due)
        moments.append(clock.running)
        sampler.sample()
    return moments


def test_a_day_has_as_many_samples_as_intervals() -> None:
    clock = Clock()
    sampler = Sampler([Fake("a")], clock, every=10)
    moments = run(sampler, clock, until=100 + DAY)
    assert len(moments) == 8640
    assert moments[1] - moments[0] == 10
    assert moments[0] < 101, "the first report is there within a second"


def test_a_stall_or_a_suspended_machine_makes_no_burst_and_keeps_the_grid() -> None:
    clock = Clock()
    sampler = Sampler([Fake("a")], clock, every=10)
    run(sampler, clock, until=120)
    clock.running += 1234.5
    late = run(sampler, clock, until=clock.running + 30)
    assert len(late) == 4
    assert [round((m - 100.3) % 10, 6) for m in late[1:]] == [0, 0, 0]


def test_setting_the_clock_changes_nothing() -> None:
    clock = Clock()
    sampler = Sampler([Fake("a")], clock, every=10)
    for jump in (DAY, -2 * DAY, 10 * DAY):
        clock.wall_ms += jump * 1000
        before = sampler.due
        clock.running = before
        sampler.sample()
        assert sampler.due == before + 10


def test_one_failing_sensor_costs_only_itself_and_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    good, bad, absent = Fake("good"), Fake("bad"), Fake("absent")
    sampler = Sampler([bad, absent, good], clock, every=10)
    bad.error, absent.error = OSError(5, "Input/output error", "/proc/x"), SensorAbsentError()
    for _ in range(3):
        assert [m.name for m in sampler.sample()] == ["good"]
    bad.error = ZeroDivisionError("surprise")
    sampler.sample()
    bad.error = None
    assert [m.name for m in sampler.sample()] == ["bad", "good"]
    assert sampler.errors == 4
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["<4>sensor bad"] * 2 + ["<6>sensor bad"]
    assert "/proc/x" in lines[0]


def test_what_each_sensor_costs_is_told_now_and_then_and_failures_at_once() -> None:
    clock = Clock()
    good, bad, absent = Fake("good"), Fake("bad"), Fake("absent")
    sampler = Sampler([good, bad, absent], clock, every=10)
    absent.error = SensorAbsentError()

    def told() -> dict[str, int]:
        clock.running += 10
        sampler.sample()
        found = sampler.account()
        assert all(type(m.fields["gather_time_ns"]) is int for m in found)
        assert {m.name for m in found} <= {"internal_gather"}
        return {m.tags["input"]: int(m.fields["errors"]) for m in found}

    assert [told() for _ in range(5)] == [{}] * 5
    assert told() == {"good": 0, "bad": 0}, "after a minute"
    bad.error = ValueError("x")
    assert told() == {"bad": 1}
    assert told() == {"bad": 2}
    bad.error = None
    assert [told() for _ in range(57)] == [{}] * 57
    assert told() == {"good": 0, "bad": 2}, "after ten minutes more"


def test_a_rationed_sensor_is_read_at_its_own_pace() -> None:
    clock = Clock()
    often, seldom, slow = Fake("often"), Fake("seldom", every=60), Fake("slow", every=1)
    sampler = Sampler([often, seldom, slow], clock, every=10)
    run(sampler, clock, until=100 + 3600 - 0.1)
    assert often.reads == 360
    assert seldom.reads == 60
    assert slow.reads == 360, "no faster than the samples"


def test_what_a_machine_has_not_got_is_looked_for_once_a_minute() -> None:
    clock = Clock()
    plugged, seldom = Fake("plugged"), Fake("seldom", every=3600)
    plugged.error = seldom.error = SensorAbsentError()
    sampler = Sampler([plugged, seldom], clock, every=10)
    run(sampler, clock, until=100 + 600 - 0.1)
    assert (plugged.reads, seldom.reads) == (10, 1)
    plugged.error = None
    run(sampler, clock, until=100 + 720 - 0.1)
    assert plugged.reads == 10 + 12, "once it is there, it is read at each sample"


def test_a_quick_look_spares_reading_what_is_absent_but_never_finds_it_later() -> None:
    clock = Clock()
    plugged = Fake("plugged")
    there: list[bool] = []
    looks = 0

    def look() -> list[bool]:
        nonlocal looks
        looks += 1
        return there

    plugged.error = SensorAbsentError("not here", look)
    sampler = Sampler([plugged], clock, every=10)
    run(sampler, clock, until=100 + 600 - 0.1)
    assert (plugged.reads, looks) == (1, 9)
    there.append(True)
    run(sampler, clock, until=100 + 660 - 0.1)
    assert (plugged.reads, looks) == (2, 10), "something is there, but not all that it takes"
    plugged.error = None
    run(sampler, clock, until=100 + 780 - 0.1)
    assert plugged.reads == 2 + 12
    plugged.error = SensorAbsentError("gone again")
    run(sampler, clock, until=100 + 900 - 0.1)
    assert (plugged.reads, looks) == (2 + 12 + 2, 11), "without a look it is read"


def test_a_quick_look_that_fails_costs_only_its_sensor(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()

    def look() -> bool:
        raise ValueError("leads out of the root")

    bad, good = Fake("bad"), Fake("good")
    bad.error = SensorAbsentError("not here", look)
    sampler = Sampler([bad, good], clock, every=10)
    for _ in range(8):
        clock.running = sampler.due
        assert [m.name for m in sampler.sample()] == ["good"]
    assert "sensor bad: ValueError: leads out of the root" in capsys.readouterr().err
