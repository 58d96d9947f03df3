"""Estate files: what is wrong in them is named by place, and odd names pass unharmed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from muster_collector.errors import ConfigError
from muster_collector.estate import EMPTY, check, load

EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "estate-guangzhou.toml"
DAY = dt.date(2026, 2, 28)

KEYS = (
    "name, name_zh, timezone, example, default_role, roles, regions, districts, sites, nodes, "
    "targets"
)


def findings(tmp_path: Path, text: str, name: str = "estate.toml") -> list[str]:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return [line.removeprefix(f"{file}: ") for line in check(file)[1]]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            'colour = "red"',
            f"colour: unknown key; known: {KEYS}",
        ),
        (
            "[roles.edge]\nload = 2",
            "roles edge load: unknown key; known: weight, name, name_zh",
        ),
        (
            '[[sites]]\nid = "a"\n[[sites]]\nid = "a"',
            "sites[2] 'a' id = 'a': already used by sites[1]",
        ),
        (
            '[[sites]]\nid = "a"\ndistrict = "nowhere"',
            "sites[1] 'a' district = 'nowhere': the estate has none with that id",
        ),
        (
            '[[districts]]\nid = "d"\nregion = "gone"',
            "districts[1] 'd' region = 'gone': the estate has none with that id",
        ),
        (
            '[[sites]]\nid = "a"\nplanned = { gpu = 2 }',
            "sites[1] 'a' planned = 'gpu': the estate has none with that id",
        ),
        (
            '[[nodes]]\nid = "n"\nrole = "gpu"',
            "nodes[1] 'n' role = 'gpu': the estate has none with that id",
        ),
        ('[[sites]]\nname = "x"', "sites[1] id: missing"),
        (
            '[[targets]]\nlevel = "site"\nid = "x"\nscore = 80\ndue = 2027-01-01',
            "targets[1] 'x' id = 'x': the estate has none with that id",
        ),
        (
            "[[targets]]\nscore = 101\ndue = 2027-01-01",
            "targets[1] score = 101: Input should be less than or equal to 100",
        ),
        (
            '[[sites]]\nid = "A b"',
            (
                "sites[1] 'A b' id = 'A b': use 1 to 63 of a-z 0-9 . _ - beginning with a letter or"
                " digit"
            ),
        ),
        (
            '[[sites]]\nid = "a"\nlat = 97',
            "sites[1] 'a' lat = 97: Input should be less than or equal to 90",
        ),
        (
            '[[sites]]\nid = "a"\nlat = "23"',
            "sites[1] 'a' lat = '23': Input should be a valid number",
        ),
        (
            '[[sites]]\nid = "a"\nplanned = { node = -1 }',
            "sites[1] 'a' planned node = -1: Input should be greater than or equal to 0",
        ),
        (
            '[[nodes]]\nid = "n"\nrol = "edge"',
            "nodes[1] 'n' rol: unknown key; known: id, role, site",
        ),
        (
            '[[districts]]\nid = "unassigned"',
            (
                "districts[1] 'unassigned' id = 'unassigned': 'unassigned' is kept for sites"
                " that no district claims"
            ),
        ),
        (
            'timezone = "Mars/Olympus"',
            "timezone = 'Mars/Olympus': an IANA time zone is needed, as \"Asia/Shanghai\"",
        ),
        ("[roles.big]\nweight = inf", "roles big weight = inf: Input should be a finite number"),
        ("[[sites]", "Expected ']]' at the end of an array declaration (at line 1, column 8)"),
    ],
)
def test_a_wrong_toml_is_named_by_place(tmp_path: Path, text: str, line: str) -> None:
    assert findings(tmp_path, text) == [line]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "site;district\na;b",
            "row 1: columns site and district are needed, separated by commas",
        ),
        ("", "row 1: columns site and district are needed, separated by commas"),
        ("site,district,colour\na,b,c", "row 1: unknown column 'colour'"),
        ("site,district,site\na,b,c", "row 1: column 'site' is there twice"),
        ("site,district\na", "row 2: 2 columns are needed"),
        ("site,district\na,b,c", "row 2: 2 columns are needed"),
        (
            "site,district,lat\na,b,1\nc,b,north",
            (
                "row 3, column lat = 'north': Input should be a valid number, unable to parse"
                " string as a number"
            ),
        ),
        ("site,district\na,b\na,b", "row 3, column site = 'a': already used by sites[1]"),
        (
            "site,district,planned_edge\na,b,some",
            (
                "row 2, column planned_edge = 'some': Input should be a valid integer, unable"
                " to parse string as an integer"
            ),
        ),
        ('site,district\na,"b', "row 1: unexpected end of data"),
    ],
)
def test_a_wrong_csv_is_named_by_row_and_column(tmp_path: Path, text: str, line: str) -> None:
    assert findings(tmp_path, text, "estate.csv") == [line]


def test_other_encodings_and_missing_files_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "estate.csv"
    file.write_bytes("site,district\na,越秀".encode("gb18030"))
    assert check(file)[1] == [f"{file}: byte 18 is not UTF-8; save the file as UTF-8"]
    gone = tmp_path / "gone.toml"
    with pytest.raises(ConfigError, match=r"gone\.toml: No such file or directory$"):
        load(gone)


def test_load_says_how_many_more_findings_there_are(tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    file.write_text('a = 1\nb = 2\n[[sites]]\nid = "x"\nc = 3\n')
    with pytest.raises(
        ConfigError, match=r"c: unknown key; .*\(and 2 more: muster estate check\)$"
    ):
        load(file)


def test_names_may_hold_anything(tmp_path: Path) -> None:
    name = "\"><script>alert(1)</script> ' / \\ 😀 " + "塔" * 60
    file = tmp_path / "estate.csv"
    quoted = name.replace('"', '""')
    file.write_text(f'\ufeffsite,district,name\na,b,"{quoted}\nsecond line"\n', encoding="utf-8")
    assert load(file).site("a").name == name + "\nsecond line"


def test_csv_holds_the_same_estate_as_toml(tmp_path: Path) -> None:
    table = tmp_path / "estate.csv"
    table.write_text(
        "region,region_name,district,district_zh,site,lat,weight,planned_edge,planned_from\n"
        "r,Region,d,区,one,23.5,2,3,2026-03-01\n"
        "r,Region,d,区,two,,,,\n"
        ",,,,three,,,,\n".replace("district_zh", "district_name_zh")
    )
    toml = tmp_path / "estate.toml"
    toml.write_text(
        '[roles.edge]\n[[regions]]\nid="r"\nname="Region"\n'
        '[[districts]]\nid="d"\nname_zh="区"\nregion="r"\n'
        '[[sites]]\nid="one"\ndistrict="d"\nlat=23.5\nweight=2\nplanned={edge=3}\n'
        'planned_from=2026-03-01\n[[sites]]\nid="two"\ndistrict="d"\n[[sites]]\nid="three"\n'
    )
    assert load(table) == load(toml)


def test_planned_nodes_count_from_their_day_on(tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    file.write_text('[[sites]]\nid="a"\nplanned={node=3}\nplanned_from=2028-02-29\n')
    estate = load(file)
    assert estate.planned("a", dt.date(2028, 2, 28)) == {}
    assert estate.planned("a", dt.date(2028, 2, 29)) == {"node": 3}


def test_a_site_outside_the_estate_is_unassigned() -> None:
    assert EMPTY.site("somewhere").district == "unassigned"
    assert EMPTY.region_of("unassigned") == "unassigned"
    assert EMPTY.role_weight(EMPTY.role_of("n")) == 1.0
    assert EMPTY.weight("site", "somewhere") == 1.0
    assert EMPTY.planned("somewhere", DAY) == {}


def test_the_example_is_guangzhou_and_says_that_it_is_an_example() -> None:
    estate = load(EXAMPLE)
    assert estate.example
    assert len(estate.districts) == 11
    assert {site.district for site in estate.sites} == {d.id for d in estate.districts}
    assert all(site.name and site.name_zh and site.lat and site.planned for site in estate.sites)
    assert estate.role_weight("gateway") == 2.0
