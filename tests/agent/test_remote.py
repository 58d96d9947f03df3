"""Configuration from the centre: allowed, tried, kept, given up; and messages that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from agent.peer import centre, until
from hypothesis import given
from hypothesis import strategies as st

from muster_agent import config
from muster_agent.errors import ConfigError
from muster_agent.remote import MOST_STARTS, Memory, Remote
from muster_wire.wanted import forbidden, parse
from servers import Mosquitto

ALLOWED = ["sample.every", "sample.sensors", "sensor.cpu", "probe"]


class Local:
    """A local configuration, read as the agent reads it."""

    def __init__(self, folder: Path, allow: list[str]) -> None:
        self.raw: dict[str, Any] = {
            "spool": {"path": str(folder / "spool.db")},
            "sample": {"sensors": ["mem"]},
            "remote": {"allow": allow, "trial": "30s"},
        }

    def read(self, over: dict[str, Any]) -> config.Config:
        raw = config.overlaid(self.raw, over)
        made = config.parse(raw, "agent.toml", hostname="n", environment={})
        if mistakes := list(config.sensor_mistakes(made, "agent.toml")):
            raise ConfigError(mistakes)
        return made

    def remote(self) -> Remote:
        return Remote(self.read({}), self.read, 1000.0)


@pytest.fixture
def local(tmp_path: Path) -> Local:
    return Local(tmp_path, ALLOWED)


def message(id_: object, wanted: object, **more: object) -> bytes:
    return json.dumps({"v": 1, "id": id_, "config": wanted, **more}).encode()


def test_what_is_wanted_lies_over_the_local_file_and_is_kept_once_it_proved_itself(
    local: Local,
) -> None:
    remote = local.remote()
    wanted = {"sample": {"every": "30s"}, "probe": {"web": {"url": "http://127.0.0.1/"}}}
    made = remote.take(message("one", wanted), None)
    assert made is not None
    assert (made.sample.every, made.sample.sensors, list(made.probe)) == (30.0, ("mem",), ["web"])
    assert (remote.on_trial, remote.due) == (True, 1030.0)
    remote.confirm()
    again = local.remote()
    assert again.in_force(local.read({})).sample.every == 30.0
    assert not again.on_trial
    assert again.memory.outcome == ("applied", "one", "")
    assert again.take(message("one", wanted), None) is None, "retained messages come again"
    assert again.take(message("two", wanted), None) is None, "nothing to try"
    assert (again.id, again.memory.outcome) == ("two", ("applied", "two", ""))


def test_what_fails_its_trial_makes_way_for_the_last_good_and_is_not_tried_again(
    local: Local,
) -> None:
    remote = local.remote()
    remote.take(message("good", {"sample": {"every": "20s"}}), None)
    remote.confirm()
    bad = message("bad", {"sample": {"every": "7s"}})
    assert remote.take(bad, None) is not None
    remote.give_up("no report was stored")
    again = local.remote()
    assert again.in_force(local.read({})).sample.every == 20.0
    assert again.memory.outcome is not None
    assert again.memory.outcome.reason == "no report was stored; in force again: good"
    assert again.take(bad, None) is None
    assert again.memory.refused == 1


def test_an_agent_that_keeps_ending_while_on_trial_goes_back(local: Local) -> None:
    local.remote().take(message("deadly", {"sample": {"every": "7s"}}), None)
    found = [local.remote().in_force(local.read({})).sample.every for _ in range(MOST_STARTS + 2)]
    assert found == [7.0] * MOST_STARTS + [10.0] * 2


def test_a_policy_that_was_closed_since_then_wins(local: Local) -> None:
    remote = local.remote()
    remote.take(message("one", {"sample": {"every": "20s"}}), None)
    remote.confirm()
    local.raw["remote"]["allow"] = ["probe"]
    for _ in range(2):
        again = local.remote()
        assert again.in_force(local.read({})).sample.every == 10.0
        assert again.memory.outcome is not None
        assert again.memory.outcome[:2] == ("refused", "one")


FORBIDDEN = {
    "another section": (
        {"mqtt": {"url": "mqtt://evil"}},
        "mqtt = .*: use objects sample, metered",
    ),
    "the policy itself": ({"remote": {"allow": ["probe"]}}, "remote = "),
    "another sensor": ({"sensor": {"mem": {}}}, "sensor.mem: this node's .* opens sample.every"),
    "a key that is not open": ({"sample": {"x": 1}}, "sample.x: this node's"),
    "no table": ({"sample": 7}, "sample = 7: use objects"),
    "a value out of range": (
        {"sample": {"every": "1ns"}},
        r"\[sample\] every = .*: use a duration",
    ),
    "a sensor that is not": ({"sample": {"sensors": ["rm"]}}, r'sensors = "rm": use cpu'),
    "a wrong option": ({"sensor": {"cpu": {"percpu": 3}}}, r"\[sensor.cpu\] percpu = 3"),
    "a wrong probe": ({"probe": {"a": {"url": "file:///etc/passwd"}}}, r"\[probe.a\] url"),
    "one right and one wrong": (
        {"sample": {"every": "20s", "sensors": "all"}},
        r"\[sample\] sensors",
    ),
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_what_is_not_allowed_or_not_right_changes_nothing(
    local: Local, case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remote = local.remote()
    wanted, reason = FORBIDDEN[case]
    assert remote.take(message("x", wanted), None) is None
    assert remote.memory.outcome is not None
    assert remote.memory.outcome[:2] == ("refused", "x")
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(remote.memory.outcome.reason)
    assert remote.memory.refused == 1
    assert list(tmp_path.iterdir()) == []
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(("allow", "mistakes"), [(["probe"], 1), (["probe", "throughput"], 0)])
def test_a_throughput_test_is_opened_by_its_own_word(allow: list[str], mistakes: int) -> None:
    probes = {"a": {"url": "throughput://10.0.0.1", "secret_file": "/x"}, "b": {"url": "ping://h"}}
    found = forbidden({"probe": probes}, allow)
    assert len(found) == mistakes
    assert all("probe.a: this node's [remote] allow does not open throughput" in f for f in found)


def test_by_default_nothing_is_allowed(tmp_path: Path) -> None:
    remote = Local(tmp_path, []).remote()
    assert remote.take(message("x", {"sample": {"every": "1s"}}), None) is None
    assert remote.memory.outcome is not None
    assert "opens nothing" in remote.memory.outcome.reason


HOSTILE = {
    "empty": b"",
    "half a message": b'{"v":1,"id":"x","config":{"sample":{"eve',
    "no object": b"[]",
    "another version": message("x", {}, v=2),
    "no id": message(None, {}),
    "an endless id": message("x" * 10_000, {}),
    "an id of two lines": message("x\n<3>forged", {}),
    "no configuration": b'{"v":1,"id":"x"}',
    "a list": message("x", []),
    "not a number": b'{"v":1,"id":"x","config":{"sensor":{"cpu":{"percpu":NaN}}}}',
    "half a character": b'{"v":1,"id":"x","config":{"sensor":{"cpu":{"percpu":"\\ud800"}}}}',
    "nested": b'{"v":1,"id":"x","config":' + b'{"a":' * 20_000,
    "huge": b" " * 100_000,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_messages_that_are_none_are_one_line_and_a_count(
    local: Local, case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remote = local.remote()
    assert remote.take(HOSTILE[case], None) is None
    assert remote.memory.refused == 1
    assert list(tmp_path.iterdir()) == []
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("<4>configuration without id refused: ")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
NEARLY = st.fixed_dictionaries({}, optional={"v": JSON, "id": JSON, "config": JSON})


@given(st.binary(max_size=200) | NEARLY.map(lambda m: json.dumps(m).encode()))
def test_whatever_comes_is_a_configuration_or_a_value_error(payload: bytes) -> None:
    try:
        found = parse(payload, None)
    except ValueError:
        return
    assert found.id.isprintable()


RUINED = ["", "{", "[]", "{}", '{"good": 7}', '{"good": ["x"]}', '{"good": ["x", 7]}', "\0"]


@pytest.mark.parametrize("text", RUINED)
def test_a_ruined_state_file_leaves_the_local_configuration(
    local: Local, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spool.db.remote").write_text(text)
    remote = local.remote()
    assert remote.in_force(local.read({})) == local.read({})
    assert capsys.readouterr().err.count("the local configuration alone is in force") == 1


def test_what_cannot_be_kept_is_not_applied(local: Local, tmp_path: Path) -> None:
    remote = local.remote()
    (tmp_path / "spool.db.remote.new").mkdir()
    assert remote.take(message("x", {"sample": {"every": "20s"}}), None) is None
    assert not remote.on_trial
    assert remote.memory.outcome is not None
    assert "Is a directory: it could not be kept" in remote.memory.outcome.reason
    assert Memory(remote.memory.path).now is None


@pytest.fixture
def agents(agents: Any) -> Any:
    """Makes agents that may be configured from the centre."""
    open_ = {"remote__allow": ["sample.every", "sample.sensors"], "remote__trial": "20s"}
    return lambda name, url, **settings: agents(name, url, **(open_ | settings))


async def test_a_wanted_configuration_is_applied_told_and_kept_over_restarts(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "willing") as one:
        one.auto = True
        agent = agents("willing", mosquitto.url).start()
        await one.got(2)
        await one.want(message("faster", {"sample": {"every": "250ms", "sensors": ["cpu"]}}))
        await until(lambda: bool(one.states), agent.log.read_text)
        told = {(s["state"], s["id"], s["reason"]) for s in one.states}
        assert told == {("applied", "faster", "")}
        await until(lambda: one.reports[-1]["every"] == 0.25)
        await until(lambda: one.births[-1]["config"]["remote"] == "faster")
        assert one.births[-1]["sensors"] == ["cpu"]
        assert await agent.stop() == 0
        count = len(one.reports)
        agent.start()
        await until(lambda: len(one.reports) > count + 1)
        assert {r["every"] for r in one.reports[count:]} == {0.25}
        await one.want(message("nonsense", {"sample": {"every": 3}}))
        await until(lambda: one.states[-1]["state"] == "refused")
        assert "[sample] every = 3: use a duration" in one.states[-1]["reason"]
        assert len({r["epoch"] for r in one.reports}) == 1
        assert await agent.stop() == 0
        await one.want(b"")


async def test_a_configuration_that_stops_acks_is_taken_back(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "cautious") as one:
        agent = agents("cautious", mosquitto.url, remote__trial="1s").start()
        await one.got(2)
        await one.want(message("mute", {"sample": {"every": "150ms"}}))
        await until(lambda: bool(one.states) and one.states[-1]["state"] == "refused")
        assert one.states[-1]["reason"] == (
            "no report was stored within 1 s; in force again: the local one alone"
        )
        assert any(r["every"] == 0.15 for r in one.reports)
        await until(lambda: one.reports[-1]["every"] == 0.1)
        assert agent.log.read_text().count("on trial") == 1, "the retained message came again"
        assert await agent.stop() == 0
        await one.want(b"")


async def test_a_refused_report_ends_the_trial_at_once(mosquitto: Mosquitto, agents: Any) -> None:
    async with centre(mosquitto.port, "fat") as one:
        agent = agents("fat", mosquitto.url, remote__trial="1d").start()
        await one.got(1)
        await one.want(message("fat", {"sample": {"every": "150ms"}}))
        await until(lambda: one.reports[-1]["every"] == 0.15, agent.log.read_text)
        seq, epoch = one.reports[-1]["seq"], one.reports[-1]["epoch"]
        await one.ack(epoch=epoch, through=seq - 1, refused=[{"seq": seq, "reason": "limit"}])
        await until(lambda: bool(one.states) and one.states[-1]["state"] == "refused")
        assert one.states[-1]["reason"].startswith("the collector refused a report; in force")
        assert await agent.stop() == 0
        await one.want(b"")
