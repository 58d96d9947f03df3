"""dns_query against a name server of our own, and ping on loopback and in a network of its own."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from threading import Thread

import pytest
from agent.probe_targets import HOST, SHORT, answer

from muster_agent.probes import ping
from muster_agent.probes.dns_query import query, response_code
from muster_agent.sensors import SensorAbsentError
from muster_wire.messages import Metric

Answers = Callable[[bytes], list[bytes]]

QUESTION = bytes.fromhex(
    "0001 0100 0001 0000 0000 0000 03777777 07 6578616d706c65 03 6f7267 00 001c 0001"
)
"""AAAA of www.example.org with the number 1, by RFC 1035."""


@contextlib.contextmanager
def name_server(answers: Answers) -> Iterator[int]:
    """Answers every question by UDP; an empty one ends it."""

    def serve() -> None:
        while True:
            asked, place = server.recvfrom(4096)
            if not asked:
                return
            for packet in answers(asked):
                server.sendto(packet, place)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((HOST, 0))
        thread = Thread(target=serve, daemon=True)
        thread.start()
        port: int = server.getsockname()[1]
        try:
            yield port
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", (HOST, port))
            thread.join()


def reply(asked: bytes, code: int = 0, flags: int = 0x8180) -> bytes:
    """The question as an answer."""
    return asked[:2] + (flags | code).to_bytes(2, "big") + asked[4:]


def asked(answers: Answers, **settings: float) -> Metric:
    with name_server(answers) as port:
        (metric,) = answer(f"dns://{HOST}:{port}/www.example.org?type=AAAA", **settings)
    assert metric.name == "dns_query"
    return metric


def test_a_name_is_asked_for_as_the_standard_says() -> None:
    seen: list[bytes] = []

    def answers(question: bytes) -> list[bytes]:
        seen.append(question)
        return [reply(question)]

    metric = asked(answers)
    assert seen[0][2:] == QUESTION[2:]
    assert query(1, "www.example.org", 28) == QUESTION
    assert metric.tags == {
        "server": HOST,
        "domain": "www.example.org",
        "record_type": "AAAA",
        "rcode": "NOERROR",
        "result": "success",
    }
    took = metric.fields.pop("query_time_ms")
    assert isinstance(took, float)
    assert took > 0
    assert metric.fields == {"rcode_value": 0, "result_code": 0}


def test_a_name_that_does_not_exist_is_an_error_with_a_time() -> None:
    metric = asked(lambda question: [reply(question, 3)])
    assert (metric.tags["rcode"], metric.tags["result"]) == ("NXDOMAIN", "error")
    assert (metric.fields["rcode_value"], metric.fields["result_code"]) == (3, 2)
    assert "query_time_ms" in metric.fields


def test_what_is_no_answer_to_the_question_is_passed_over() -> None:
    def answers(question: bytes) -> list[bytes]:
        other = bytes([question[0] ^ 1]) + question[1:]
        elsewhere = question.replace(b"example", b"attacks")
        return [b"", b"\0" * 11, question, reply(other), reply(elsewhere), reply(question, 5)]

    assert asked(answers).tags["rcode"] == "REFUSED"


def test_names_come_back_in_any_case_and_refusals_without_the_question() -> None:
    mixed = asked(lambda question: [reply(question.replace(b"www", b"wWw"))])
    assert mixed.tags["result"] == "success"
    bare = asked(lambda question: [question[:2] + b"\x81\x85" + bytes(8)])
    assert bare.tags["rcode"] == "REFUSED"


def test_without_an_answer_there_is_no_time() -> None:
    silent = asked(lambda _: [], timeout=SHORT)
    assert (silent.tags["result"], silent.fields) == ("timeout", {"result_code": 1})
    with name_server(lambda _: []) as port:
        pass
    (nobody,) = answer(f"dns://{HOST}:{port}/example.org")
    assert (nobody.tags["result"], nobody.fields) == ("error", {"result_code": 2})
    (unknown,) = answer("dns://no..such/example.org")
    assert unknown.fields == {"result_code": 2}


@pytest.mark.parametrize("code", range(16))
def test_every_code_has_a_word_or_its_number(code: int) -> None:
    assert response_code(reply(QUESTION, code), QUESTION) == code
    metric = asked(lambda question: [reply(question, code)])
    assert metric.tags["rcode"]


# ---- ping

ALONE = """
import json, sys
from agent.probe_targets import answer
for url in sys.argv[1:]:
    (metric,) = answer(url, timeout=0.4, count=3)
    print(json.dumps([metric.tags, metric.fields]))
