"""The shipped configuration of nginx, run for real between a browser and the collector's page."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from page.conftest import Open, OpenWorld
from page.world import World, example
from playwright.async_api import Page, expect

from servers import Server, program

pytestmark = pytest.mark.asyncio(loop_scope="module")
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
TOKEN = "right"  # noqa: S105 - of a server that lives for this test
WINDOWS = 8
"""More than the connections that a browser opens to a host over HTTP/1.1, which are six."""


class Nginx(Server):
    """Debian's nginx with the shipped file; paths, ports and `changes` are those of the test."""

    def __init__(self, directory: Path, behind: str, changes: dict[str, str]) -> None:
        super().__init__(directory)
        self.program = program("nginx")
        self.changes = {
            "listen 443 ssl http2;": f"listen 127.0.0.1:{self.port} ssl http2;",
            "    listen [::]:443 ssl http2;\n": "",
            "/etc/nginx/muster": f"{directory}/issued/localhost",
            "http://127.0.0.1:8080": behind.rstrip("/"),
        } | changes

    def command(self) -> list[str]:
        for action in (("init",), ("server", "localhost")):
            made = [DEPLOY / "certificates", action[0], self.directory, *action[1:]]
            subprocess.run(made, check=True, capture_output=True)
        text = (DEPLOY / "nginx" / "muster.conf").read_text()
        for shipped, ours in self.changes.items():
            assert text.count(shipped) in (1, 2), shipped
            text = text.replace(shipped, ours)
        scratch = "".join(
            f"{kind}_temp_path {self.directory}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration = self.directory / "nginx.conf"
        configuration.write_text(
            f"user root;\ndaemon off;\nerror_log stderr;\npid {self.directory}/pid;\n"
            f"events {{}}\nhttp {{\naccess_log off;\n{scratch}{text}}}\n"
        )
        return [self.program, "-p", str(self.directory), "-c", str(configuration)]


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Callable[..., Nginx]]:
    """Starts nginx with changes to the shipped text. Ask for it first, so that it ends last."""
    started: list[Nginx] = []

    def start(behind: str, **changes: str) -> Nginx:
        started.append(Nginx(tmp_path / "nginx", behind, changes).start())
        return started[-1]

    yield start
    for one in started:
        one.stop()


async def guarded(open_world: OpenWorld) -> World:
    machines, known, estate = example(2, 1)
    made = await open_world(known, estate, token=TOKEN)
    await made.fill(machines, 3)
    return made


async def enter(page: Page) -> None:
    await page.get_by_label("API token").fill(TOKEN)
    await page.keyboard.press("Enter")
    await expect(page.locator(".pulse")).to_contain_text("Live")


async def test_any_number_of_windows_is_live_over_http_2(
    nginx: Callable[..., Nginx], open_world: OpenWorld, open_page: Open
) -> None:
    made = await guarded(open_world)
    url = f"https://localhost:{nginx(made.url).port}/"
    page = await open_page(url, expected=("401",), ignore_https_errors=True)
    await enter(page)
    for _ in range(WINDOWS - 1):
        page = await page.context.new_page()
        await page.goto(url)
        await expect(page.locator(".pulse")).to_contain_text("Live")
    protocols = "performance.getEntriesByType('resource').map((one) => one.nextHopProtocol)"
    assert set(await page.evaluate(protocols)) == {"h2"}


async def test_it_may_have_a_path_of_its_own_and_takes_what_its_page_sends(
    nginx: Callable[..., Nginx], open_world: OpenWorld, open_page: Open
) -> None:
    made = await guarded(open_world)
    behind = made.url.rstrip("/")
    server = nginx(
        made.url,
        **{
            "location / {": "location /muster/ {",
            f"proxy_pass {behind};": f"proxy_pass {behind}/;",
        },
    )
    url = f"https://localhost:{server.port}/muster/"
    page = await open_page(url, expected=("401",), ignore_https_errors=True)
    await enter(page)
    answers = await page.evaluate(
        """async (token) => {
            const content = JSON.stringify({ match: { site: "a" }, duration: "2h" });
            const type = "application/json";
            const headers = { Authorization: `Bearer ${token}`, "Content-Type": type };
            const sent = await fetch("api/v1/silences", { method: "POST", headers, body: content });
            return [sent.status, (await sent.json()).match];
        }""",
        TOKEN,
    )
    assert answers == [200, {"site": "a"}]
