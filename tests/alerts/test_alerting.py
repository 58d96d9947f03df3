"""The collector's own alerting: from points in a store to a webhook and a mailbox, and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from agent.probe_targets import Authority
from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from alerts.worlds import END, MINUTE, WORLDS, completeness, disk

from muster_collector import config
from muster_collector.alerts.receivers import Receiver, receivers
from muster_collector.alerts.rules import RULES
from muster_collector.alerts.service import Alerting
from muster_collector.errors import ConfigError, MusterError, StoreError
from muster_collector.store.base import Point, Query, Read, RefusedPoint, Sample, Table
from muster_collector.store.embedded import EmbeddedStore
from servers import free_port

OTHERS = tuple(rule.name for rule in RULES if not rule.quiet and rule.name != "silent-site")
"""Rules that would speak of what these small worlds leave out."""


class Store:
    """A real embedded store that can be away."""

    def __init__(self, path: Path) -> None:
        self.inner = EmbeddedStore(path)
        self.name = self.inner.name
        self.away = False

    async def open(self) -> None:
        await self.inner.open()

    async def write(self, points: Sequence[Sample]) -> list[RefusedPoint]:
        if self.away:
            raise StoreError("away")
        return await self.inner.write(points)

    async def select(self, query: Query) -> Table:
        if self.away:
            raise StoreError("away")
        return await self.inner.select(query)

    async def close(self) -> None:
        await self.inner.close()


class Hook:
    """A webhook that keeps what it is sent; `status` is what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.taken: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    async def post(self, request: web.Request) -> web.Response:
        if self.status == 200:
            self.taken.append(await request.json())
            self.headers.append(dict(request.headers))
        return web.Response(status=self.status)

    def take(self) -> list[dict[str, Any]]:
        taken, self.taken = self.taken, []
        return taken


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    made = Hook()
    app = web.Application()
    app.router.add_post("/hook", made.post)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    made.url = f"http://127.0.0.1:{port}/hook?key=secret"
    yield made
    await runner.cleanup()


