"""Nodes, series, completeness, health, and who is let in."""

from __future__ import annotations

import asyncio
import shutil
import socket
from pathlib import Path

import aiohttp
import pytest
from readiness.small_fleet import END, SmallFleet

from muster_collector.api import app, nodes, pagefiles, params, times, tree
from muster_collector.api.guard import check_exposure
from muster_collector.api.serve import bind
from muster_collector.errors import ConfigError, StoreError
from muster_collector.store.base import Query, Table
from muster_wire.messages import ConfigState

from .conftest import ODD, Info, Opener, World

TOKEN = "sécret 1"  # noqa: S105 - of this test only


async def test_what_became_of_a_wanted_configuration(world: World) -> None:
    answer = ConfigState("n2", "s1", "refused", "faster", END, "probe.x: not open here")
    world.fleet.known[1].config = answer
    rows = {row["node"]: row for row in await world.rows("/api/v1/nodes")}
    assert [rows["n1"]["config"], rows["n1"]["config_id"]] == ["", ""]
    assert [rows["n2"]["config"], rows["n2"]["config_id"]] == ["refused", "faster"]
    node = (await world.get("/api/v1/nodes/n2")).json
    assert node["config_reason"] == "probe.x: not open here"


async def test_nodes_with_what_is_known_of_them(world: World) -> None:
    rows = await world.rows("/api/v1/nodes")
    assert [row["node"] for row in rows] == ["n1", "n2"]
    assert (rows[0]["silent_s"], rows[0]["stored"], rows[0]["grade"]) == (180.0, 5, "A")
    assert (rows[1]["silent_s"], rows[1]["score"], rows[1]["last_report"]) == (None, None, None)
    assert [r["node"] for r in await world.rows("/api/v1/nodes?online=false")] == ["n2"]
    assert await world.rows("/api/v1/nodes?site=elsewhere") == []


async def test_some_columns_of_nodes(world: World) -> None:
    whole = await world.rows("/api/v1/nodes")
    for columns in ("node", "site,node,last_report,score,stored", ",".join(nodes.COLUMNS)):
        names = columns.split(",")
        rows = await world.rows(f"/api/v1/nodes?columns={columns}")
        assert rows == [{name: row[name] for name in names} for row in whole]
    csv = (await world.get("/api/v1/nodes?columns=site,node&format=csv")).text
    assert csv.splitlines()[0] == "site,node"
    answer = await world.get("/api/v1/nodes?columns=node,moon")
    assert answer.status == 400
    assert answer.json["error"].startswith("columns='moon': use node, site, online, state")


async def test_one_node_whole(world: World) -> None:
    node = (await world.get("/api/v1/nodes/n1")).json
    assert node["inventory"] == {"cpus": 4}
    assert [pillar["id"] for pillar in node["pillars"]] == ["compute", "storage"]
    assert node["pillars"][0]["indicators"][0]["meaning"] == "mean idle"


async def test_a_node_before_its_first_scores(open_world: Opener) -> None:
    async with open_world(SmallFleet([Info("n1", "s1")])) as world:
        node = (await world.get("/api/v1/nodes/n1")).json
        assert (node["score"], "pillars" in node) == (None, False)


@pytest.mark.parametrize(
    ("form", "magic", "kind"),
    [("parquet", b"PAR1", "application/vnd.apache.parquet"), ("xlsx", b"PK", "application/vnd.op")],
)
async def test_tables_come_as_files(world: World, form: str, magic: bytes, kind: str) -> None:
    for path in ("nodes", "completeness", "readiness?level=node", "targets"):
        joint = "&" if "?" in path else "?"
        url = f"{world.url}/api/v1/{path}{joint}format={form}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.content_type.startswith(kind)
            assert answer.headers["content-disposition"] == f'attachment; filename="muster.{form}"'
            assert (await answer.read()).startswith(magic)


async def test_completeness_adds_up(world: World) -> None:
    answer = (await world.get("/api/v1/completeness")).json
    assert answer["sum"]["stored"] == 10
    assert answer["sum"]["lost"] == 2
    assert answer["sum"]["refused"] == 0
    assert answer["sum"]["reasons"] == {"spool full": 2}
    assert answer["rows"][0]["reasons"] == {"spool full": 1}


