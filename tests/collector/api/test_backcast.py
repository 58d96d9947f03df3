"""History under another method: both series from the real store, exact and with its breaks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from readiness.small_fleet import CARD, START, cpu, disk

from .conftest import World
from .test_commands import muster

HOUR = 3_600_000


async def test_another_card_over_former_hours(world: World, tmp_path: Path) -> None:
    """Idle 50 and 75 of storage: 68.75 at weights 1 and 3, 56.25 at 3 and 1."""
    for hour in (1, 2):
        end = START + hour * HOUR
        await world.store.write(cpu("n1", "s1", 50.0, end - 300_000))
        await world.store.write(disk("n1", "s1", 50, end - 300_000))
        await world.scorer.score_at(end)
    world.now = START + 2 * HOUR
    span = ("--from", "2026-03-01", "--level", "node", "--id", "n1", "--url", world.url)
    weights = ("--weights", "compute=3,storage=1")
    status, out, errors = await muster("what-if", *span, *weights, "--format", "json")
    assert (status, errors) == (0, "")
    assert [(row["before"], row["after"]) for row in json.loads(out)] == [
        (pytest.approx(68.75), pytest.approx(56.25))
    ] * 2
    card = tmp_path / "same.toml"
    card.write_text(CARD)
    _, out, _ = await muster("what-if", *span, "--scorecard", str(card), "--format", "json")
    rows = json.loads(out)
    # The same method gives the stored numbers, bit for bit.
    assert [row["before"] for row in rows] == [row["after"] for row in rows]
    card.write_text(CARD.replace("usage_idle", "usage_user"))
    _, _, errors = await muster("what-if", *span, "--scorecard", str(card))
    assert errors == "muster: no stored values: idle\n"
    assert (await muster("what-if", *span, "--weights", "moon=1"))[0] == 1


async def test_another_estate_over_former_hours(world: World, tmp_path: Path) -> None:
    """Node n1 has 68.75 and n2, with a disk that is full, 12.5; a role of weight 3 for n1."""
    for hour in (1, 2):
        end = START + hour * HOUR
        for node, idle, used in (("n1", 50.0, 50), ("n2", 50.0, 200)):
            await world.store.write(cpu(node, "s1", idle, end - 300_000))
            await world.store.write(disk(node, "s1", used, end - 300_000))
        await world.scorer.score_at(end)
    world.now = START + 2 * HOUR
    other = tmp_path / "plan.toml"
    other.write_text(
        '[roles.gateway]\nweight = 3\n[[sites]]\nid = "s1"\n'
        '[[nodes]]\nid = "n1"\nrole = "gateway"\n'
    )
    span = ("what-if", "--from", "2026-03-01", "--level", "site", "--id", "s1", "--url", world.url)
    status, out, errors = await muster(*span, "--estate", str(other), "--format", "json")
    assert (status, errors) == (0, "")
    rows = json.loads(out)
    # As it was: two of three planned nodes, (68.75 + 12.5) / 2.
    assert [row["before"] for row in rows] == [pytest.approx(40.625)] * 2
    assert [row["after"] for row in rows] == [pytest.approx((3 * 68.75 + 12.5) / 4)] * 2
    table = tmp_path / "plan.csv"
    table.write_text("site,district,planned_node\ns1,d1,9\n")
    _, out, _ = await muster(*span, "--estate", str(table), "--format", "json")
    # Two of nine planned nodes are not the half that a score needs.
    assert [row["after"] for row in json.loads(out)] == [None, None]
    other.write_text('[[sites]]\nid = "s1"\ndistrict = "moon"\n')
    status, _, errors = await muster(*span, "--estate", str(other))
    assert (status, errors) == (
        2, f"muster: {other}: sites[1] 's1' district = 'moon': the estate has none with that id\n"
    )  # fmt: skip
    assert (await muster(*span, "--estate", str(tmp_path / "none.toml")))[0] == 2
