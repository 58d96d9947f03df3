"""What an agent that runs has in memory, and that nobody misses what it has not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from muster_agent import imports
from muster_agent.errors import ConfigError

RUN = """
import json, sys
from types import ModuleType
from muster_agent import cli
status = cli.main(["run", "--count", "1", "--drain", "0", "--config", sys.argv[1]])
print(json.dumps([status, [n for n, m in sys.modules.items() if type(m) is ModuleType]]))
"""
PASSING = ("argparse", "gettext", "shutil", "tomllib")


def python(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout


def test_an_agent_that_runs_has_not_loaded_what_it_does_not_use(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(
        '[mqtt]\nurl = "mqtts://127.0.0.1:1"\n[sample]\nevery = "100ms"\n'
        f'[spool]\npath = "{tmp_path}/spool.db"\n'
    )
    status, loaded = json.loads(python(RUN, str(file)))
    assert status == 1  # nobody acks the report
    assert {"paho.mqtt.client", "ssl", "sqlite3"} <= set(loaded)
    unwanted = {*imports.UNUSED, *PASSING, "asyncio", "pathlib", "subprocess", "http.client"}
    assert unwanted & set(loaded) == set()


def test_what_is_postponed_works_for_whoever_uses_it() -> None:
    code = """
from muster_agent import imports
imports.postpone()
import urllib.parse, urllib.request, uuid
from base64 import b64encode
from inspect import signature
print(urllib.parse.quote("a b"), callable(urllib.request.urlopen), uuid.UUID(int=1).int)
print(b64encode(b"a").decode(), signature(lambda x, y: None))
"""
    assert python(code).splitlines() == ["a%20b True 1", "YQ== (x, y)"]


def test_what_is_loaded_already_is_left_alone() -> None:
    code = "import base64 as a; from muster_agent.imports import *; postpone(); import base64 as b"
    assert python(f"{code}; print(a is b, type(b).__name__)") == "True module\n"


def test_a_module_for_now_is_imported_again_by_whoever_needs_it() -> None:
    code = """
import sys
from muster_agent import imports
for _ in range(2):
    with imports.for_now("tomllib"):
        import tomllib
        print(tomllib.loads("a = 1"), end=" ")
    print([name for name in sys.modules if name.startswith("tomllib")])
"""
    assert python(code).splitlines() == ["{'a': 1} []"] * 2


def test_a_module_that_was_there_before_stays() -> None:
    with imports.for_now("json"):
        import json as again
    assert again is json
    assert sys.modules["json"] is json


def test_modules_are_forgotten_after_an_error_too() -> None:
    with pytest.raises(ConfigError), imports.for_now("antigravity"):
        remember()
    assert "antigravity" not in sys.modules


def remember() -> None:
    """Import something, and fail."""
    sys.modules["antigravity"] = sys
    raise ConfigError([])
