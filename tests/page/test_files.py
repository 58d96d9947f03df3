"""The page's files themselves: texts complete and used, nothing inline, small, licensed."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from muster_collector.api.app import PAGE

SCRIPTS = sorted(PAGE.rglob("*.js"))
OWN = [path for path in SCRIPTS if "vendor" not in path.parts]
ENTRY = re.compile(
    r'^  (\w+):\s*\[\s*("(?:[^"\\]|\\.)*"),\s*("(?:[^"\\]|\\.)*"),?\s*\],', re.MULTILINE
)
COMPUTED = re.compile(r"^(account|inventory|level|state|status|span)_")
"""Keys that scripts put together: `state_${next.state}`."""


def strings() -> dict[str, tuple[str, str]]:
    text = (PAGE / "js" / "strings.js").read_text(encoding="utf-8")
    return {key: (en, zh) for key, en, zh in ENTRY.findall(text)}


def test_every_text_is_there_in_both_languages_with_the_same_parts() -> None:
    table = strings()
    keys = re.findall(
        r"^  (\w+):", (PAGE / "js" / "strings.js").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert keys == list(table)
    for key, (english, chinese) in table.items():
        assert len(english) > 2, key
        assert len(chinese) > 2, key
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), key


def test_every_text_is_used_and_every_used_one_is_there() -> None:
    table = strings()
    scripts = "\n".join(p.read_text(encoding="utf-8") for p in OWN if p.name != "strings.js")
    asked = set(re.findall(r'\bt\(\s*"(\w+)"', scripts))
    assert asked <= set(table)
    words = set(re.findall(r'"(\w+)"', scripts))
    unused = [key for key in table if key not in words and not COMPUTED.match(key)]
    assert unused == []


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_script_writes_markup(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "srcdoc",
    ):
        assert way not in text


def test_the_document_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    text = (PAGE / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert addresses
    assert all(one.startswith("./") and (PAGE / one).is_file() for one in addresses)


def test_all_scripts_are_small_when_compressed() -> None:
    size = sum(len(gzip.compress(path.read_bytes())) for path in SCRIPTS)
    assert size < 300_000


def test_what_others_wrote_has_its_licence_beside_it() -> None:
    for folder in [*(PAGE / "vendor").iterdir(), *(Path(__file__).parent / "vendor").iterdir()]:
        assert (folder / "LICENSE").is_file(), folder


def test_every_module_is_asked_for_at_once() -> None:
    """Otherwise each import waits for the answer before it, over and over."""
    text = (PAGE / "index.html").read_text(encoding="utf-8")
    preloaded = re.findall(r'<link rel="modulepreload" href="\./([^"]+)"', text)
    modules = sorted(p.relative_to(PAGE).as_posix() for p in (PAGE / "js").rglob("*.js"))
    assert preloaded == [name for name in modules if name != "js/main.js"]
