"""The page's files themselves: texts complete and used, nothing inline, small, licensed."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from muster_collector.api.app import PAGE
from muster_collector.api.pagefiles import ENTRY, SCRIPT, SHEETS, STYLES
from muster_collector.api.pagejoin import script

SCRIPTS = sorted(PAGE.rglob("*.js"))
OWN = [path for path in SCRIPTS if "vendor" not in path.parts]
LINE = re.compile(
    r'^  (\w+):\s*\[\s*("(?:[^"\\]|\\.)*"),\s*("(?:[^"\\]|\\.)*"),?\s*\],', re.MULTILINE
)
COMPUTED = re.compile(r"^(account|inventory|level|state|status|span)_")
"""Keys that scripts put together: `state_${next.state}`."""


def strings() -> dict[str, tuple[str, str]]:
    text = (PAGE / "js" / "strings.js").read_text(encoding="utf-8")
    return {key: (en, zh) for key, en, zh in LINE.findall(text)}


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
    joined = {f".{SCRIPT}", f".{STYLES}"}
    assert joined <= set(addresses)
    assert all(one in joined or (PAGE / one).is_file() for one in addresses)
    assert all(one.startswith("./") for one in addresses)


def test_the_one_style_sheet_holds_every_sheet() -> None:
    assert sorted(SHEETS) == sorted(p.relative_to(PAGE).as_posix() for p in PAGE.rglob("*.css"))
    assert all("url(" not in (PAGE / sheet).read_text(encoding="utf-8") for sheet in SHEETS)


def test_all_scripts_are_small_when_compressed() -> None:
    size = sum(len(gzip.compress(path.read_bytes())) for path in SCRIPTS)
    assert size < 300_000


def test_what_others_wrote_has_its_licence_beside_it() -> None:
    for folder in [*(PAGE / "vendor").iterdir(), *(Path(__file__).parent / "vendor").iterdir()]:
        assert (folder / "LICENSE").is_file(), folder


def test_the_one_script_holds_every_module_after_what_it_needs() -> None:
    texts = {path.relative_to(PAGE).as_posix(): path.read_text(encoding="utf-8") for path in OWN}
    texts.pop("boot.js")
    joined = script(texts, ENTRY)
    assert sorted(re.findall(r'^modules\["(.+)"\] = ', joined, re.MULTILINE)) == sorted(texts)
    assert 'import("./vendor/uplot/uPlot.esm.js")' in joined


def test_modules_are_joined_with_their_names_and_paths() -> None:
    joined = script(
        {
            "js/main.js": 'import { a as b, c } from "./parts/one.js";\nb(c);\n',
            "js/parts/one.js": 'import { d } from "../two.js";\n'
            "export const a = d;\nexport async function c() {\n"
            '  return import("../../vendor/big.js");\n}\nconst own = 1;',
            "js/two.js": "export class d {}\n",
        },
        "js/main.js",
    )
    two, one, main = joined.split("modules[")[1], joined.split("\n})();\n")[1], joined
    assert two.startswith('"js/two.js"] = (() => {\nclass d {}\n')
    assert 'const { d } = modules["js/two.js"];\nconst a = d;\nasync function c() {' in one
    assert 'import("./vendor/big.js")' in one
    assert one.endswith("const own = 1;\nreturn { a, c };")
    assert 'const { a: b, c } = modules["js/parts/one.js"];\nb(c);' in main


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"a.js": 'import { b } from "./b.js";\n'}, "a.js: imports b.js, which is not there"),
        (
            {
                "a.js": 'import { b } from "./b.js";\n',
                "b.js": 'import { a } from "./a.js";\nexport const b = 1;\n',
            },
            "a.js: imports itself by way of b.js",
        ),
        ({"a.js": 'import b from "./b.js";\n'}, "a.js: 'import b from \"./b.js\";'"),
        ({"a.js": "export default 1;\n"}, "a.js: 'export default 1;'"),
    ],
)
def test_what_cannot_be_joined_is_said(texts: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        script(texts, "a.js")
