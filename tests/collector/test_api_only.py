"""A process that only serves: it shows what another process scores, and scores nothing itself."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from collector.centre import until
from readiness import small_fleet
from readiness.small_fleet import Known, SmallFleet, cpu, disk, point, small_card

from muster_collector.estate import EMPTY
from muster_collector.scoring.scorer import Scorer
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings
from servers import Influx1, free_port

STRIDE = 300_000


def get(url: str) -> Any:
    """Status and JSON; 0 while nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except urllib.error.URLError:
        return 0, {}


@contextmanager
def serving(file: Path) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "muster_collector", "collector", "run", "--config", str(file)]
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def database(influx1: Influx1) -> InfluxSettings:
    return InfluxSettings(url=influx1.url, database="api_only")


async def test_scores_of_another_process_are_served(
    database: InfluxSettings, tmp_path: Path
) -> None:
    card, port = tmp_path / "card.toml", free_port()
    card.write_text(small_fleet.CARD, encoding="utf-8")
    file = tmp_path / "collector.toml"
    file.write_text(
        f'[collector]\ndata = "{tmp_path}/data"\nroles = ["api"]\n[api]\nport = {port}\n'
        f'[scoring]\nscorecard = "{card}"\n[mqtt]\nurl = "mqtt://127.0.0.1:1"\n'
        f'[store]\nkind = "influxdb"\nurl = "{database.url}"\ndatabase = "{database.database}"\n'
    )
    url = f"http://127.0.0.1:{port}/api/v1"
    end = time.time_ns() // 1_000_000 // STRIDE * STRIDE
    store = InfluxStore(database)
    await store.open()
    begin = end - STRIDE
    account = point("n1", "s1", "completeness", begin, "", stored=3, silent_s=2.0)
    await store.write([account, *cpu("n1", "s1", 50.0, begin), *disk("n1", "s1", 50, begin)])
    fleet = SmallFleet([Known("n1", "s1")])
    other = Scorer(store, small_card(), EMPTY, fleet, window=300, every=300)
    with serving(file):
        await until(lambda: get(f"{url}/readiness")[0] == 503, "answers before there are scores")
        stored = await other.score_at(end)
        await until(lambda: get(f"{url}/readiness")[0] == 200, "shows them")
        _, answer = get(f"{url}/readiness?level=node")
        _, explained = get(f"{url}/explain?level=node&id=n1")
    await store.close()
    score = float(stored.levels["node"].scores.value[0, 0])
    assert [(row["id"], row["score"]) for row in answer["rows"]] == [("n1", score)]
    assert explained["lost"] == 100 - score
