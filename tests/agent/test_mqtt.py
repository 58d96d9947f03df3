"""The connection to a real broker: when it is asked whether it is there, and what is read when."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from muster_agent import settings
from muster_agent.mqtt import Link, Will
from muster_wire.codec import JSON, Encoded
from servers import Mosquitto

LIMIT = 20.0
KEEPALIVE = 1.0
WORD = Encoded(b"{}", JSON)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path, "allow_anonymous true\nlog_type all\n").start()
    yield broker
    broker.stop()


@pytest.fixture
def link(broker: Mosquitto) -> Iterator[Link]:
    url = settings.Broker("127.0.0.1", broker.port, tls=False)
    link = Link(settings.Mqtt(url=url, keepalive=KEEPALIVE), "link", "")
    link.connect(Will("t/will", WORD))
    work(link, lambda: bool(link.events))
    assert link.events.popleft().kind == "up"
    yield link
    link.disconnect()
    link.waker.close()
    link._reader.close()


def work(link: Link, until: Callable[[], bool]) -> None:
    """Let the link work until something holds."""
    deadline = time.monotonic() + LIMIT
    while not until():
        assert time.monotonic() < deadline, f"waited in vain: {link.events}"
        link.wait(0.05)


def pings(broker: Mosquitto) -> int:
    return (broker.directory / "server.log").read_text().count("Received PINGREQ")


def test_a_broker_that_answers_reports_is_not_asked_whether_it_is_there(
    broker: Mosquitto, link: Link
) -> None:
    end = time.monotonic() + 3 * KEEPALIVE
    while time.monotonic() < end:
        link.publish("t/report", WORD)
        work(link, lambda: bool(link.events))
        assert link.events.popleft().kind == "puback"
    assert pings(broker) == 0


def test_a_link_without_anything_to_say_is_kept_alive(broker: Mosquitto, link: Link) -> None:
    work(link, lambda: pings(broker) >= 3)
    assert not link.events


def test_a_broker_that_falls_silent_is_noticed_although_reports_go_out(
    broker: Mosquitto, link: Link
) -> None:
    assert broker.process is not None
    broker.process.send_signal(signal.SIGSTOP)
    try:
        work(link, lambda: link.publish("t/report", WORD) is None or bool(link.events))
        work(link, lambda: bool(link.events))
    finally:
        broker.process.send_signal(signal.SIGCONT)
    assert link.events.popleft().kind == "down"


def test_answers_that_come_meanwhile_are_read_in_one_go(link: Link) -> None:
    link.subscribe("t/ack")
    link.publish("t/ack", WORD)
    link.publish("t/report", WORD)
    link.wait(5, deaf=0.5)
    assert sorted(event.kind for event in link.events) == ["message", "puback", "puback"]


def test_who_does_not_listen_can_be_woken(link: Link) -> None:
    link.wake()
    before = time.monotonic()
    link.wait(LIMIT, deaf=LIMIT)
    assert time.monotonic() - before < LIMIT / 2


def test_who_does_not_listen_hears_that_the_broker_has_gone(broker: Mosquitto, link: Link) -> None:
    broker.kill()
    before = time.monotonic()
    link.wait(LIMIT, deaf=LIMIT)
    assert time.monotonic() - before < LIMIT / 2
    assert link.events.popleft().kind == "down"
