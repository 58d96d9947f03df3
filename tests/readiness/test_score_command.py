"""`muster score` and `muster scorecard` as people type them, awkward tables first."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import duckdb
import pytest
from readiness.cards import text

from muster_collector.cli import main

HEADER = "city,a,b\n"


@pytest.fixture
def card_file(tmp_path: Path) -> Path:
    file = tmp_path / "card.toml"
    source = text({"a": {"weight": 3, "parent": "p"}, "b": {"parent": "p"}}, {"p": {}})
    file.write_text(source, encoding="utf-8")
    return file


def run(card: Path, data: bytes, *options: str) -> int:
    file = card.parent / "data.csv"
    file.write_bytes(data)
    return main(["score", "--data", str(file), "--scorecard", str(card), *options])


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "is empty: the first row must name the columns"),
        (b"\n\n", "is empty: the first row must name the columns"),
        (b"city,a,b\n", "has a header and no rows: give one row a unit"),
        (b"city,a\nX,1\n", "no column for b; row 1 has city, a"),
        (b"city,c,d\nX,1,2\n", "no column for a, b; row 1 has city, c, d"),
        (b"city,a,a,b\nX,1,2,3\n", "column a stands twice in row 1: keep one of them"),
        (b"city,a,b\nX,1\n", "row 2 has 2 cells, row 1 3"),
        (b"city,a,b\nX,1,2\n\nX,3,4\n", "row 4: unit X stands in row 2 already"),
        (b"city,a,b\n,1,2\n", "row 2: the first cell is empty: name the unit"),
        (
            b"city,a,b\nX,1,2\nY,high,2\n",
            'row 3, column a: "high" is not a number: leave the cell empty if it is missing',
        ),
        (
            b'city;a;b\nX;"1,5";2\n',
            (
                'row 2, column a: "1,5" is not a number: '
                "write a point for decimals and nothing between thousands"
            ),
        ),
        (
            b"city,a,b\nX,1e999,2\n",
            'row 2, column a: "1e999" is not a number: leave the cell empty if it is missing',
        ),
        (
            b"city,a,b\nX,=1+1,2\n",
            'row 2, column a: "=1+1" is not a number: write the value itself, not a formula',
        ),
        (b"city,a,b\nX,1 000,2\n", 'row 2, column a: "1 000" is not a number: write a point'),
        (b"city,a,b\nX,25%,2\n", 'row 2, column a: "25%" is not a number: write the number alone'),
        (b"city,a,b\nX,10 ms,2\n", 'row 2, column a: "10 ms" is not a number: write the number'),
        (b"city,a,b\nX,1_0,2\n", 'row 2, column a: "1_0" is not a number'),
        (
            "city,a,b\n广州,1,2\n".encode("gb18030"),
            ("is not UTF-8 at byte 9: save it as UTF-8, or name its encoding (gb18030, …)"),
        ),
        (b"c\0i\0t\0y\0", "has NUL characters: it is no CSV, or UTF-16 without mark"),
        (b'city,a,b\n"X,1,2\n', "row 2: unexpected end of data"),
    ],
)
def test_refuses_a_bad_table_in_one_line(
    card_file: Path, capsys: pytest.CaptureFixture[str], data: bytes, line: str
) -> None:
    assert run(card_file, data) == 2
    error = capsys.readouterr().err
    place = card_file.parent / "data.csv"
    assert error.startswith(f"muster: {place}: {line}")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "data",
    [
        HEADER.encode() + b"X,80,40\nY,,90\n",
        b"\xef\xbb\xbf" + HEADER.encode() + b"X,80,40\nY,NA,90\n",
        (HEADER + "X,80,40\nY,..,90\n").encode("utf-16"),
        b"city;a;b\r\nX;80;40\r\nY;-;90\r\n",
        b"city\tb\ta\nX\t40\t80\nY\t90\t\n",
        b'"ci,ty|x"|a|b\n"X"|8e1|40.0\n Y | n/a |90\n',
    ],
)
def test_reads_what_offices_write(
    card_file: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    assert run(card_file, data, "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    first, second = document["units"]
    assert [first["unit"], second["unit"]] == ["X", "Y"]
    assert first["levels"]["overall"] == {
        "score": 70.0,
        "low": 70.0,
        "high": 70.0,
        "coverage": 1.0,
        "rank": 1,
        "lost": None,
    }
    assert first["indicators"]["a"] == {"value": 80.0, "score": 80.0, "rank": 1, "lost": 15.0}
    assert second["levels"]["overall"]["score"] is None
    assert second["levels"]["overall"]["rank"] is None
    assert second["levels"]["p"]["high"] == 97.5
    assert second["why"] == "coverage 25% is below the 50% that overall needs; without a score: p"


def test_named_encoding(card_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = "city,a,b\n广州,1,2\n".encode("gb18030")
    assert run(card_file, data, "--format", "csv", "--encoding", "gb18030") == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("广州,")
    assert run(card_file, data, "--encoding", "klingon") == 2
    assert "encoding klingon is unknown" in capsys.readouterr().err


def test_csv_has_every_level_and_no_formula(
    card_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = HEADER.encode() + b'"=cmd|x",80,40\n@home,60,-5\n-1,5,\n'
    assert run(card_file, data, "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["unit"] for row in rows] == ["'=cmd|x", "'@home", "'-1"]
    assert rows[0]["overall"] == "70.0"
    assert [row["overall:rank"] for row in rows] == ["1", "2", "3"]
    assert rows[2]["p:coverage"] == "0.75"
    assert (rows[2]["p:low"], rows[2]["p:high"]) == ("3.75", "28.75")
    assert rows[0]["a:lost"] == "15.0"
    assert rows[2]["b"] == ""


def test_table_puts_the_best_first_and_aligns_chinese(
    card_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (HEADER + "越秀,10,10\nb,80,40\nnone,,\n").encode()
    assert run(card_file, data) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["1", "b"], ["2", "越秀"], ["-", "none"]]
    # Each of the two characters is two columns wide.
    assert lines[2].index("-") == lines[1].index("-") - 2


def test_equal_scores_share_the_better_rank(
    card_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(card_file, HEADER.encode() + b"x,5,5\ny,9,9\nz,9,9\n", "--format", "json") == 0
    units = json.loads(capsys.readouterr().out)["units"]
    assert [unit["levels"]["overall"]["rank"] for unit in units] == [3, 1, 1]


def test_partial_tables_and_columns_without_use(
    card_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(card_file, b"city,a,zone\nX,80,7\n", "--partial", "--format", "csv") == 0
    captured = capsys.readouterr()
    assert captured.err.endswith("data.csv: no indicator for zone\n")
    assert captured.out.splitlines()[1].startswith("X,,,80.0,60.0,85.0,0.75,1,")


def test_output_file_and_missing_files(card_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = card_file.parent / "out.csv"
    data = HEADER.encode() + b"x,5,5\n"
    assert run(card_file, data, "--format", "csv", "--output", str(out)) == 0
    assert out.read_text("utf-8").startswith("unit,grade,why,overall,")
    assert run(card_file, data, "--output", str(card_file.parent)) == 1
    assert f"--output {card_file.parent}: Is a directory" in capsys.readouterr().err
    assert main(["score", "--data", "/nowhere.csv"]) == 2
    assert capsys.readouterr().err == (
        "muster: /nowhere.csv: cannot be read: No such file or directory\n"
    )


def test_scorecard_check_show_diff(card_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scorecard", "check", str(card_file), "human-development"]) == 0
    assert "human-development, method " in capsys.readouterr().out
    other = card_file.parent / "other.toml"
    other.write_text(card_file.read_text("utf-8").replace("weight = 3", "weight = 4"), "utf-8")
    assert main(["scorecard", "diff", str(card_file), str(card_file)]) == 0
    assert capsys.readouterr().out == "same method\n"
    assert main(["scorecard", "diff", str(card_file), str(other)]) == 1
    assert "~ indicator.a.weight = 3.0 -> 4.0" in capsys.readouterr().out
    assert main(["scorecard", "show"]) == 0
    assert capsys.readouterr().out.startswith("# New digital infrastructure")
    assert main(["scorecard", "check", "nothing"]) == 2
    assert capsys.readouterr().err == (
        "muster: nothing: No such file or directory: name a file or one of "
        "guangzhou-2021-missions, human-development, new-digital-infrastructure\n"
    )


def test_draws_give_the_same_rank_intervals_again(
    card_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = HEADER.encode() + b"good,90,80\neven,60,50\nodd,50,64\nnone,,\n"
    options = ("--draws", "300", "--seed", "4", "--format")
    assert run(card_file, data, *options, "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    found = [(row["varied:rank_low"], row["varied:rank_high"]) for row in rows]
    assert found[0] == ("1.0", "1.0")
    assert found[3] == ("", "")
    assert run(card_file, data, *options, "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["draws"], document["share"]) == (300, 0.9)
    assert [unit["varied"]["rank_low"] for unit in document["units"]][:1] == [1.0]
    assert run(card_file, data, *options, "table") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["rank", "ranks", "unit"]
    assert lines[1].split()[:3] == ["1", "1-1", "good"]
    assert run(card_file, data, "--draws", "-3") == 2
    assert "--draws: use 1 to 100000" in capsys.readouterr().err


def test_parquet_and_xlsx_hold_what_csv_holds(
    card_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = HEADER.encode() + b'"=cmd|x",80,40\nnone,,\n'
    assert run(card_file, data, "--format", "csv") == 0
    table = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    parquet, xlsx = card_file.parent / "s.parquet", card_file.parent / "s.xlsx"
    assert run(card_file, data, "--format", "parquet", "--output", str(parquet)) == 0
    with duckdb.connect() as database:
        found = database.read_parquet(str(parquet))
        assert found.columns == table[0]
        (rank,) = found.filter("grade IS NOT NULL").project('"overall:rank"').fetchall()[0]
    assert rank == 1
    assert run(card_file, data, "--format", "xlsx", "--output", str(xlsx)) == 0
    with zipfile.ZipFile(xlsx) as book:
        assert "'=cmd|x" in book.read("xl/sharedStrings.xml").decode()
        assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()


def test_each_unit_against_its_own_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Districts against their own plans: 20 of 40 begun from 0 is half of it, 30 of 30 all."""
    card = tmp_path / "card.toml"
    card.write_text(text({"a": {"normalise": {"kind": "reference", "own": True}}}), "utf-8")
    data = b"city,a,a:reference\nx,0,50\ny,20,40\nz,30,30\nw,30,\n"
    assert run(card, data, "--format", "json") == 0
    units = json.loads(capsys.readouterr().out)["units"]
    scores = [unit["levels"]["overall"]["score"] for unit in units]
    assert scores == [0.0, 50.0, 100.0, None]
    assert run(card, b"city,a\nx,1\n") == 2
    assert "no column for a:reference; row 1 has city, a" in capsys.readouterr().err
    wrong = card.read_text("utf-8").replace("own = true", "own = true, value = 3")
    card.write_text(wrong, "utf-8")
    assert main(["scorecard", "check", str(card)]) == 2
    assert "indicator.a.normalise.value = 3.0: give one value, or own = true" in (
        capsys.readouterr().err
    )


def test_sensitivity_names_what_moves_the_ranking(
    card_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Units that a beats and b beats by as much: both weights decide, and nothing else could."""
    data = HEADER.encode() + b"x,90,10\ny,70,61\nz,40,80\n"
    options = ("--sensitivity", "--samples", "64", "--format", "json")
    assert run(card_file, data, *options) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [list(row) for row in rows] == [["kind", "id", "first", "total"]] * len(rows)
    totals = {(row["kind"], row["id"]): row["total"] for row in rows}
    assert totals["weight", "b"] > 0
    assert [row["total"] for row in rows] == sorted(totals.values(), reverse=True)
    assert run(card_file, data, *options) == 0
    assert json.loads(capsys.readouterr().out) == rows
    assert run(card_file, data, "--sensitivity", "--samples", "2") == 2
    assert "--samples: use 8 to 4096" in capsys.readouterr().err


def test_names_cannot_break_the_table(card_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(card_file, HEADER.encode() + b'"a\nb\x1b[31m",80,40\n') == 0
    assert "a b [31m" in capsys.readouterr().out
