"""Steps over HTTP: local days, weeks and months of any length, in pages."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zoneinfo
from pathlib import Path
from typing import Any

import duckdb
import pytest
from readiness.small_fleet import END, MINUTE, cpu, disk, small_card

from muster_collector.scoring.steps import midnight
from muster_collector.store.base import Point

from .conftest import World
from .test_commands import muster

SCORE = 0.25 * 50 + 0.75 * 75
DAY = 24 * 60 * MINUTE


async def test_steps_are_means_with_the_number_of_their_windows(world: World) -> None:
    await world.store.write([*cpu("n1", "s1", 90.0, END), *disk("n1", "s1", 150, END)])
    await world.scorer.score_at(END + 5 * MINUTE)
    world.now = END + 30 * MINUTE
    (hour,) = await world.rows("/api/v1/readiness?level=node&id=n1&from=now-1h&step=1h")
    second = 0.25 * 90 + 0.75 * 25
    assert hour["time"] == "2026-03-01T00:00:00Z"
    assert hour["score"] == pytest.approx((SCORE + second) / 2)
    assert (hour["windows"], hour["grade"]) == (2, "A")


async def test_days_are_local_days_also_when_they_have_23_hours(world: World) -> None:
    """Berlin's 29 March 2026 begins at 23:00 UTC and ends at 22:00 UTC."""
    hour = 60 * MINUTE
    begin = 1_774_738_800_000  # 2026-03-28T23:00:00Z
    for end in (begin, begin + 5 * MINUTE, begin + 23 * hour, begin + 23 * hour + 5 * MINUTE):
        await world.scorer.score_at(end)
    world.now = begin + 48 * hour
    rows = await world.rows("/api/v1/readiness?from=now-4d&step=1d")
    assert [(row["time"], row["score"], row["windows"]) for row in rows] == [
        ("2026-03-27T23:00:00Z", None, 0),
        ("2026-03-28T23:00:00Z", None, 0),
        ("2026-03-29T22:00:00Z", None, 0),
    ]
    utc = await world.rows("/api/v1/readiness?from=now-4d&step=1d&zone=UTC")
    assert [row["time"][:10] for row in utc] == ["2026-03-28", "2026-03-29"]


async def test_stored_days_and_the_windows_since_make_one_series(world: World) -> None:
    """Once a day is stored, its windows may be gone; the newest day is still being made."""
    world.now = END + 15_000
    await world.scorer.tick()
    for later in (24, 25):
        world.now = END + later * 60 * MINUTE + 15_000
        await world.scorer.tick()
    world.scorer.dirty.clear()
    await world.scorer.periods.write_due(world.now, ())
    path = "/api/v1/readiness?level=node&id=n1&from=now-3d&step=1d&zone=Europe/Berlin"
    days = await world.rows(path)
    assert (days[0]["time"], days[0]["windows"]) == ("2026-02-28T23:00:00Z", 1)
    assert days[0]["score"] == pytest.approx(SCORE)
    assert len({day["time"] for day in days}) == len(days) == 2


def stored(kind: str, ends: list[int], unit: str, score: float, **more: Any) -> list[Point]:
    """Periods of a site as the scorer leaves them."""
    method = small_card().method
    tags = {"level": "site", "id": unit, "site": unit, "district": "d1", "region": "r1"}
    fields = {"score": score, "low": 1.5, "high": 99.5, "coverage": 0.5, "windows": 288}
    about = fields | {"expected": 288, "scored": 1, "planned": 1} | more
    return [
        Point(f"readiness_{kind}", tuple(sorted({**tags, "method": method}.items())), about, end)
        for end in ends
    ]


async def test_pages_of_a_long_range_are_parts_of_one_whole(world: World) -> None:
    """Days of two sites over a clock change, hours since; any page is what the whole has there."""
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    days = [midnight(dt.date(2026, 3, 10) + dt.timedelta(days=n), berlin) for n in range(30)]
    for number, end in enumerate(days):
        await world.store.write(stored("daily", [end], "s1", 40.0 + number))
        # The other site came later.
        if number >= 7:
            await world.store.write(stored("daily", [end], "s2", 70.0))
    hours = [days[-1] + n * 60 * MINUTE for n in range(1, 5)]
    await world.store.write(stored("hourly", hours, "s1", 90.0, windows=12, expected=12))
    world.now = hours[-1] + MINUTE
    path = "/api/v1/readiness?level=site&from=2026-03-01&to=now&step=1d"
    whole = (await world.get(path)).json
    assert whole["total"] == len(whole["rows"]) == 30 + 23 + 1
    assert [row["date"] for row in whole["rows"][:3]] == ["2026-03-09", "2026-03-10", "2026-03-11"]
    assert (whole["rows"][-1]["score"], whole["rows"][-1]["windows"]) == (90.0, 48)
    for limit in (1, 7, 50):
        pages = []
        for offset in range(0, 54, limit):
            page = (await world.get(f"{path}&limit={limit}&offset={offset}")).json
            assert page["total"] == 54
            pages += page["rows"]
        assert pages == whole["rows"]
    one = await world.rows(f"{path}&id=s2")
    assert {row["id"] for row in one} == {"s2"}
    assert await world.rows(f"{path}&district=d3") == []
    assert len(await world.rows(f"{path}&district=d1&district=d2")) == 54