"""
NETWORK = """
set -e
echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range
ip link set lo up
{prepare}
exec setpriv --bounding-set -all --inh-caps -all "$@"
"""


def in_network(prepare: str, *urls: str) -> list[tuple[dict[str, str], dict[str, float]]]:
    """What pings say in a network of their own, where no raw socket may be had."""
    script = NETWORK.format(prepare=prepare)
    python = [sys.executable, "-c", ALONE, *urls]
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script, "sh", *python],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=__file__.rpartition("/agent/")[0],
    )
    if "unshare failed" in done.stderr or "ermission denied" in done.stderr:
        pytest.skip("networks of one's own take root")
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def test_loopback_answers() -> None:
    try:
        (metric,) = answer(f"ping://{HOST}", count=3, peer_site="north")
    except SensorAbsentError as error:
        pytest.skip(str(error))
    assert (metric.name, metric.tags) == ("ping", {"url": HOST, "peer_site": "north"})
    fields = metric.fields
    assert (fields["packets_transmitted"], fields["packets_received"]) == (3, 3)
    assert (fields["percent_packet_loss"], fields["result_code"]) == (0.0, 0)
    assert fields["ttl"] == 64
    low, mean, high = (fields[f"{k}_response_ms"] for k in ("minimum", "average", "maximum"))
    assert 0 < float(low) <= float(mean) <= float(high)


def test_both_families_without_any_right_but_the_group_s() -> None:
    for tags, fields in in_network("", "ping://127.0.0.1", "ping://[::1]"):
        assert tags["url"] in ("127.0.0.1", "::1")
        assert (fields["packets_received"], fields["ttl"]) == (3, 64)


def test_a_host_that_does_not_answer_and_one_that_cannot_be_reached() -> None:
    silent, away = in_network(
        "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all", "ping://127.0.0.1", "ping://192.0.2.1"
    )
    assert silent[1] == {
        "packets_transmitted": 3,
        "packets_received": 0,
        "percent_packet_loss": 100.0,
        "result_code": 1,
    }
    assert away[1] == {"result_code": 2}
    (unknown,) = answer("ping://no..such")
    assert unknown.fields == {"result_code": 1}


def test_without_the_right_there_is_no_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> socket.socket:
        raise PermissionError

    monkeypatch.setattr(socket, "socket", refused)
    with pytest.raises(SensorAbsentError, match=r"net\.ipv4\.ping_group_range"):
        answer(f"ping://{HOST}")


def test_the_summary_of_known_round_trips() -> None:
    # The example of ping(8)'s mdev: 1, 2, 3, 4 ms have a mean of 2.5 and a deviation of 1.118.
    assert ping.summary(5, [0.001, 0.004, 0.002, 0.003], 57) == {
        "packets_transmitted": 5,
        "packets_received": 4,
        "percent_packet_loss": 20.0,
        "result_code": 0,
        "minimum_response_ms": 1.0,
        "average_response_ms": 2.5,
        "maximum_response_ms": 4.0,
        "standard_deviation_ms": 1.118,
        "ttl": 57,
    }


def test_the_checksum_of_the_standard_s_example() -> None:
    """RFC 1071, section 3: the sum of these bytes is ddf2, and the checksum its complement."""
    assert ping.checksum(bytes.fromhex("0001f203f4f5f6f7")) == bytes.fromhex("220d")
