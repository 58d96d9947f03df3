"""The page over 10,000 nodes: a real collector takes their reports, a real Chromium shows them.

Each load has an empty cache and a new renderer; its times are the browser's own, from the request
of the document to the first frame with the score in it. Loads come in two rows: between the scores
of two windows, and from the moment when a window is due until its scores are there. `BENCH_NODES`,
`BENCH_LOADS` (of each row) and `BENCH_STRIDE` (s) make it shorter.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from bench import _load
from page.conftest import ARGUMENTS, CHROMIUM
from playwright.sync_api import Browser, Page, sync_playwright

from servers import Mosquitto, free_port

NODES = int(os.environ.get("BENCH_NODES", "10000"))
LOADS = int(os.environ.get("BENCH_LOADS", "9"))
SITES, DISTRICTS, REGIONS = 100, 11, 3
UPDATES = 3
EVERY, WINDOW, STRIDE = 60, 150, int(os.environ.get("BENCH_STRIDE", "120"))
"""Seconds from report to report, of a window, and from score to score.

The scores of 10,000 nodes are 420,000 points: the embedded store takes most of a minute for them.
"""
LONGEST = 10
"""Seconds that a load with all nodes listed may take, so that it ends before a window is due."""
PATIENCE = 900.0
EARLIER = 1000
"""Ms by which the page may have a new score before this program has it."""
MUSTER = Path(sys.executable).with_name("muster")

WATCH = """
(() => {
  const seen = () => {
    const figure = document.querySelector(".big .figure");
    if (figure?.textContent) window.scored ??= performance.now();
    else requestAnimationFrame(() => requestAnimationFrame(seen));
  };
  seen();
})();
"""
"""Tells when the first frame with a score has been drawn: the frame after the one that has it."""
WATCH_UPDATES = """
() => {
  window.updates = [];
  const facts = document.querySelector(".hero .score");
  let before = facts.textContent;
  new MutationObserver(() => {
    if (facts.textContent === before) return;
    before = facts.textContent;
    requestAnimationFrame(() => window.updates.push(Date.now()));
  }).observe(facts, { childList: true, subtree: true, characterData: true });
}
"""
ENTRIES = """
() => performance.getEntriesByType("resource").map((one) => ({
  name: new URL(one.name).pathname, end: one.responseEnd, bytes: one.encodedBodySize,
}))
"""


@dataclass
class Load:
    """One visit: ms to the score, requests and bytes until then."""

    score: float
    requests: int
    size: int


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary, ExitStack() as stack:
        url, process = stack.enter_context(fleet(Path(temporary)))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        stack.callback(browser.close)
        idle = rate(process, STRIDE)
        first_scores("between scores", rested(browser, url, process))
        first_scores("while all nodes are scored", pressed(browser, url))
        delays = updates(browser, url)
        told = ", ".join(f"{one:.0f}" for one in delays)
        row(
            "from a new score to its frame, median",
            f"{statistics.median(delays):.0f} ms",
            f"({told})",
        )
        row("script compressed, every view opened", f"{scripts(browser, url) / 1000:.0f} KB")
        row("collector when nobody looks", f"{100 * idle:.0f} % of a core")


def first_scores(when: str, loads: list[Load]) -> None:
    """The rows of some loads."""
    middle = sorted(loads, key=lambda one: one.score)[len(loads) // 2]
    times = ", ".join(f"{one.score:.0f}" for one in loads)
    row(f"first score visible {when}, median", f"{middle.score:.0f} ms", f"({times})")
    row("requests until then", f"{middle.requests}", f"{middle.size / 1000:.0f} KB")


def rested(browser: Browser, url: str, process: psutil.Process) -> list[Load]:
    """Loads from one score until the next window is due, as often as it takes, and their CPU."""
    loads: list[Load] = []
    spent = 0.0
    while len(loads) < LOADS:
        wait_for_score(url)
        idle = rate(process, LONGEST)
        while len(loads) < LOADS and to_due() > LONGEST:
            before, began = cpu(process), time.monotonic()
            loads.append(load(browser, url))
            spent += cpu(process) - before - idle * (time.monotonic() - began)
    row("CPU of the collector, a visit", f"{1000 * spent / LOADS:.0f} ms", "(all nodes listed)")
    return loads


def pressed(browser: Browser, url: str) -> list[Load]:
    """Loads from when a window is due until its scores are there, as often as it takes."""
    loads: list[Load] = []
    while len(loads) < LOADS:
        wait_for_score(url)
        newest = ask(f"{url}api/v1/tree?levels=fleet")["time"]
        time.sleep(to_due())
        while len(loads) < LOADS:
            found = load(browser, url)
            if ask(f"{url}api/v1/tree?levels=fleet")["time"] != newest:
                break
            loads.append(found)
    return loads


def wait_for_score(url: str) -> None:
    """Until the next window has been scored."""
    with urllib.request.urlopen(f"{url}api/v1/live", timeout=PATIENCE) as stream:
        events = (line for line in stream if line.startswith(b"event: score"))
        next(events)  # what there is already
        next(events)


def to_due() -> float:
    """Seconds until the next window is scored: a tenth of a stride after its end, 15 s at most."""
    return STRIDE - (time.time() - min(STRIDE / 10, 15)) % STRIDE


def row(name: str, value: str, more: str = "") -> None:
    """A line of the table."""
    print(f"{name:<56}{value:>10}  {more}", flush=True)


@contextmanager
def fleet(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Broker, collector and simulated nodes; yields the page's address once all are scored."""
    broker = Mosquitto(folder / "broker", _load.BROKER).start()
    port = free_port()
    estate(folder / "estate.toml")
    (folder / "collector.toml").write_text(
        f"""[mqtt]
url = "{broker.url}"
[collector]
data = "{folder}"
[scoring]
window = "{WINDOW}s"
every = "{STRIDE}s"
estate = "{folder}/estate.toml"
[api]
port = {port}
"""
    )
    simulate = ("--broker", broker.url, "--nodes", NODES, "--sites", SITES, "--every", f"{EVERY}s")
    commands = (
        ("collector", "run", "--config", folder / "collector.toml"),
        ("simulate", *simulate),
    )
    with (folder / "out").open("wb") as out:
        children = [
            subprocess.Popen(
                [MUSTER, *map(str, command)], stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            for command in commands
        ]  # fmt: skip
        url = f"http://127.0.0.1:{port}/"
        try:
            until(lambda: scored(url) > 0.95 * NODES, "nearly all nodes are scored")
            yield url, psutil.Process(children[0].pid)
        finally:
            for child in children:
                child.kill()
                child.wait()
            broker.stop()


def estate(path: Path) -> None:
    """Regions, districts and sites that have names and places."""
    lines = []
    for n in range(REGIONS):
        lines += ["[[regions]]", f'id = "region-{n}"', f'name = "Region {n}"']
    for n in range(DISTRICTS):
        lines += ["[[districts]]", f'id = "district-{n}"', f'name = "District {n}"']
        lines += [f'region = "region-{n % REGIONS}"']
    for n in range(1, SITES + 1):
        lines += ["[[sites]]", f'id = "sim-site-{n:02d}"', f'name = "Exchange {n}"']
        lines += [
            f'district = "district-{n % DISTRICTS}"',
            f"planned = {{ node = {NODES // SITES} }}",
        ]
        lines += [f"lat = {23 + n * 7 % 31 / 100}", f"lon = {113 + n * 3 % 37 / 100}"]
    path.write_text("\n".join(lines) + "\n")


def ask(url: str) -> Any:
    """An answer of the API, None while there is none."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)
    except OSError:
        return None


def scored(url: str) -> int:
    """Nodes that have a score by now."""
    answer = ask(f"{url}api/v1/tree?levels=site")
    return sum(row["scored"] for row in answer["site"]["rows"]) if answer else 0


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that must happen."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE:.0f} s: {what}")
        time.sleep(0.5)


def cpu(process: psutil.Process) -> float:
    """Seconds of CPU, user and system."""
    times = process.cpu_times()
    return float(times.user + times.system)


def rate(process: psutil.Process, seconds: float) -> float:
    """CPU a second when nobody looks."""
    before = cpu(process)
    time.sleep(seconds)
    return (cpu(process) - before) / seconds


@contextmanager
def visit(browser: Browser, url: str) -> Iterator[Page]:
    """The page with an empty cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.add_init_script(WATCH)
    page.goto(url, wait_until="commit")
    yield page
    context.close()


def wait(page: Page, condition: str) -> Any:
    """Wait until a condition is something; Playwright's own way is against the page's policy."""
    look = f"const found = {condition}; found ? resolve(found) : setTimeout(look, 20);"
    return page.evaluate(
        f"() => new Promise((resolve) => {{ const look = () => {{ {look} }}; look(); }})"
    )


def load(browser: Browser, url: str) -> Load:
    """Visit until all nodes are listed."""
    with visit(browser, url) as page:
        score = wait(page, "window.scored")
        wait(page, f"document.querySelector('.state')?.textContent.includes('{NODES:,} nodes')")
        entries = [one for one in page.evaluate(ENTRIES) if one["end"] <= score]
    return Load(score, len(entries) + 1, sum(one["bytes"] for one in entries))


def updates(browser: Browser, url: str) -> list[float]:
    """Ms from the first moment at which the API has a new score until the page shows it.

    The page may have the event before this program has it: then the time is below 0.
    """
    delays: list[float] = []
    shown = 0.0
    with visit(browser, url) as page:
        wait(page, "window.scored")
        page.evaluate(WATCH_UPDATES)
        with urllib.request.urlopen(f"{url}api/v1/live", timeout=PATIENCE) as stream:
            events = (line for line in stream if line.startswith(b"event: score"))
            next(events)  # what there is already
            while len(delays) < UPDATES:
                next(events)
                made = time.time() * 1000
                since = max(shown + 1, made - EARLIER)
                shown = wait(page, f"window.updates.find((one) => one >= {since})")
                delays.append(shown - made)
    return delays


def scripts(browser: Browser, url: str) -> int:
    """Bytes of script that have come over the wire once every view has been opened."""
    with visit(browser, url) as page:
        wait(page, "window.scored")
        for tab in page.locator(".tabs button").all():
            tab.click()
        page.goto(f"{url}#/node/sim-{'1'.zfill(max(4, len(str(NODES))))}")
        wait(page, "document.querySelectorAll('.plots canvas').length === 4")
        found = page.evaluate(ENTRIES)
    return sum(one["bytes"] for one in found if one["name"].endswith(".js"))


if __name__ == "__main__":
    main()