async def test_series_of_one_node(world: World) -> None:
    path = (
        "/api/v1/series?measurement=cpu&field=usage_idle&node=n1&where=cpu=cpu-total"
        "&from=2026-03-01T00:00:00Z&to=2026-03-01T00:05:00Z&every=1m"
    )
    assert [(row["time"][14:19], row["value"]) for row in await world.rows(path)] == [
        ("00:00", 40.0),
        ("01:00", 60.0),
    ]
    both = await world.rows(path.replace("&where=cpu=cpu-total", "&by=cpu&statistic=max"))
    assert {row["cpu"] for row in both} == {"cpu-total", "cpu0"}
    assert await world.rows("/api/v1/series?measurement=no&field=such") == []


async def test_scorecard_and_estate_are_readable(world: World) -> None:
    card = (await world.get("/api/v1/scorecard")).json
    assert card["method"] == world.scorer.card.method
    assert [level["id"] for level in card["levels"]] == ["compute", "storage"]
    assert card["bands"][0]["grade"] == "A"
    estate = (await world.get("/api/v1/estate")).json
    assert estate["sites"][0]["name"] == ODD


async def test_health_says_what_is_missing(world: World) -> None:
    assert (await world.get("/healthz")).json == {"status": "ok"}
    assert (await world.get("/readyz")).json == {"status": "ok", "store": True, "broker": True}
    world.connected = False
    answer = await world.get("/readyz")
    assert (answer.status, answer.json["broker"], answer.json["store"]) == (503, False, True)
    metrics = (await world.get("/metrics")).text
    assert "muster_collector_broker_connected " in metrics
    assert 'muster_collector_windows_scored_total{kind="new"}' in metrics


async def test_every_answer_carries_the_security_headers(world: World) -> None:
    for path in ("/", "/healthz", "/api/v1/readiness", "/api/v1/nowhere"):
        headers = (await world.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


async def test_a_browser_asks_before_it_uses_what_it_kept(world: World) -> None:
    page = (await world.get("/page.js")).headers
    assert page["cache-control"] == "no-cache"
    again = await world.get("/page.js", **{"If-None-Match": page["etag"]})
    assert (again.status, again.text) == (304, "")
    assert (await world.get("/api/v1/readiness")).headers["cache-control"] == "no-store"


async def test_the_page_is_the_same_packed_or_not(world: World) -> None:
    kinds = {"/": "text/html", "/page.js": "javascript", "/page.css": "css", "/icon.svg": "svg"}
    for path, kind in kinds.items():
        packed = await world.get(path, **{"Accept-Encoding": "gzip"})
        plain = await world.get(path, **{"Accept-Encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert (packed.status, packed.text) == (200, plain.text)
        assert kind in plain.headers["content-type"]
        assert "Accept-Encoding" in plain.headers["vary"]


@pytest.mark.parametrize(
    "path", ["/js", "/js/", "/nothing.js", "/../guard.py", "/js/%2e%2e/%2e%2e/guard.py"]
)
async def test_nothing_beside_the_pages_files_is_served(world: World, path: str) -> None:
    answer = await world.get(path)
    assert (answer.status, list(answer.json)) == (404, ["error"])


async def test_a_page_that_is_edited_is_served_anew(
    open_world: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "PAGE", tmp_path)
    monkeypatch.setattr(app, "EDITED", True)
    (tmp_path / "index.html").write_text("one")
    async with open_world() as world:
        assert (await world.get("/")).text == "one"
        (tmp_path / "index.html").write_text("another")
        assert (await world.get("/")).text == "another"
        (tmp_path / "js").mkdir()
        (tmp_path / "js" / "main.js").write_text("one();")
    async with open_world() as world:
        assert "one();" in (await world.get("/page.js")).text
        (tmp_path / "js" / "main.js").write_text("another();")
        assert "another();" in (await world.get("/page.js")).text
        (tmp_path / "index.html").unlink()
        assert (await world.get("/")).status == 404
        async with aiohttp.ClientSession() as session, session.post(world.url + "/") as answer:
            assert answer.status == 405


async def test_a_visit_to_an_installed_page_touches_no_file(
    open_world: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "PAGE", tmp_path)
    (tmp_path / "js").mkdir()
    (tmp_path / "css").mkdir()
    (tmp_path / "vendor" / "uplot").mkdir(parents=True)
    for sheet in pagefiles.SHEETS:
        (tmp_path / sheet).write_text("")
    (tmp_path / "index.html").write_text("one")
    (tmp_path / "js" / "main.js").write_text("one();")
    async with open_world() as world:
        shutil.rmtree(tmp_path / "js")
        (tmp_path / "index.html").write_text("another")
        assert (await world.get("/")).text == "one"
        assert "one();" in (await world.get("/page.js")).text


async def test_no_documentation_page_loads_scripts_from_elsewhere(world: World) -> None:
    assert (await world.get("/docs")).status == 404
    assert (await world.get("/redoc")).status == 404
    openapi = (await world.get("/api/v1/openapi.json")).json
    assert "/api/v1/readiness" in openapi["paths"]


async def test_a_token_guards_data_but_not_the_page_and_health(open_world: Opener) -> None:
    async with open_world(token=TOKEN) as world:
        for path in ("/api/v1/nodes", "/api/v1/live", "/api/v1/openapi.json", "/metrics"):
            refused = await world.get(path)
            assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert refused.json["error"].startswith("a valid token is needed")
        for header in ("Bearer wrong", f"Basic {TOKEN}", "Bearer", "Bearer sécret", ""):
            assert (await world.get("/api/v1/nodes", Authorization=header)).status == 401
        assert (await world.get("/api/v1/nodes", Authorization=f"Bearer {TOKEN}")).status == 200
        assert (await world.get("/healthz")).status == 200
        assert (await world.get("/")).status in (200, 404)


async def test_a_foreign_name_for_loopback_is_refused(world: World) -> None:
    """A web page elsewhere may point its own name at 127.0.0.1; its Host header tells."""
    for name in ("evil.example", "127.0.0.1.evil.example:80", ""):
        assert (await world.get("/api/v1/nodes", Host=name)).status in (400, 421)
    for name in ("localhost:1", "127.0.0.1", "[::1]:8080"):
        assert (await world.get("/api/v1/nodes", Host=name)).status == 200


def test_an_open_api_off_loopback_is_refused_at_start() -> None:
    for host in ("0.0.0.0", "::", "10.0.0.1", "muster.example"):
        with pytest.raises(ConfigError, match=r"^\[api\] host = .*set token_file"):
            check_exposure(host, None)
        check_exposure(host, "token")
        check_exposure(host, None, allow_open=True)
    for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        check_exposure(host, None)


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"^\[api\] port = {port}: .* already in use"):
            bind("127.0.0.1", port)
    with pytest.raises(ConfigError, match="use 1 to 65535"):
        bind("127.0.0.1", 65536)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("now", END),
        ("now-1h30m", END - 5_400_000),
        ("now+250ms", END + 250),
        ("2026-03-01T00:05:00Z", END),
        ("2026-03-01T08:05:00+08:00", END),
        ("2026-03-01T00:05", END),
        ("2026-03-01", END - 300_000),
        ("2028-02-29", 1_835_395_200_000),
    ],
)
def test_times_as_people_write_them(text: str, want: int) -> None:
    assert times.parse(text, END) == want


