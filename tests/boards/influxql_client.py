"""Runs a board's queries as Grafana would: variables put in, then asked of a real InfluxDB."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

REFERENCE = re.compile(r"\$\{(\w+)[^}]*\}|\$(\w+)")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
BUILT_IN = {"timeFilter", "__interval", "interval"}
Board = dict[str, Any]
Chosen = Mapping[str, Sequence[str]]


class RefusedError(Exception):
    """The database refused a query."""


def ask(url: str, database: str, query: str, *, patience: float = 30) -> list[dict[str, Any]]:
    """The series of the answer; the database's own words when it refuses."""
    text = urllib.parse.urlencode({"db": database, "epoch": "ms", "q": query}).encode()
    try:
        with urllib.request.urlopen(f"{url}/query", data=text, timeout=patience) as answer:
            results = json.load(answer)["results"]
    except urllib.error.HTTPError as error:
        raise RefusedError(f"{error.read().decode()}: {query}") from error
    for result in results:
        if "error" in result:
            raise RefusedError(f"{result['error']}: {query}")
    return [series for result in results for series in result.get("series", [])]


def put_in(query: str, chosen: Chosen, start: int, end: int, interval: str = "2m") -> str:
    """The query with its variables replaced, as Grafana does inside regular expressions."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name == "timeFilter":
            return f"time >= {start}ms AND time <= {end}ms"
        if name == "__range_s":
            return str((end - start) // 1000)
        if name == "__interval_ms":
            return str(int(interval[:-1]) * SECONDS[interval[-1]] * 1000)
        if name in BUILT_IN:
            return interval
        values = chosen[name]
        if list(values) == [".*"]:
            return ".*"
        escaped = [re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", text) for text in values]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    return REFERENCE.sub(value, query)


def options(board: Board, url: str, database: str, given: Chosen) -> dict[str, list[str]]:
    """The value of each variable: the given one, else all."""
    chosen: dict[str, list[str]] = {}
    for variable in board["templating"]["list"]:
        name = variable["name"]
        if variable["type"] != "query":
            continue
        query = put_in(variable["query"], chosen, 0, 1)
        found = [row[1] for series in ask(url, database, query) for row in series["values"]]
        every = [variable["allValue"]] if "allValue" in variable else sorted(set(found))
        single = not variable.get("multi")
        chosen[name] = list(given.get(name) or (sorted(found)[:1] if single else every))
    return chosen


def panels(board: Board) -> list[dict[str, Any]]:
    """All panels but the headings."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def begin(panel: Mapping[str, Any], start: int, end: int) -> int:
    """Where the time of a panel begins (ms), which may have a length of its own."""
    if back := panel.get("timeFrom"):
        return max(start, end - int(back[:-1]) * SECONDS[back[-1]] * 1000)
    return start


def answers(
    panel: Mapping[str, Any], url: str, database: str, chosen: Chosen, span: tuple[int, int]
) -> list[dict[str, Any]]:
    """The series of all targets of a panel, in its own time range."""
    start, end = begin(panel, *span), span[1]
    found: list[dict[str, Any]] = []
    for target in panel["targets"]:
        found += ask(url, database, put_in(target["query"], chosen, start, end))
    return found