async def test_months_and_weeks_take_what_is_stored_and_days_where_it_is_not(
    world: World,
) -> None:
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    ends = [midnight(dt.date(2026, month, 1), berlin) for month in (2, 3)]
    await world.store.write(stored("monthly", ends, "s1", 50.0, windows=8000, expected=8928))
    days = [midnight(dt.date(2025, 12, day), berlin) for day in (2, 3, 4)]
    days += [midnight(dt.date(2026, 3, day), berlin) for day in (2, 3)]
    await world.store.write(stored("daily", days, "s1", 80.0))
    world.now = days[-1] + MINUTE
    path = "/api/v1/readiness?level=site&id=s1&from=2025-11-01&step="
    months = await world.rows(path + "1mo")
    assert [(row["date"], row["score"], row["windows"]) for row in months] == [
        ("2025-12-01", 80.0, 3 * 288),
        ("2026-01-01", 50.0, 8000),
        ("2026-02-01", 50.0, 8000),
        ("2026-03-01", 80.0, 2 * 288),
    ]
    quarters = await world.rows(path + "3mo")
    assert [(row["date"], row["windows"]) for row in quarters] == [
        ("2025-10-01", 3 * 288),
        ("2026-01-01", 16_000 + 2 * 288),
    ]
    weeks = await world.rows(path + "1w")
    # 1 December 2025 is a Monday; 1 March 2026 a Sunday, so its week began on 23 February.
    assert [(row["date"], row["windows"]) for row in weeks] == [
        ("2025-12-01", 3 * 288),
        ("2026-02-23", 288),
        ("2026-03-02", 288),
    ]


async def test_the_29th_of_february_is_a_day(world: World) -> None:
    end = 1_835_438_400_000  # 2028-02-29T12:00:00Z
    await world.scorer.score_at(end)
    world.now = end + DAY
    (row,) = await world.rows("/api/v1/readiness?from=now-3d&step=1d&zone=Asia/Shanghai")
    assert row["time"] == "2028-02-28T16:00:00Z"


