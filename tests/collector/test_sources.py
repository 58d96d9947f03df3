"""Telegraf and collectd beside our agents: what they publish is stored, accounted and guarded."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from collector.centre import Centre, birth, report, until

from muster_collector.config import Source
from muster_collector.ingest.service import Ingest
from muster_collector.ledger.nodes import EPOCH_GRACE, Node
from muster_collector.quarantine import Chosen
from servers import Mosquitto

FOLDER = Path(__file__).parent / "sources"
T0 = 1_800_000_000_000
"""The time of the captured payloads, ms."""
MakeCentre = Callable[..., Centre]


@pytest.fixture
def make_centre(mosquitto: Mosquitto, tmp_path: Path) -> MakeCentre:
    """A centre with one source below a topic of its own; settings of the source by name."""

    def make(format: str = "influx", **settings: Any) -> Centre:  # noqa: A002 - as in the file
        centre = Centre(mosquitto, tmp_path)
        settings = {"site": "s1", "topic": f"{centre.root}-t/#"} | settings
        sources = [Source(format=format, **settings)]  # type: ignore[arg-type]
        limits = centre.config.limits.model_copy(update={"future": 400 * 86_400.0})
        centre.config = centre.config.model_copy(update={"source": sources, "limits": limits})
        return centre

    return make


@asynccontextmanager
async def telegraf(centre: Centre, place: str = "web01/all") -> AsyncIterator[Callable[..., Any]]:
    """Publishes with MQTT 3.1.1, as Telegraf does; returns when the broker has it."""
    async with aiomqtt.Client("127.0.0.1", centre.broker.port) as client:

        async def publish(payload: bytes | str, to: str = place, qos: int = 1) -> None:
            await client.publish(f"{centre.root}-t/{to}", payload, qos=qos)

        yield publish


def nodes(ingest: Ingest) -> dict[str, Node]:
    return {node.node: node for node in ingest.fleet.nodes()}


def totals(ingest: Ingest, node: str = "web01") -> dict[str, Any]:
    found = nodes(ingest).get(node)
    return {k: v for k, v in found.totals._asdict().items() if v} if found else {}


def stored(centre: Centre, measurement: str) -> list[tuple[dict[str, str], Any, int]]:
    return [
        (dict(tags), fields, time)
        for (name, tags, time), fields in centre.store.points.items()
        if name == measurement
    ]


async def settled(centre: Centre, count: int = 1) -> None:
    await until(lambda: len(centre.store.points) >= count, f"{count} points")


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_batch_of_lines_is_stored_like_a_node_s(make_centre: MakeCentre, qos: int) -> None:
    centre = make_centre(site="", site_tag="dc")
    payload = (FOLDER / "telegraf-batch.influx").read_bytes()
    async with centre.running() as ingest, telegraf(centre) as publish:
        await publish(payload, qos=qos)
        await settled(centre, 6)
        assert totals(ingest) == {"stored": 1}
        node = nodes(ingest)["web01"]
        assert (node.site, node.agent, node.online, node.every) == ("harbour", "telegraf", True, 10)
        assert node.last_report_ts == T0
    ours = {"host": "web01", "site": "harbour", "dc": "harbour"}
    (tags, fields, time) = stored(centre, "disk")[0]
    assert time == T0
    assert tags == ours | {
        "device": "vda1", "fstype": "ext4", "mode": "rw", "path": "/srv/data one",
    }  # fmt: skip
    assert fields["used_percent"] == 60.0
    assert type(fields["used_percent"]) is float
    assert fields["total"] == 50_000_000_000
    (tags, fields, _) = stored(centre, "procstat")[0]
    assert tags == ours | {"pattern": "ngi,nx", "process_name": "nginx"}
    assert fields == {"cmdline": 'nginx: "master" C:\\x\\n', "pid": 812, "running": True}
    assert centre.quarantined() == []


async def test_single_lines_on_topics_of_host_and_plugin(make_centre: MakeCentre) -> None:
    centre = make_centre(host_level=2, site_level=1)
    lines = (FOLDER / "telegraf-batch.influx").read_bytes().splitlines(keepends=True)
    centre.config = centre.config.model_copy(
        update={
            "source": [
                centre.config.source[0].model_copy(
                    update={"topic": f"{centre.root}-t/+/+/#", "host_level": 4, "site_level": 3}
                )
            ]
        }
    )
    async with centre.running() as ingest, telegraf(centre) as publish:
        for line in lines:
            await publish(line, f"dock/web01/{line.partition(b',')[0].decode()}")
        await publish(lines[0].replace(b"web01", b"db01"), "dock/web01/cpu")
        await publish(lines[0].replace(b",host=web01", b""), "dock/web02/cpu")
        await until(lambda: "web02" in nodes(ingest), "web02")
        await settled(centre, 6)
        assert set(nodes(ingest)) == {"web01", "web02"}
        assert {node.site for node in nodes(ingest).values()} == {"dock"}
        assert totals(ingest) == {"stored": 1}
    ((reason, detail, _),) = centre.quarantined()
    assert reason == "identity"
    assert detail == "says host 'db01', its topic is of 'web01'"


async def test_json_gets_its_types_from_the_catalogue_or_is_all_floats(
    make_centre: MakeCentre,
) -> None:
    """Go writes 10.0 as 10, so that a field would change its type with its value."""
    centre = make_centre("json", sites={"web01": "s7"})
    payload = (FOLDER / "telegraf-batch.json").read_bytes()
    async with centre.running() as ingest, telegraf(centre) as publish:
        await publish(payload)
        await settled(centre, 3)
        assert totals(ingest) == {"stored": 1}
        assert nodes(ingest)["web01"].site == "s7"
    ((_, cpu, _),) = stored(centre, "cpu")
    ((_, mem, _),) = stored(centre, "mem")
    ((_, app, _),) = stored(centre, "app")
    assert (cpu, [*map(type, cpu.values())]) == (
        {"usage_idle": 100.0, "usage_user": 2.5}, [float, float],
    )  # fmt: skip
    assert (mem["total"], type(mem["total"])) == (8_202_571_776, int)
    assert (mem["used_percent"], type(mem["used_percent"])) == (18.0, float)
    assert app == {"answers": 3.0, "name": "nginx <master>", "up": True}
    assert type(app["answers"]) is float


@pytest.mark.parametrize(
    ("format_", "precision", "stamp"),
    [
        ("json", "auto", 1_800_000_000),
        ("json", "ms", 1_800_000_000_000),
        ("json", "ns", 1_800_000_000_000_000_000),
        ("json", "auto", '"2027-01-15T08:00:00Z"'),
        ("json", "auto", '"2027-01-15T16:00:00+08:00"'),
        ("influx", "auto", 1_800_000_000_000_000_000),
        ("influx", "s", 1_800_000_000),
        ("influx", "us", 1_800_000_000_000_000),
    ],
)
async def test_the_unit_of_timestamps_can_be_set(
    make_centre: MakeCentre, format_: str, precision: str, stamp: object
) -> None:
    centre = make_centre(format_, precision=precision)
    line = f"m,host=a x=1 {stamp}"
    metric = f'{{"fields":{{"x":1}},"name":"m","tags":{{"host":"a"}},"timestamp":{stamp}}}\n'
    async with centre.running(), telegraf(centre) as publish:
        await publish(metric if format_ == "json" else line)
        await settled(centre)
    assert [time for _, _, time in stored(centre, "m")] == [T0]


BAD_LINES = {
    "no host": (b"m x=1 1800000000000000000", "host"),
    "no time": (b"m,host=a x=1", "time"),
    "seconds for nanoseconds": (b"m,host=a x=1 1800000000", "time"),
    "no line protocol": (b"m,host=a x= 1800000000000000000", "line"),
    "not UTF-8": (b'm,host=a x="\xff" 1800000000000000000', "encoding"),
    "not finite": (b"m,host=a x=nan 1800000000000000000", "line"),
    "a tag twice": (b"m,host=a,host=b x=1 1800000000000000000", "line"),
    "a float for a whole number": (b"mem,host=a used=1.5 1800000000000000000", "metric: type"),
    "a field called time": (b"m,host=a time=1 1800000000000000000", "metric: limit"),
}


async def test_a_wrong_line_costs_only_itself_and_is_kept(make_centre: MakeCentre) -> None:
    centre = make_centre()
    # What the store itself refuses is played here.
    centre.store.refuse = lambda point: "a reserved name" if "time" in point.fields else None
    good = b"ok,host=a x=1 1800000000000000000"
    async with centre.running() as ingest, telegraf(centre) as publish:
        await publish(b"\n".join([line for line, _ in BAD_LINES.values()] + [b"", b"# note", good]))
        await settled(centre)
        assert totals(ingest, "a") == {"stored": 1}
    kept = {reason: payload for reason, _, payload in centre.quarantined()}
    wanted = {reason for _, reason in BAD_LINES.values()} - {"metric: limit"} | {"point: store"}
    assert set(kept) == wanted
    assert kept["line"] == BAD_LINES["a tag twice"][0]
    assert len(centre.quarantined()) == len(BAD_LINES)


async def test_wrong_json_costs_only_the_metric_that_is_wrong(make_centre: MakeCentre) -> None:
    centre = make_centre("json")
    good = {"name": "ok", "tags": {"host": "a"}, "fields": {"x": 1}, "timestamp": 1_800_000_000}
    wrong: list[Any] = [
        5, None, [], {}, good | {"fields": {"x": None}}, good | {"fields": {"x": {"y": 1}}},
        good | {"timestamp": 1.5}, good | {"timestamp": "noon"}, good | {"tags": {"host": 1}},
        good | {"fields": {"x": 10**400}}, good | {"timestamp": "2027-01-15T08:00:00"},
    ]  # fmt: skip
    async with centre.running() as ingest, telegraf(centre) as publish:
        await publish(json.dumps({"metrics": [*wrong, good]}))
        for junk in (b"", b"{", b"[" * 3000, b'{"metrics": 1}', b"NaN", b"\xff"):
            await publish(junk)
        await settled(centre)
        await until(lambda: len(centre.quarantined()) == len(wrong) + 6, "all are kept")
        assert totals(ingest, "a") == {"stored": 1}
    counted = sorted(reason for reason, _, _ in centre.quarantined())
    assert counted == ["empty"] + ["invalid"] * (len(wrong) + 1) + ["not json"] * 4


async def test_two_hosts_never_become_one_node(make_centre: MakeCentre) -> None:
    centre = make_centre(nodes={"SRV9": "server-9"})
    hosts = [
        "web-01",
        r"Web\ 01",
        "WEB-01",
        "web_01.Example.COM",
        "塔",
        "x" * 70,
        "SRV9",
        "server-9",
    ]
    async with centre.running() as ingest, telegraf(centre) as publish:
        for number, host in enumerate(hosts):
            await publish(f"m,host={host} x={number}i 1800000000000000000")
        await until(lambda: len(nodes(ingest)) == 7, "seven nodes")
        await until(lambda: len(centre.quarantined()) == 1, "the one that would be another's")
        found = {node.inventory["host"]: node.node for node in nodes(ingest).values()}
    assert found["web-01"] == "web-01"
    assert found["SRV9"] == "server-9"
    assert len(set(found.values())) == 7
    assert all(len(node) <= 63 for node in found.values())
    assert found["Web 01"].startswith("web-01-")
    assert found["Web 01"] != found["WEB-01"]
    ((reason, detail, _),) = centre.quarantined()
    assert reason == "identity"
    assert "'server-9' would be node 'server-9', which is host 'SRV9'" in detail
    async with centre.running() as ingest, telegraf(centre) as publish:
        await publish(f"m,host={hosts[1]} x=9i 1800000010000000000")
        await until(lambda: totals(ingest, found["Web 01"]) == {"stored": 2}, "the same node again")


async def test_a_node_of_our_own_agent_cannot_be_written_to(make_centre: MakeCentre) -> None:
    centre = make_centre()
    async with (
        centre.running() as ingest, centre.node() as node, telegraf(centre) as publish,
    ):  # fmt: skip
        await node.send(report(0))
        await node.settled(0)
        await publish("mem,host=n1 used=666i 1800000000000000000")
        await until(lambda: len(centre.quarantined()) == 1, "refused")
        assert totals(ingest, "n1") == {"stored": 1}
    ((reason, detail, _),) = centre.quarantined()
    assert (reason, detail) == ("identity", "node 'n1' is measured by Muster's own agent")
    assert all(fields.get("used") != 666 for _, fields, _ in stored(centre, "mem"))


async def test_our_agent_takes_the_place_of_another_one(make_centre: MakeCentre) -> None:
    centre = make_centre()
    async with (
        centre.running() as ingest, centre.node() as node, telegraf(centre) as publish,
    ):  # fmt: skip
        await publish("mem,host=n1 used=1i 1800000000000000000")
        await settled(centre)
        await node.send(birth(), "birth", retain=True)
        await node.send(report(0))
        await node.settled(0)
        await publish("mem,host=n1 used=666i 1800000010000000000")
        await until(lambda: len(centre.quarantined()) == 1, "Telegraf is refused from now on")
        known = nodes(ingest)["n1"]
        assert (known.source, known.epoch, known.agent) == ("", 7, "0.1.0")
        assert totals(ingest, "n1") == {"stored": 2}


async def test_only_so_many_hosts_come_from_a_source(make_centre: MakeCentre) -> None:
    centre = make_centre(most_nodes=2)
    async with centre.running() as ingest, telegraf(centre) as publish:
        await publish("\n".join(f"m,host=h{n} x=1i 1800000000000000000" for n in range(5)))
        await settled(centre, 2)
        assert set(nodes(ingest)) == {"h0", "h1"}
    ((reason, _, payload),) = centre.quarantined()
    assert reason == "new node"
    assert payload.startswith(b"m,host=h0")


@pytest.mark.parametrize(
    ("settings", "payload", "reason"),
    [
        ({"site": "Über"}, b"m,host=a x=1 1800000000000000000", "site"),
        ({"site": ""}, b"m,host=a x=1 1800000000000000000", "site"),
        ({"host_level": 9}, b"m,host=a x=1 1800000000000000000", "host"),
        ({"payload_bytes": 1024}, b"m,host=a x=1 1800000000000000000\n" * 40, "too large"),
        ({"metrics": 2}, b"m,host=a x=1 1800000000000000000\n" * 3, "limit"),
    ],
)
async def test_what_cannot_be_placed_is_refused(
    make_centre: MakeCentre, settings: dict[str, Any], payload: bytes, reason: str
) -> None:
    centre = make_centre(**settings)
    async with centre.running(), telegraf(centre) as publish:
        await publish(payload)
        await until(lambda: [r for r, _, _ in centre.quarantined()] == [reason], reason)


async def test_gaps_are_missing_filled_late_and_lost_after_an_hour(make_centre: MakeCentre) -> None:
    centre = make_centre()

    def at(slot: int, jitter: int = 0) -> str:
        return f"m,host=a x={slot}i {T0 + 10_000 * slot + jitter}000000"

    async with centre.running() as ingest, telegraf(centre) as publish:
        for slot in (0, 1, 4, 9):
            await publish(at(slot))
            await publish(at(slot, 3).replace("m,", "other,"))
            await publish(at(slot, -4000 if slot else 0).replace("m,", "third,"))
        await until(lambda: totals(ingest, "a") == {"stored": 4, "missing": 6}, "the gaps")
        await publish(at(2))
        await publish(at(2))
        await until(lambda: totals(ingest, "a") == {"stored": 5, "missing": 5}, "late, once")
    async with centre.running() as ingest, telegraf(centre) as publish:
        assert totals(ingest, "a") == {"stored": 5, "missing": 5}
        await publish(at(10))
        await until(lambda: totals(ingest, "a") == {"stored": 6, "missing": 5}, "after a restart")
        desk = ingest._intake.desk
        desk.end_epochs(T0 + 40_000 + EPOCH_GRACE)
        assert totals(ingest, "a") == {
            "stored": 6, "missing": 4, "lost": 1, "reasons": {"gap": 1},
        }  # fmt: skip
        desk.end_epochs(T0 + 10 * EPOCH_GRACE)
        assert totals(ingest, "a") == {"stored": 6, "lost": 5, "reasons": {"gap": 5}}
        await publish(at(3))
        await until(lambda: totals(ingest, "a")["stored"] == 7, "later still")
        assert totals(ingest, "a") == {"stored": 7, "lost": 4, "reasons": {"gap": 4}}


async def test_what_the_broker_has_and_the_store_has_not_survives_a_restart(
    make_centre: MakeCentre,
) -> None:
    centre = make_centre()
    async with telegraf(centre) as publish:
        async with centre.running() as ingest:
            centre.store.away = True
            for slot in range(30):
                await publish(f"m,host=a x={slot}i {T0 + 10_000 * slot}000000")
            await until(lambda: ingest._intake.in_hand > 0, "in hand")
            # It ends without having stored anything, as if it were killed.
            monkey = pytest.MonkeyPatch()
            monkey.setattr("muster_collector.ingest.service.LAST_WRITE", 0.01)
        monkey.undo()
        centre.store.away = False
        async with centre.running() as ingest:
            await settled(centre, 30)
            await until(lambda: totals(ingest, "a") == {"stored": 30}, "all of it")
    assert len(stored(centre, "m")) == 30


async def test_refused_lines_can_be_played_again(make_centre: MakeCentre) -> None:
    """After the configuration was mended: lines without a host, and one of a wrong type."""
    centre = make_centre()
    async with centre.running(), telegraf(centre, "web01") as publish:
        await publish("m x=1i 1800000000000000000\nm,host=a x=1i 1800000000000000000")
        await publish("broken\nm,host=a y=1i 1800000010000000000")
        await until(lambda: len(centre.quarantined()) == 2, "refused")
    source = centre.config.source[0].model_copy(update={"host_level": 3})
    centre.config = centre.config.model_copy(update={"source": [source]})
    async with centre.running() as ingest:
        for dry_run in (True, False):
            rows = await ingest.quarantine.replay(Chosen(), dry_run=dry_run)
            assert [(row.outcome, row.reason) for row in rows] == [
                ("stored", ""),
                ("refused", "line"),
            ]
        assert totals(ingest) == {"stored": 1}
    assert [payload for _, _, payload in centre.quarantined()] == [b"broken"]
    with closing(sqlite3.connect(centre.config.collector.data / "ledger.db")) as db:
        assert db.execute("SELECT dropped FROM quarantine_total").fetchone() == (0,)
