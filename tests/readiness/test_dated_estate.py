"""Estates over time: which version holds when, wrong folders, and scores of last year."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readiness.small_fleet import END, START, Known, SmallFleet, cpu, disk, small_card

from muster_collector.cli import main
from muster_collector.errors import ConfigError
from muster_collector.estate import Estate, check, load
from muster_collector.estate.model import Site
from muster_collector.scoring.scorer import Scorer
from muster_collector.store.embedded import EmbeddedStore

ZONE = 'timezone = "Asia/Shanghai"\n'
ONE = ZONE + '[[sites]]\nid = "s1"\nplanned = { node = 1 }\n'
TWO = ONE + '[[sites]]\nid = "s2"\nname = "New"\nplanned = { node = 2 }\n'
DAY = 86_400_000


def folder(tmp_path: Path, **versions: str) -> Path:
    """`d2025_01_01=` as the file of that day."""
    made = tmp_path / "estate"
    made.mkdir(exist_ok=True)
    for name, text in versions.items():
        (made / f"{name[1:].replace('_', '-')}.toml").write_text(text)
    return made


def ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


def test_a_version_holds_from_its_local_day(tmp_path: Path) -> None:
    estate = load(folder(tmp_path, d2025_01_01=ONE, d2026_01_01=TWO))
    assert len(estate.sites) == 2
    assert len(estate.at(ms("2025-12-31T15:59:59+00:00")).sites) == 1
    assert len(estate.at(ms("2025-12-31T16:00:00+00:00")).sites) == 2
    # Nothing is known of the time before the first.
    assert len(estate.at(0).sites) == 1
    plain = Estate()
    assert plain.at(0) is plain


def test_a_table_takes_the_zone_of_the_others(tmp_path: Path) -> None:
    made = folder(tmp_path, d2025_01_01=ONE)
    (made / "2026-01-01.csv").write_text("site,district\ns1,d1\n")
    estate = load(made)
    assert estate.timezone == "Asia/Shanghai"
    assert estate.at(ms("2026-06-01T00:00:00+08:00")).site("s1").district == "d1"


def test_what_is_wrong_in_a_folder_is_named(tmp_path: Path) -> None:
    made = folder(tmp_path, d2025_01_01=ONE, d2026_01_01='timezone = "UTC"\n')
    (made / "draft.toml").write_text(ONE)
    (made / "2025-01-01.csv").write_text("site,district\na,d\na,d\n")
    found = [line.removeprefix(f"{made}/") for line in check(made)[1]]
    assert found == [
        "2025-01-01.csv: row 3, column site = 'a': already used by sites[1]",
        "2025-01-01.toml: 2025-01-01.csv holds from that day already",
        "draft.toml: name it by the day from which it holds: 2026-01-01.toml",
        "2026-01-01.toml: timezone = 'UTC': 2025-01-01.toml has 'Asia/Shanghai', use one",
    ]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ConfigError, match="has no estate file named as 2026-01-01"):
        load(empty)


def test_diff_names_what_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old.toml", tmp_path / "new.toml"
    old.write_text(ONE)
    new.write_text(TWO.replace("node = 1", "node = 3"))
    assert main(["estate", "diff", str(old), str(new)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "~ sites s1 planned node = 1 -> 3",
        "+ sites s2 = 'there'",
        "+ sites s2 name = 'New'",
        "+ sites s2 planned node = 2",
    ]
    assert main(["estate", "diff", str(new), str(new)]) == 0
    assert main(["estate", "diff", str(new), str(tmp_path / "gone")]) == 2


def test_import_keeps_former_versions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, made = tmp_path / "plan.toml", tmp_path / "dated"
    file.write_text(ONE)
    command = ["estate", "import", str(file), "--into", str(made), "--from"]
    assert main([*command, "2025-01-01"]) == 0
    file.write_text(TWO)
    assert main([*command, "2026-01-01"]) == 0
    assert capsys.readouterr().out.endswith("3 planned nodes, 2 sites without coordinates, from"
                                            " 2026-01-01 on\n")  # fmt: skip
    assert len(load(made).at(START - 365 * DAY).sites) == 1
    assert main([*command, "2026-01-01"]) == 2
    assert "holds from 2026-01-01 already: --replace" in capsys.readouterr().err
    file.write_text(ONE.replace("Asia/Shanghai", "UTC"))
    assert main([*command, "2026-01-01", "--replace"]) == 2
    assert "has 'Asia/Shanghai', use one" in capsys.readouterr().err
    assert len(load(made).sites) == 2
    file.write_text(ONE)
    assert main([*command, "2026-01-01", "--replace"]) == 0
    assert len(load(made).sites) == 1
    assert sorted(path.name for path in made.iterdir()) == ["2025-01-01.toml", "2026-01-01.toml"]
    with pytest.raises(SystemExit):
        main([*command, "July"])


async def test_last_year_is_scored_with_last_years_estate(tmp_path: Path) -> None:
    """One planned node then, three now: the fleet has a score then, and with today's plan none."""
    day = dt.datetime.fromtimestamp(START / 1000, dt.UTC).date()
    estate = Estate.dated(
        [
            (day - dt.timedelta(days=400), Estate(sites=(Site(id="s1", planned={"node": 1}),))),
            (day, Estate(sites=(Site(id="s1", planned={"node": 3}),))),
        ]
    )
    then = START - 365 * DAY
    store = EmbeddedStore(tmp_path / "store.duckdb")
    await store.open()
    await store.write([*cpu("n1", "s1", 50.0, then), *disk("n1", "s1", 50, then)])
    await store.write([*cpu("n1", "s1", 50.0), *disk("n1", "s1", 50)])
    fleet = SmallFleet([Known("n1", "s1")])
    scorer = Scorer(store, small_card(), estate, fleet, window=300, every=300, clock=lambda: END)

    def planned(result: Any) -> Any:
        site = result.levels["site"].scores
        return site.planned[0], site.coverage[0, 0]

    assert planned(await scorer.compute_at(then + 300_000)) == (1, 1.0)
    assert planned(await scorer.compute_at(END)) == (3, pytest.approx(1 / 3))
    today = await scorer.compute_at(then + 300_000, scorer.estate)
    assert planned(today) == (3, pytest.approx(1 / 3))
    assert scorer.estate.site("s1").planned == {"node": 3}
    await store.close()


starts = st.lists(st.dates(dt.date(1971, 1, 1), dt.date(2090, 1, 1)), min_size=1, unique=True)


@given(starts, st.dates(dt.date(1971, 1, 1), dt.date(2090, 1, 1)))
def test_the_latest_version_before_a_day_holds(days: list[dt.date], when: dt.date) -> None:
    versions = [(day, Estate(name=day.isoformat())) for day in sorted(days)]
    estate = Estate.dated(versions)
    noon = ms(f"{when.isoformat()}T12:00:00+00:00")
    expected = max((day for day in days if day <= when), default=min(days))
    assert estate.at(noon).name == expected.isoformat()