async def test_days_of_another_zone_are_made_of_hours(world: World) -> None:
    """The estate is in Berlin. Shanghai is whole hours from UTC; in Nepal only windows will do."""
    begin = midnight(dt.date(2026, 3, 28), zoneinfo.ZoneInfo("Asia/Shanghai"))
    hours = [begin + n * 60 * MINUTE for n in range(1, 49)]
    for number, end in enumerate(hours):
        score = 40.0 if number < 24 else 60.0
        await world.store.write(stored("hourly", [end], "s1", score, windows=12, expected=12))
    world.now = hours[-1] + MINUTE
    path = "/api/v1/readiness?level=site&id=s1&from=2026-03-20&step=1d&zone="
    days = await world.rows(path + "Asia/Shanghai")
    assert [(day["date"], day["score"], day["windows"]) for day in days] == [
        ("2026-03-28", 40.0, 288),
        ("2026-03-29", 60.0, 288),
    ]
    assert days[0]["time"] == "2026-03-27T16:00:00Z"
    await world.scorer.score_at(world.now // (5 * MINUTE) * 5 * MINUTE)
    (day,) = await world.rows(path + "Asia/Kathmandu")
    assert (day["windows"], day["expected"]) == (0, 1)


async def test_a_file_of_steps_is_whole_and_says_what_json_says(world: World) -> None:
    """Of units with and without a place, a score, a method of today; beyond a page of JSON."""
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    ends = [midnight(dt.date(2026, 2, 10), berlin), midnight(dt.date(2026, 2, 11), berlin)]
    points = [*stored("daily", ends, "s1", 40.25), *stored("daily", ends, 'a,"b', 60.0)]
    tags = {"level": "site", "id": "bare", "method": "another"}
    points.append(
        Point("readiness_daily", tuple(tags.items()), {"windows": 0, "expected": 288}, ends[0])
    )
    points += [point for n in range(5_100) for point in stored("daily", ends, f"site-{n}", n / 100)]
    await world.store.write(points)
    path = "/api/v1/readiness?level=site&from=2026-02-01&to=2026-02-20&step=1d"
    first = (await world.get(path)).json
    assert (first["total"], len(first["rows"])) == (10_205, 10_000)
    rows = [*first["rows"], *(await world.rows(f"{path}&offset=10000"))]
    made = await world.get(f"{path}&format=csv")
    found = list(csv.DictReader(io.StringIO(made.text, newline="")))
    assert len(found) == len(rows)
    for one, row in zip(found, rows, strict=True):
        assert one == {name: "" if row.get(name) is None else str(row[name]) for name in one}
    (bare,) = [row for row in rows if row["id"] == "bare"]
    assert "site" not in bare
    assert (bare["score"], bare["grade"], bare["windows"]) == (None, "", 0)
    (third,) = [row for row in found if row["id"] == "site-25" and row["date"] == "2026-02-10"]
    assert (third["score"], third["grade"], third["windows"]) == ("0.25", "B", "288")


async def test_columns_of_a_parquet_file_have_their_types(world: World, tmp_path: Path) -> None:
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    ends = [midnight(dt.date(2026, 2, 10), berlin)]
    await world.store.write(stored("daily", ends, "s1", 40.25))
    target = tmp_path / "days.parquet"
    status, _, errors = await muster(
        "readiness", "--level", "site", "--from", "2026-02-01", "--to", "2026-02-20", "--step",
        "1d", "--format", "parquet", "--output", str(target), "--url", world.url,
    )  # fmt: skip
    assert (status, errors) == (0, "")
    read = duckdb.connect(":memory:").read_parquet(str(target))
    kinds = dict(zip(read.columns, map(str, read.types), strict=True))
    assert kinds["date"] == kinds["grade"] == "VARCHAR"
    assert (kinds["score"], kinds["windows"]) == ("DOUBLE", "BIGINT")
    # What no row has.
    assert kinds["least"] == "DOUBLE"
    assert read.project("date, id, score, windows, grade, least").fetchall() == [
        ("2026-02-09", "s1", 40.25, 288, "B", None)
    ]


async def test_only_the_columns_that_are_wanted(world: World, tmp_path: Path) -> None:
    """A day without a score is a row too, whatever is asked for."""
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    ends = [midnight(dt.date(2026, 2, 10), berlin), midnight(dt.date(2026, 2, 11), berlin)]
    await world.store.write(stored("daily", ends, "s1", 40.25))
    tags = {"level": "site", "id": "silent", "site": "silent", "method": small_card().method}
    await world.store.write(
        [Point("readiness_daily", tuple(tags.items()), {"windows": 0, "expected": 288}, ends[0])]
    )
    path = "/api/v1/readiness?level=site&from=2026-02-01&to=2026-02-20&step=1d"
    whole = await world.rows(path)
    for fields, names in (
        ("score", ["date", "id", "score"]),
        ("windows,time", ["date", "time", "id", "windows"]),
        ("id", ["date", "id"]),
        ("grade&fields=least,site", ["date", "id", "site", "grade", "least"]),
    ):
        rows = await world.rows(f"{path}&fields={fields}")
        assert rows == [{name: row[name] for name in names} for row in whole]
        made = await world.get(f"{path}&fields={fields}&format=csv")
        assert made.text.splitlines()[0] == ",".join(names)
    hours = await world.rows(f"{path.replace('1d', '1h')}&fields=score")
    assert all(set(row) == {"time", "id", "score"} for row in hours)
    newest = await world.rows("/api/v1/readiness?level=node&fields=coverage,why")
    assert [set(row) - {"why"} for row in newest] == [{"time", "id", "coverage"}] * len(newest)
    wrong = await world.get(f"{path}&fields=score,sceor")
    assert (wrong.status, wrong.json["error"][:19]) == (400, "fields='sceor': use")
    target = tmp_path / "days.parquet"
    arguments = ("readiness", "--level", "site", "--from", "2026-02-01", "--to", "2026-02-20",
                 "--step", "1d", "--fields", "coverage,score", "--url", world.url)  # fmt: skip
    status, _, errors = await muster(*arguments, "--format", "parquet", "--output", str(target))
    assert (status, errors) == (0, "")
    assert duckdb.connect(":memory:").read_parquet(str(target)).fetchall() == [
        ("2026-02-09", "s1", 40.25, 0.5),
        ("2026-02-09", "silent", None, None),
        ("2026-02-10", "s1", 40.25, 0.5),
    ]
    _, out, _ = await muster(*arguments)
    assert [line.split("\t") for line in out.decode().splitlines()[:2]] == [
        ["date", "id", "score", "coverage"],
        ["2026-02-09", "s1", "40.2", "0.50"],
    ]
    _, out, _ = await muster(*arguments, "--fields", "time,score", "--format", "json")
    assert list(json.loads(out)[0]) == ["date", "time", "id", "score"]
