"""collectd as a source: what its mqtt plugin published, and the real one where it is installed."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from collector.centre import Centre, until
from collector.test_sources import nodes, stored, telegraf

from muster_collector.config import Source
from muster_collector.errors import ConfigError
from muster_collector.ingest.sources.collectd import load_types
from servers import Mosquitto, Server, program

CAPTURED = Path(__file__).parent / "sources" / "collectd.txt"
TYPES = """\
cpu value:DERIVE:0:U
df_complex value:GAUGE:0:U
disk_io_time io_time:DERIVE:0:U, weighted_io_time:DERIVE:0:U
disk_merged read:DERIVE:0:U, write:DERIVE:0:U
disk_octets read:DERIVE:0:U, write:DERIVE:0:U
disk_ops read:DERIVE:0:U, write:DERIVE:0:U
disk_time read:DERIVE:0:U, write:DERIVE:0:U
if_dropped rx:DERIVE:0:U, tx:DERIVE:0:U
if_errors rx:DERIVE:0:U, tx:DERIVE:0:U
if_octets rx:DERIVE:0:U, tx:DERIVE:0:U
if_packets rx:DERIVE:0:U, tx:DERIVE:0:U
load shortterm:GAUGE:0:5000, midterm:GAUGE:0:5000, longterm:GAUGE:0:5000
memory value:GAUGE:0:281474976710656
percent value:GAUGE:0:100.1
swap value:GAUGE:0:1099511627776
swap_io value:DERIVE:0:U
uptime value:GAUGE:0:4294967295
"""


@pytest.fixture
def centre(mosquitto: Mosquitto, tmp_path: Path) -> Centre:
    made = Centre(mosquitto, tmp_path)
    types = tmp_path / "types.db"
    types.write_text("# as collectd has it\n" + TYPES)
    source = Source(
        topic=f"{made.root}-t/#",
        format="collectd",
        site="s1",
        types_db=types,
        every="1s",  # type: ignore[arg-type]
    )
    made.config = made.config.model_copy(update={"source": (source,)})
    return made


def captured() -> Iterator[tuple[str, bytes]]:
    """Topic below the prefix, and payload."""
    for line in CAPTURED.read_text().splitlines():
        topic, _, _, payload = line.split(" ", 3)
        yield topic.removeprefix("collectd/"), ast.literal_eval(payload)


async def test_what_collectd_published_gets_the_names_of_influxdb_s_own_listener(
    centre: Centre,
) -> None:
    async with centre.running() as ingest, telegraf(centre) as publish:
        for topic, payload in captured():
            await publish(payload, topic)
        await until(lambda: len(stored(centre, "interface_rx")) == 4, "the interface")
        await until(lambda: len(stored(centre, "system")) > 0, "the load")
        (node,) = nodes(ingest).values()
        assert node.inventory["host"] == "Edge_Box.example"
        assert node.node.startswith("edge_box.example-")
        assert (node.agent, node.totals.refused, node.unreadable) == ("collectd", 0, 0)
    octets = [f for tags, f, _ in stored(centre, "interface_rx") if tags["type"] == "if_octets"]
    assert octets == [{"value": 2002009010.0}]
    tags = {"host": node.node, "site": "s1", "instance": "eth0", "type": "if_octets"}
    assert tags in [tags for tags, _, _ in stored(centre, "interface_rx")]
    (_, load, time) = stored(centre, "load_shortterm")[0]
    assert load == {"value": 12.01708984375}
    assert time == 1795621632800
    assert stored(centre, "df_value")[0][0]["instance"] == "root"
    assert centre.quarantined() == []


async def test_values_without_names_are_refused(centre: Centre) -> None:
    async with centre.running(), telegraf(centre) as publish:
        await publish(b"1795621633.784:1\0", "h/vendor/strange")
        await publish(b"1795621633.784:1\0", "h/interface-eth0/if_octets")
        await publish(b"soon:1\0", "h/cpu-0/cpu-idle")
        await publish(b"1795621633.784:nan:1:nan\0", "h/load/load")
        await until(lambda: len(centre.quarantined()) == 3, "refused")
        await until(lambda: len(stored(centre, "load_midterm")) == 1, "what is known of it")
    assert [reason for reason, _, _ in centre.quarantined()] == ["type", "invalid", "invalid"]
    details = [detail for _, detail, _ in centre.quarantined()]
    assert details[0] == "type 'strange' is not in types_db"
    assert details[1] == "1 values, but type 'if_octets' has rx, tx"


def test_a_types_db_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "types.db"
    with pytest.raises(ConfigError, match=r"copy a node.s /usr/share/collectd/types\.db"):
        load_types(file)
    file.write_text("good value:GAUGE:0:U\nbad value\n")
    with pytest.raises(ConfigError, match="line 2 is not NAME VALUE:KIND:MIN:MAX"):
        load_types(file)


class Collectd(Server):
    """The real one, with a few plugins, every second."""

    def __init__(self, directory: Path, broker: Mosquitto, prefix: str) -> None:
        super().__init__(directory)
        (directory / "collectd.conf").write_text(
            f'Hostname "box-1"\nFQDNLookup false\nBaseDir "{directory}"\nInterval 1\n'
            'TypesDB "/usr/share/collectd/types.db"\n'
            "LoadPlugin cpu\nLoadPlugin load\nLoadPlugin uptime\nLoadPlugin interface\n"
            "LoadPlugin mqtt\n<Plugin cpu>\nValuesPercentage true\nReportByCpu false\n</Plugin>\n"
            f'<Plugin mqtt>\n<Publish "m">\nHost "127.0.0.1"\nPort {broker.port}\n'
            f'Prefix "{prefix}"\nQoS 1\nStoreRates false\n</Publish>\n</Plugin>\n'
        )

    def command(self) -> list[str]:
        return [program("collectd"), "-f", "-C", str(self.directory / "collectd.conf"),
                "-P", str(self.directory / "pid")]  # fmt: skip


async def test_a_real_collectd_is_a_node_that_can_be_scored(centre: Centre, tmp_path: Path) -> None:
    types = Path("/usr/share/collectd/types.db")
    source = centre.config.source[0].model_copy(update={"types_db": types})
    centre.config = centre.config.model_copy(update={"source": (source,)})
    collectd = Collectd(tmp_path / "collectd", centre.broker, f"{centre.root}-t")
    async with centre.running() as ingest:
        process = await asyncio.create_subprocess_exec(*collectd.command())
        try:
            await until(lambda: any("usage_idle" in f for _, f, _ in stored(centre, "cpu")), "cpu")
            await until(lambda: bool(stored(centre, "system")), "load")
            await until(lambda: nodes(ingest)["box-1"].totals.stored >= 3, "three seconds")
        finally:
            process.terminate()
            await process.wait()
        assert nodes(ingest)["box-1"].agent == "collectd"
    assert centre.quarantined() == []
