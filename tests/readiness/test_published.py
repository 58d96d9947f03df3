"""Published indices from their public definitions: every number that was published, to its digits.

The Human Development Index of 2021 of all 191 countries, and of their women and men, which have
goalposts of their own. Definition: UNDP, Human Development Report 2021/22, technical notes 1 and 3.
Health = (L - 20) / 65 (women 22.5 to 87.5, men 17.5 to 82.5), education = mean of E / 18 (at most
1) and M / 15, income = ln(Y / 100) / ln(750), and the index is the cube root of their product.
Values: the report's table of complete time series, as in `human-development-2021.csv` (by ISO code;
columns without ending are of all, `_f` of women, `_m` of men).
"""

from __future__ import annotations

import csv
import json
from importlib import resources
from pathlib import Path

import pytest

from muster_collector.cli import main
from muster_collector.readiness import load, score

TABLE = Path(__file__).parent / "human-development-2021.csv"
CARD = (resources.files("muster_collector") / "scorecards" / "human-development.toml").read_text(
    "utf-8"
)
NAMES = ("life_expectancy", "expected_schooling", "mean_schooling", "income")
GOALPOSTS = {"": (20, 85), "_f": (22.5, 87.5), "_m": (17.5, 82.5)}


@pytest.mark.parametrize(("whose", "least"), [("", 191), ("_f", 170), ("_m", 170)])
def test_human_development_of_every_country(
    whose: str, least: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    low, high = GOALPOSTS[whose]
    card, table = tmp_path / "card.toml", tmp_path / "table.csv"
    card.write_text(CARD.replace("low = 20, high = 85", f"low = {low}, high = {high}"), "utf-8")
    with TABLE.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row[f"hdi{whose}"]]
    published = {row["country"]: row[f"hdi{whose}"] for row in rows}
    lines = [",".join((row["country"], *(row[name + whose] for name in NAMES))) for row in rows]
    table.write_text("\n".join([",".join(("country", *NAMES)), *lines]))
    arguments = ["score", "--data", str(table), "--scorecard", str(card), "--format", "json"]
    assert main(arguments) == 0
    units = json.loads(capsys.readouterr().out)["units"]
    found = {unit["unit"]: unit["levels"]["overall"]["score"] for unit in units}
    assert len(found) >= least
    # Of women and men it is published with up to nine digits, of all with three.
    wrong = {
        name: (value / 100, text)
        for name, value in found.items()
        if abs(value / 100 - float(text := published[name])) > 0.51 * 10.0 ** -digits(text)
    }
    assert wrong == {}


def digits(text: str) -> int:
    """How many digits stand after the point; a last 0 may be gone."""
    return max(3, len(text.partition(".")[2]))


def test_one_country_by_hand() -> None:
    """Norway with the figures as printed.

    Health 63.2/65 = 0.972308; education (1 + 13/15)/2 = 0.933333; income ln(646.6)/ln(750) =
    6.471728/6.620073 = 0.977591; cube root of 0.887146 = 0.960874.
    """
    card = load(CARD, "human-development.toml")
    values = dict(zip(NAMES, (83.2, 18.2, 13.0, 64660.0), strict=True))
    norway = score(card, [[values[node.id] for node in card.indicators]]).value[0]
    assert norway[card.columns["life_expectancy"]] == pytest.approx(97.230769, abs=1e-6)
    assert norway[card.columns["education"]] == pytest.approx(93.333333, abs=1e-6)
    assert norway[card.columns["income"]] == pytest.approx(97.7591, abs=1e-3)
    assert norway[0] == pytest.approx(96.0874, abs=1e-3)
    assert card.grade(norway[0]) == "very high"
