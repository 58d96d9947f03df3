"""http_response and net_response against servers on loopback: good, slow, hostile, encrypted."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest
from agent.probe_targets import (
    HOST,
    SHORT,
    Authority,
    Script,
    answer,
    closes,
    floods,
    hangs,
    request,
    says,
    serving,
    trickles,
)

from muster_agent.errors import ConfigError
from muster_wire.messages import Metric

OK = b"HTTP/1.1 200 OK\r\n"
PLAIN = OK + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = (
    OK + b"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhel" + b"lo\r\n7\r\n, world\r\n0\r\n\r\n"
)


def web(script: Script, path: str = "/", **settings: Any) -> Metric:
    """What a probe of such a web server says."""
    with serving(script) as port:
        (metric,) = answer(f"http://{HOST}:{port}{path}", **settings)
    assert metric.name == "http_response"
    return metric


def verdict(metric: Metric) -> tuple[str, object]:
    return metric.tags["result"], metric.fields["result_code"]


def test_a_page_is_asked_for_and_measured() -> None:
    asked: list[bytes] = []

    def script(connection: socket.socket) -> None:
        asked.append(request(connection))
        connection.sendall(PLAIN)

    with serving(script) as port:
        url = f"http://{HOST}:{port}/a?b=c"
        (metric,) = answer(url)
    first, *headers = asked[0].decode().split("\r\n")
    assert first == "GET /a?b=c HTTP/1.1"
    assert f"Host: {HOST}:{port}" in headers
    assert "Connection: close" in headers
    assert metric.tags == {
        "server": url,
        "method": "GET",
        "status_code": "200",
        "result": "success",
    }
    took = metric.fields.pop("response_time")
    assert isinstance(took, float)
    assert took > 0
    assert metric.fields == {"http_response_code": 200, "content_length": 5, "result_code": 0}


@pytest.mark.parametrize(
    ("pieces", "length"),
    [
        ([PLAIN], 5),
        ([PLAIN + b"more than announced"], 5),
        ([CHUNKED], 12),
        ([CHUNKED[at : at + 1] for at in range(len(CHUNKED))], 12),
        ([OK + b"\r\nuntil the end"], 13),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], 0),
        ([b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", PLAIN], 5),
        ([b"HTTP/1.0 200\r\n\r\n"], 0),
    ],
)
def test_bodies_of_every_kind_are_counted(pieces: list[bytes], length: int) -> None:
    metric = web(says(*pieces))
    assert verdict(metric) == ("success", 0)
    assert metric.fields["content_length"] == length


def test_an_error_of_the_service_is_an_answer_unless_a_status_is_expected() -> None:
    failing = says(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
    metric = web(failing)
    assert verdict(metric) == ("success", 0)
    assert metric.tags["status_code"] == "503"
    metric = web(failing, status=200)
    assert verdict(metric) == ("response_status_code_mismatch", 6)
    assert metric.fields["response_status_code_match"] == 0
    assert web(says(PLAIN), status=200).fields["response_status_code_match"] == 1


def test_a_text_is_found_wherever_it_stands() -> None:
    metric = web(says(CHUNKED), expect="hello, w")
    assert (metric.fields["response_string_match"], *verdict(metric)) == (1, "success", 0)
    metric = web(says(CHUNKED), expect="goodbye")
    assert metric.fields["response_string_match"] == 0
    assert verdict(metric) == ("response_string_mismatch", 1)


def test_head_waits_for_no_body() -> None:
    metric = web(hangs(OK + b"Content-Length: 5\r\n\r\n"), method="HEAD")
    assert (metric.tags["method"], metric.fields["content_length"]) == ("HEAD", 0)


@pytest.mark.parametrize(
    "script",
    [hangs(), hangs(OK), trickles(OK + b"X: " + b"y" * 5000)],
    ids=["silent", "half a head", "byte by byte"],
)
def test_a_target_that_does_not_get_on_is_given_up(script: Script) -> None:
    began = time.monotonic()
    metric = web(script, timeout=SHORT)
    assert time.monotonic() - began >= SHORT
    assert verdict(metric) == ("timeout", 4)
    assert metric.fields == {"result_code": 4}


@pytest.mark.parametrize(
    "script",
    [
        closes,
        says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        says(b"HTTP/1.1 2000 OK\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\nno end"),
        floods(OK, b"X: y\r\n" * 1000),
        floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10 + b"\0" * 40_000),
    ],
    ids=["closes", "not HTTP", "no such status", "cut", "endless head", "endless noise"],
)
def test_what_is_no_answer_is_a_failed_connection(script: Script) -> None:
    assert verdict(web(script)) == ("connection_failed", 3)


@pytest.mark.parametrize(
    ("script", "most"),
    [
        (floods(OK + b"\r\n", b"x" * 65_536), 20_000),
        (floods(OK + b"Content-Length: 99999999999\r\n\r\n", b"x" * 65_536), 20_000),
        (floods(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"e" * 900 + b"\r\nx\r\n"), 20),
        (says(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 2000), 0),
        (says(OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello"), 0),
        (says(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel"), 3),
        (says(OK + b"Content-Length: -5\r\n\r\nhello"), 0),
        (says(OK + b"Content-Length: 9\r\n\r\nhello"), 5),
    ],
    ids=["gigabytes", "announced", "in tiny chunks", "line", "minus", "cut chunk", "length", "cut"],
)
def test_a_body_that_cannot_be_read_is_left(script: Script, most: int) -> None:
    metric = web(script, max_kb=10, expect="z")
    assert verdict(metric) == ("body_read_error", 2)
    assert metric.tags["status_code"] == "200"
    length = metric.fields["content_length"]
    assert isinstance(length, int)
    assert length <= most + 16_384, "no more than one piece beyond the limit"
    assert metric.fields["response_string_match"] == 0


def test_a_body_that_stops_coming_is_left_at_the_deadline() -> None:
    metric = web(hangs(OK + b"Content-Length: 9\r\n\r\nhello"), timeout=SHORT)
    assert verdict(metric) == ("body_read_error", 2)
    assert metric.fields["http_response_code"] == 200


def redirecting(connection: socket.socket) -> None:
    """/0 leads to /1, and so on to /3."""
    number = int(request(connection).split()[1][1:])
    if number == 3:
        connection.sendall(PLAIN)
    else:
        place = b"Location: /%d\r\n" % (number + 1)
        connection.sendall(b"HTTP/1.1 302 Found\r\n" + place + b"Content-Length: 0\r\n\r\n")


@pytest.mark.parametrize(("redirects", "status"), [(0, 302), (1, 302), (3, 200), (5, 200)])
def test_redirects_are_followed_as_often_as_wanted(redirects: int, status: int) -> None:
    metric = web(redirecting, "/0", redirects=redirects)
    assert metric.fields["http_response_code"] == status
    assert metric.tags["server"].endswith("/0")


def test_a_redirect_may_lead_to_another_server_but_not_out_of_the_web() -> None:
    with serving(says(PLAIN)) as other:
        place = f"http://localhost:{other}/x"
        there = says(f"HTTP/1.1 301 Moved\r\nLocation: {place}\r\n\r\n".encode())
        assert web(there, redirects=1).fields["http_response_code"] == 200
    for place in ("tcp://127.0.0.1:1", "//evil", "file:///etc/passwd", "http://user@x/", ""):
        gone = says(f"HTTP/1.1 301 Moved\r\nLocation: {place}\r\n\r\n".encode())
        assert web(gone, redirects=1).fields["http_response_code"] == 301


def test_nothing_there_and_no_such_name() -> None:
    with serving(hangs()) as port:
        pass
    (metric,) = answer(f"http://{HOST}:{port}/")
    assert verdict(metric) == ("connection_failed", 3)
    (metric,) = answer("http://no..such/")
    assert verdict(metric) == ("dns_error", 5)


# ---- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def encrypted(authority: Authority, name: str, ca_file: object, **wanted: Any) -> list[Metric]:
    with serving(says(PLAIN), authority.context(name, **wanted)) as port:
        return answer(f"https://{HOST}:{port}/", ca_file=str(ca_file))


def test_a_good_certificate_is_told_with_its_end(authority: Authority) -> None:
    page, certificate = encrypted(authority, "good", authority.pair.cert)
    assert verdict(page) == ("success", 0)
    assert certificate.name == "x509_cert"
    source = page.tags["server"].removesuffix("/")
    assert certificate.tags == {
        "source": source,
        "common_name": HOST,
        "serial_number": "7b",
        "verification": "valid",
    }
    fields = certificate.fields
    start, end = fields["startdate"], fields["enddate"]
    assert isinstance(start, int)
    assert isinstance(end, int)
    assert end - start == 2 * 86_400
    assert fields["verification_code"] == 0
    assert fields["age"] == pytest.approx(time.time() - start, abs=30)
    assert fields["expiry"] == pytest.approx(end - time.time(), abs=30)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"days": -1}, "certificate has expired"),
        ({"common": "elsewhere.example"}, "IP address mismatch"),
    ],
    ids=["expired", "for another name"],
)
def test_a_bad_certificate_is_told_too(
    authority: Authority, wanted: dict[str, Any], why: str
) -> None:
    page, certificate = encrypted(authority, "bad", authority.pair.cert, **wanted)
    assert verdict(page) == ("connection_failed", 3)
    assert certificate.tags["verification"] == "invalid"
    assert certificate.fields["verification_code"] == 1
    assert why in str(certificate.fields["verification_error"])
    expiry = certificate.fields["expiry"]
    assert isinstance(expiry, int)
    assert (expiry < 0) == ("days" in wanted)


def test_an_authority_that_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    for ca_file in (str(other.pair.cert), ""):
        page, certificate = encrypted(authority, "unknown", ca_file)
        assert verdict(page) == ("connection_failed", 3)
        assert "unable to get local issuer" in str(certificate.fields["verification_error"])


def test_tls_that_is_none_or_hangs(authority: Authority) -> None:
    ca_file = str(authority.pair.cert)
    with serving(says(PLAIN)) as port:
        (page,) = answer(f"https://{HOST}:{port}/", timeout=SHORT, ca_file=ca_file)
        assert page.tags["result"] in ("connection_failed", "timeout")
    with serving(hangs()) as port:
        (page,) = answer(f"https://{HOST}:{port}/", timeout=SHORT, ca_file=ca_file)
        assert verdict(page) == ("timeout", 4)
    with serving(floods(b"", b"\0" * 65_536)) as port:
        (page,) = answer(f"https://{HOST}:{port}/", ca_file=ca_file)
        assert verdict(page) == ("connection_failed", 3)


def test_a_file_of_authorities_that_cannot_be_read(authority: Authority, tmp_path: Path) -> None:
    with (
        serving(says(PLAIN), authority.context("unread")) as port,
        pytest.raises(ConfigError, match=r"ca_file = .*none\.pem.*: use a readable PEM file"),
    ):
        answer(f"https://{HOST}:{port}/", ca_file=str(tmp_path / "none.pem"))


# ---- net_response


def port_of(script: Script, **settings: Any) -> Metric:
    with serving(script) as port:
        (metric,) = answer(f"tcp://{HOST}:{port}", **settings)
        assert metric.tags["port"] == str(port)
    return metric


def test_a_port_that_is_open() -> None:
    metric = port_of(hangs())
    result, code = verdict(metric)
    assert (metric.name, result, code) == ("net_response", "success", 0)
    assert (metric.tags["server"], metric.tags["protocol"]) == (HOST, "tcp")
    took = metric.fields["response_time"]
    assert isinstance(took, float)
    assert took > 0


def echoes(connection: socket.socket) -> None:
    while data := connection.recv(3):
        connection.sendall(data.upper())


@pytest.mark.parametrize(
    ("script", "settings", "result"),
    [
        (echoes, {"send": "ping\r\n", "expect": "PING"}, ("success", 0)),
        (hangs(b"220 mail", b".example ESMTP"), {"expect": "ESMTP"}, ("success", 0)),
        (lambda c: c.sendall(b"500 no"), {"expect": "ESMTP"}, ("string_mismatch", 4)),
        (floods(b"", b"x" * 10_000), {"expect": "ESMTP"}, ("string_mismatch", 4)),
        (closes, {"expect": "ESMTP"}, ("read_failed", 3)),
        (hangs(b"22"), {"expect": "220", "timeout": SHORT}, ("read_failed", 3)),
    ],
)
def test_a_port_that_must_answer(
    script: Script, settings: dict[str, Any], result: tuple[str, int]
) -> None:
    assert verdict(port_of(script, **settings)) == result


def test_a_port_that_nobody_listens_on_or_that_takes_nobody() -> None:
    with serving(hangs()) as port:
        pass
    (metric,) = answer(f"tcp://{HOST}:{port}")
    assert verdict(metric) == ("connection_failed", 2)
    (metric,) = answer("tcp://no..such:80")
    assert verdict(metric) == ("connection_failed", 2)
    with socket.create_server((HOST, 0), backlog=0) as listener:
        place = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(place)
        (metric,) = answer(f"tcp://{HOST}:{place[1]}", timeout=SHORT)
        for sock in waiting:
            sock.close()
    assert verdict(metric) == ("timeout", 1)
    assert "response_time" not in metric.fields


def test_a_port_with_tls(authority: Authority) -> None:
    with serving(hangs(), authority.context("port")) as port:
        answered, certificate = answer(f"tls://{HOST}:{port}", ca_file=str(authority.pair.cert))
    assert verdict(answered) == ("success", 0)
    assert certificate.tags["source"] == f"tcp://{HOST}:{port}"
