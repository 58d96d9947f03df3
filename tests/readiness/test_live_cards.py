"""What a collector refuses to score with: cards and targets of which no number could come."""

from __future__ import annotations

from pathlib import Path

import pytest
from readiness.small_fleet import CARD

from muster_collector.cli import main

SETTINGS = """
[mqtt]
url = "mqtt://127.0.0.1:1"
[store]
kind = "embedded"
path = "{0}/store.duckdb"
[scoring]
scorecard = "{0}/card.toml"
estate = "{0}/estate.toml"
"""


def sourceless(text: str) -> str:
    """The card without its tables of sources."""
    tables = text.split("\n[")
    return "\n[".join(table for table in tables if ".source]" not in table.partition("\n")[0])


@pytest.mark.parametrize(
    ("card", "estate", "line"),
    [
        (
            CARD.replace(
                'normalise = { kind = "goalposts", low = 0, high = 100 }',
                'normalise = { kind = "reference", own = true }',
                1,
            ),
            "",
            (
                "card.toml: [indicator.idle] normalise.own = true: needs a column idle:reference"
                " beside the values, which places that run do not have: score a table"
                " (muster score --data), or give one value for all"
            ),
        ),
        (
            sourceless(CARD),
            "",
            (
                "card.toml: no indicator has a source, so every score would be missing: a collector"
                " scores by what nodes report; this card is for muster score"
            ),
        ),
        (
            CARD,
            '[[targets]]\nscore = 90\ndue = 2030-01-01\npart = "storrage"\n',
            (
                "estate.toml: targets[1] part = 'storrage': small has none with that id; use"
                " overall, compute, storage"
            ),
        ),
    ],
)
def test_check_says_what_can_never_have_a_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], card: str, estate: str, line: str
) -> None:
    (tmp_path / "card.toml").write_text(card, "utf-8")
    (tmp_path / "estate.toml").write_text(estate, "utf-8")
    (tmp_path / "collector.toml").write_text(SETTINGS.format(tmp_path), "utf-8")
    status = main(["collector", "check", "--config", str(tmp_path / "collector.toml")])
    assert (status, capsys.readouterr().err) == (2, f"muster: {tmp_path}/{line}\n")