class Post:
    """A mailbox; aiosmtpd's handler."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.to: list[list[str]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        del server, session
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.to.append(envelope.rcpt_tos)
        return "250 kept"


class World:
    """A store, an alerting over it, and its clock."""

    def __init__(self, store: Store, directory: Path) -> None:
        self.store = store
        self.directory = directory
        self.now = END
        self.alerting = self.begin()

    def begin(self, told: Sequence[Receiver] = (), **settings: Any) -> Alerting:
        """An alerting as after a start of the process."""
        section = config.Alerts(**({"off": OTHERS} | settings))
        told = told or receivers(section)
        self.alerting = Alerting(self.store, section, told, self.directory, clock=lambda: self.now)
        return self.alerting

    async def after(self, minutes: float = 1) -> list[str]:
        """Go on a minute at a time and evaluate; what then fires."""
        for _ in range(round(minutes)):
            self.now += MINUTE
            await self.alerting.evaluate()
        return self.firing

    @property
    def firing(self) -> list[str]:
        alerts = self.alerting.book.alerts.values()
        firing = (alert for alert in alerts if alert.state == "firing")
        return sorted(f"{alert.rule} {dict(alert.labels).get('site')}" for alert in firing)

    async def report(self, silent: float, *, minutes: int = 90) -> None:
        """What the collector writes of node a1 at site a, each minute from now on."""
        points = [
            completeness("a1", "a", END - self.now - minute * MINUTE, silent_s=silent)
            for minute in range(minutes)
        ]
        assert await self.store.write(points) == []


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = Store(tmp_path / "store.duckdb")
    await store.open()
    yield World(store, tmp_path)
    await store.close()


async def test_a_silent_site_is_one_message_and_its_end_another(world: World, hook: Hook) -> None:
    world.begin(webhook_url=hook.url, link="https://wiki/")
    await world.report(3.0)
    assert await world.after(3) == []
    await world.report(500.0)
    assert await world.after(2) == []
    assert await world.after(1) == ["silent-site a"]
    (message,) = hook.take()
    assert message["version"] == "4"
    assert message["status"] == "firing"
    assert message["groupLabels"] == {"site": "a"}
    (alert,) = message["alerts"]
    assert alert["labels"] == {
        "alertname": "silent-site", "severity": "critical", "site": "a", "team": "noc",
    }  # fmt: skip
    assert alert["annotations"]["summary"] == "No node of a has reported for 500 s."
    assert alert["annotations"]["runbook_url"] == "https://wiki/docs/runbooks/silent-site.md"
    assert alert["startsAt"].endswith("Z")
    # The node's own alert begins too, and is explained by the site's.
    assert await world.after(10) == ["silent-node a", "silent-site a"]
    assert hook.take() == []
    await world.report(2.0)
    assert await world.after(6) == []
    (message,) = hook.take()
    assert message["status"] == "resolved"
    assert [alert["status"] for alert in message["alerts"]] == ["resolved"]
    assert message["alerts"][0]["endsAt"] > message["alerts"][0]["startsAt"]
    assert await world.after(60) == []
    assert hook.take() == []


async def test_a_receiver_that_fails_is_tried_again(
    world: World, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    world.begin(webhook_url=hook.url)
    await world.report(500.0)
    hook.status = 503
    await world.after(5)
    assert hook.taken == []
    lines = [record.message for record in caplog.records if "not notified" in record.message]
    assert lines == ["not notified: webhook 127.0.0.1 answers HTTP 503; tried again"]
    assert "secret" not in caplog.text
    hook.status = 200
    await world.after(1)
    assert len(hook.take()) == 1
    await world.after(3)
    assert hook.take() == []


async def test_one_dead_receiver_keeps_nothing_from_the_other(world: World, hook: Hook) -> None:
    dead = f"http://127.0.0.1:{free_port()}/"
    (gone,) = receivers(config.Alerts(webhook_url=dead))
    gone.name = "gone"
    (here,) = receivers(config.Alerts(webhook_url=hook.url))
    world.begin([gone, here])
    await world.report(500.0)
    await world.after(4)
    assert len(hook.take()) == 1


async def test_a_redirect_gets_no_token(world: World, hook: Hook, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    world.begin(webhook_url=hook.url, webhook_token_file=tmp_path / "token")
    await world.report(500.0)
    hook.status = 307
    await world.after(4)
    hook.status = 200
    await world.after(1)
    assert [headers["Authorization"] for headers in hook.headers] == ["Bearer s3cret"]


async def test_a_restart_tells_nobody_again_and_forgets_nothing(world: World, hook: Hook) -> None:
    world.begin(webhook_url=hook.url)
    await world.report(500.0)
    world.alerting.silence({"rule": "silent-node"}, world.now + 10**8, "me", "because")
    assert await world.after(6) == ["silent-node a", "silent-site a"]
    assert len(hook.take()) == 1
    world.begin(webhook_url=hook.url)
    assert world.firing == ["silent-node a", "silent-site a"]
    (silence,) = world.alerting.book.silences.values()
    assert (silence.by, silence.comment) == ("me", "because")
    await world.after(10)
    assert hook.take() == []


async def test_what_still_fires_is_told_again(world: World, hook: Hook) -> None:
    world.begin(webhook_url=hook.url, repeat="30m")
    await world.report(500.0)
    await world.after(70)
    assert [message["status"] for message in hook.take()] == ["firing"] * 3


async def test_while_the_database_is_away_nothing_else_is_judged(world: World, hook: Hook) -> None:
    world.begin(webhook_url=hook.url)
    await world.report(3.0)
    await world.after(3)
    world.store.away = True
    await world.alerting.evaluate()
    assert world.firing == []
    for _ in range(6):
        world.now += MINUTE
        await world.alerting.evaluate()
    names = [a.rule for a in world.alerting.book.alerts.values() if a.state == "firing"]
    assert names == ["database-away"]
    assert [message["groupLabels"] for message in hook.take()] == [{"alertname": "database-away"}]
    world.store.away = False
    await world.after(6)
    assert [message["status"] for message in hook.take()] == ["resolved"]


async def test_a_silence_ends_by_itself(world: World, hook: Hook) -> None:
    world.begin(webhook_url=hook.url)
    await world.report(500.0)
    world.alerting.silence({"site": "a"}, world.now + 10 * MINUTE, "", "")
    await world.after(9)
    assert hook.take() == []
    await world.after(1)
    assert len(hook.take()) == 1


async def test_mail_goes_to_everybody_in_their_language(world: World) -> None:
    post = Post()
    server = Controller(post, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        world.begin(
            mail_to=("noc@city.example", "duty@city.example"), mail_from="muster@city.example",
            smtp_url=f"smtp://127.0.0.1:{server.port}", language="zh",
        )  # fmt: skip
        await world.report(500.0)
        await world.after(4)
    finally:
        server.stop()
    (mail,) = post.mails
    assert post.to == [["noc@city.example", "duty@city.example"]]
    assert mail["Subject"] == "[告警] a: 站点静默"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert "a 的所有节点已 500 秒没有上报。" in text
    assert "docs/runbooks/silent-site.md" in text


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
async def test_a_mail_server_may_want_tls_and_a_password(
    world: World, scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    authority = Authority(tmp_path)
    context = authority.context("mail")
    given: list[tuple[bytes, bytes]] = []

    def known(_server: Any, _session: Any, _envelope: Any, _kind: Any, data: Any) -> AuthResult:
        given.append((data.login, data.password))
        return AuthResult(success=data.password == b"s3cret", handled=False)

    # The server knows of no TLS but that which begins with a word.
    word = scheme == "smtp+starttls"
    kind: dict[str, Any] = {"tls_context": context} if word else {"ssl_context": context}
    post = Post()
    server = Controller(
        post, hostname="127.0.0.1", port=free_port(), authenticator=known, auth_required=word,
        auth_require_tls=word, require_starttls=word, **kind,
    )  # fmt: skip
    server.start()
    password = tmp_path / "password"
    try:
        await world.report(500.0)

        async def told(text: str) -> int:
            password.write_text(text)
            world.begin(
                mail_to=("noc@city.example",), smtp_url=f"{scheme}://127.0.0.1:{server.port}",
                smtp_username="muster", smtp_password_file=password,
            )  # fmt: skip
            await world.after(4)
            return len(post.mails)

        assert await told("s3cret\n") == 0, "nobody signs its certificate"
        assert given == []
        assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.pair.cert))
        assert await told("wrong\n") == 0
        assert "mail server 127.0.0.1 refuses: (535" in caplog.text
        assert await told("s3cret\n") == 1
    finally:
        server.stop()
    assert given[-1] == (b"muster", b"s3cret")
    assert "s3cret" not in caplog.text


async def test_an_address_that_a_mail_server_refuses_is_said_and_the_others_are_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    class Choosy(Post):
        async def handle_RCPT(self, _1: Any, _2: Any, envelope: Any, to: str, _3: Any) -> str:  # noqa: N802
            if to.startswith("left"):
                return "550 nobody of that name"
            envelope.rcpt_tos.append(to)
            return "250 known"

    post = Choosy()
    server = Controller(post, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        world.begin(
            mail_to=("noc@city.example", "left@city.example"),
            smtp_url=f"smtp://127.0.0.1:{server.port}",
        )
        await world.report(500.0)
        await world.after(8)
    finally:
        server.stop()
    assert post.to == [["noc@city.example"]]
    line = "not notified: mail server 127.0.0.1 refuses left@city.example: 550 nobody of that name"
    assert [r.message for r in caplog.records if "left@" in r.message] == [line]


async def test_a_mail_server_that_is_away_is_one_line(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.begin(mail_to=("noc@city.example",), smtp_url=f"smtp://127.0.0.1:{free_port()}")
    await world.report(500.0)
    await world.after(6)
    lines = [record.message for record in caplog.records if "not notified" in record.message]
    assert lines == [
        "not notified: mail server 127.0.0.1 cannot be reached: Connection refused; tried again"
    ]


async def test_names_in_a_mail_cannot_add_headers(world: World) -> None:
    post = Post()
    server = Controller(post, hostname="127.0.0.1", port=free_port())
    server.start()
    evil = "x\r\nBcc: all@city.example\r\n\r\n<b>"
    try:
        world.begin(
            mail_to=("noc@city.example",), smtp_url=f"smtp://127.0.0.1:{server.port}",
            off=(*OTHERS, "silent-site"),
        )  # fmt: skip
        points = [
            Point(
                "readiness", (("id", evil.replace("\r\n", "\u2028")), ("level", "site")),
                {"coverage": 1.0, "score": 1.0}, END + minute * MINUTE,
            )
            for minute in range(30)
        ]  # fmt: skip
        assert await world.store.write(points) == []
        await world.after(20)
    finally:
        server.stop()
    (mail,) = post.mails
    assert mail["Bcc"] is None
    assert "Bcc: all" in str(mail["Subject"])


async def test_boards_find_what_fires_in_the_store(world: World) -> None:
    world.begin(off=(*OTHERS, "silent-site"))
    assert await world.store.write(disk("a1", "/", [(-MINUTE * n, 99.0) for n in range(20)])) == []
    await world.after(10)
    reads = tuple(Read(name, "last") for name in ("firing", "summary", "summary_zh", "title"))
    table = await world.store.select(
        Query("alert", reads, world.now, world.now + 1, group=("rule", "severity", "site", "host"))
    )
    row = {name: values[0] for name, values in table.columns.items()}
    assert row["firing_last"] == 1
    assert (row["rule"], row["severity"], row["site"]) == ("disk-full", "critical", "a")
    assert row["summary_last"] == "/ of a1 at a is 99 % full."
    assert row["summary_zh_last"] == "a 的 a1 上 / 已用 99 %。"


async def test_limits_and_rules_are_the_operators(world: World) -> None:
    world.begin(limits={"disk-full": 50.0}, off=(*OTHERS, "silent-site"))
    assert await world.store.write(disk("a1", "/", [(-MINUTE * n, 60.0) for n in range(20)])) == []
    await world.report(500.0)
    assert await world.after(10) == ["disk-full a", "silent-node a"]


async def test_a_disk_that_fills_is_asked_for_seldom(world: World) -> None:
    world.begin(off=(*OTHERS, "silent-site"))
    assert await world.store.write(WORLDS["disk-full-4h"].points) == []
    asked = []
    select = world.store.select

    async def counted(query: Query) -> Table:
        if query.every:
            asked.append(world.now)
        return await select(query)

    world.store.select = counted  # type: ignore[method-assign]
    await world.after(20)
    assert len(asked) == 4 + 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"alerts": 1}', '{"version": 1}'])
def test_a_damaged_file_is_named(world: World, content: str) -> None:
    (world.directory / "alerts.json").write_text(content)
    with pytest.raises(MusterError, match=r"alerts\.json: damaged; move it away to begin anew"):
        world.begin()


async def test_a_file_that_cannot_be_written_stops_nothing(
    world: World, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    world.begin(webhook_url=hook.url)
    (world.directory / "alerts.new").mkdir()
    await world.report(500.0)
    assert await world.after(3) == ["silent-site a"]
    assert len(hook.take()) == 1
    assert caplog.text.count("alerts.json not written") == 1
    (world.directory / "alerts.new").rmdir()
    await world.after(1)
    assert json.loads((world.directory / "alerts.json").read_text())["version"] == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('off = ["disk"]', "[alerts] off = ['disk']: 'disk' is no rule: use silent-site, "),
        ("limits = { nope = 1 }", "'nope' is no rule"),
        ('mail_to = ["noc"]', "'noc' is no address: use NAME@HOST"),
        ('smtp_url = "mail.example"', "[alerts] smtp_url"),
        ('webhook_url = "file:///etc/passwd"', "[alerts] webhook_url"),
        ('every = "0s"', "[alerts] every"),
        ("colour = 1", "[alerts] colour: unknown key"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, line: str) -> None:
    file = tmp_path / "collector.toml"
    file.write_text(f"[alerts]\n{text}\n")
    with pytest.raises(ConfigError) as error:
        config.load(file)
    assert line in str(error.value)


@asynccontextmanager
async def running(alerting: Alerting) -> AsyncIterator[None]:
    task = asyncio.create_task(alerting.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_goes_on_by_itself(world: World, hook: Hook) -> None:
    """A pass is asked for again and again; here the clock goes a minute a pass."""
    world.begin(webhook_url=hook.url)
    await world.report(500.0)
    enough = asyncio.Event()

    async def sleep(_: float) -> None:
        world.now += MINUTE
        if hook.taken:
            enough.set()
        await asyncio.sleep(0)

    world.alerting._sleep = sleep
    async with running(world.alerting), asyncio.timeout(20):
        await enough.wait()
    assert hook.take()[0]["status"] == "firing"