@pytest.mark.parametrize("text", ["", "now-", "now-1y", "2027-02-29", "1969-12-31", "now-9999999d"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time|outside 1970"):
        times.parse(text, END)


async def test_a_store_that_does_not_answer_is_one_line(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(query: Query) -> Table:
        raise StoreError(f"timeout about {query.measurement}")

    monkeypatch.setattr(world.store, "select", fail)
    assert (await world.get("/readyz")).json["store"] is False
    answer = await world.get("/api/v1/readiness?from=now-1h")
    assert answer.status == 503
    assert answer.json["error"] == ("the store does not answer: timeout about readiness")


async def test_many_clients_at_once_get_one_tree_until_there_are_newer_scores(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[bytes] = []
    original = params.json_bytes

    def counted(content: object) -> bytes:
        made.append(original(content))
        return made[-1]

    monkeypatch.setattr(tree, "json_bytes", counted)
    answers = await asyncio.gather(*(world.get("/api/v1/tree") for _ in range(20)))
    assert {answer.text for answer in answers} == {answers[0].text}
    assert len(made) == 1
    tag = {"If-None-Match": answers[0].headers["etag"]}
    assert (await world.get("/api/v1/tree", **tag)).status == 304
    other = await world.get("/api/v1/tree?levels=fleet", **tag)
    assert (other.status, len(made)) == (200, 2)
    await world.scorer.score_at(END + 300_000)
    newer = await world.get("/api/v1/tree", **tag)
    assert (newer.status, len(made)) == (200, 3)
    assert newer.json["time"] > answers[0].json["time"]


def test_the_page_folder_is_where_the_application_looks() -> None:
    from muster_collector.api.app import PAGE

    assert PAGE.parent == Path(times.__file__).parent
