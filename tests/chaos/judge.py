"""Says what became of every report, from the journals and the database; never asks Muster.

Only at its end the ledger's word, over HTTP, is compared with what the judge found.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Key = tuple[int, int]
"""An epoch and a seq."""


@dataclass
class Made:
    """What a node's journal says."""

    serials: set[int] = field(default_factory=set)
    keys: dict[int, Key] = field(default_factory=dict)
    """Serial -> epoch and seq, of what the spool confirmed."""
    words: int = 0
    lost: dict[Key, str] = field(default_factory=dict)
    dropped: set[Key] = field(default_factory=set)
    ended: bool = False

    @classmethod
    def read(cls, journal: Path) -> Made:
        made = cls()
        for line in journal.read_text().splitlines():
            kind, *words = line.split(" ", 4)
            if kind == "make":
                made.serials.add(int(words[0]))
            elif kind == "kept":
                made.keys[int(words[0])] = (int(words[1]), int(words[2]))
            elif kind == "word":
                made.words += 1
            elif kind == "lost":
                epoch, first, last = map(int, words[:3])
                made.lost |= {(epoch, seq): words[3] for seq in range(first, last + 1)}
            elif kind == "drop":
                made.dropped.add((int(words[0]), int(words[1])))
            else:
                made.ended = True
        return made


@dataclass
class Verdict:
    """What the judge found, all nodes together; `faults` must be empty."""

    made: int = 0
    stored: int = 0
    twice: int = 0
    declared: Counter[str] = field(default_factory=Counter)
    undeclared: int = 0
    in_doubt: int = 0
    """Made when the node was killed, and never in its spool."""
    duplicates: int = 0
    """Reports that came more than once, by the ledger; none of them is stored twice."""
    faults: list[str] = field(default_factory=list)


def influx(url: str, query: str) -> list[dict[str, Any]]:
    """The series of an InfluxQL answer, times in ms."""
    text = urllib.parse.urlencode({"db": "muster", "q": query, "epoch": "ms"})
    with urllib.request.urlopen(f"{url}/query?{text}", timeout=60) as answer:
        series: list[dict[str, Any]] = json.load(answer)["results"][0].get("series", [])
    return series


def stored(url: str, condition: str) -> dict[str, list[int]]:
    """The serials that the database holds of every node, one for each point."""
    query = f'SELECT serial FROM chaos WHERE "of" {condition} GROUP BY host'
    return {
        one["tags"]["host"]: [value for _, value in one["values"]] for one in influx(url, query)
    }


def ledger(url: str) -> dict[str, dict[str, Any]]:
    """The ledger's rows by node."""
    with urllib.request.urlopen(f"{url}/api/v1/completeness", timeout=30) as answer:
        return {row["node"]: row for row in json.load(answer)["rows"]}


def judge(journals: Path, influx_url: str, api_url: str) -> Verdict:
    """Compare what was made with what is there, and then the ledger with that.

    `api_url` is empty when no collector is at work, which is a fault.
    """
    held, second = stored(influx_url, "= ''"), stored(influx_url, "= 'more'")
    verdict = Verdict()
    rows = ledger(api_url) if api_url else {}
    if not api_url:
        verdict.faults.append("no collector is at work")
    for journal in sorted(journals.glob("*.journal")):
        node = journal.stem
        made, serials = Made.read(journal), held.get(node, [])
        if sorted(second.get(node, [])) != sorted(serials):
            verdict.faults.append(f"{node}: reports are stored in part")
        row = rows.get(node, {})
        verdict.duplicates += int(row.get("duplicate", 0))
        missing = weigh(node, made, serials, verdict)
        if wrong := disagreement(made, len(set(serials)), missing, row):
            verdict.faults.append(f"{node}: {wrong}")
    return verdict


def weigh(node: str, made: Made, serials: list[int], verdict: Verdict) -> Counter[str]:
    """Look for every report of a node; what is not stored and declared, by kind."""
    missing: Counter[str] = Counter()
    undeclared = []
    for serial in sorted(made.serials - set(serials)):
        key = made.keys.get(serial)
        if key is None:
            verdict.in_doubt += 1
        elif key in made.dropped:
            missing["refused"] += 1
        elif key in made.lost:
            missing["lost"] += 1
            verdict.declared[made.lost[key]] += 1
        else:
            undeclared.append((serial, *key))
    twice = len(serials) - len(set(serials))
    verdict.made += len(made.serials)
    verdict.stored += len(set(serials))
    verdict.twice += twice
    verdict.undeclared += len(undeclared)
    verdict.declared["refused"] += missing["refused"]
    if not made.ended:
        verdict.faults.append(f"{node}: has reports that were never settled")
    if undeclared:
        verdict.faults.append(f"{node}: lost without a word: serial, epoch, seq {undeclared[:5]}")
    if twice or set(serials) - made.serials:
        verdict.faults.append(f"{node}: {twice} stored twice, or never made")
    return missing


def disagreement(made: Made, found: int, missing: Counter[str], row: dict[str, Any]) -> str:
    """What the ledger says otherwise; empty reports that speak for lost ones are its alone."""
    said = {name: row.get(name) for name in ("stored", "refused", "lost", "missing")}
    for words in range(made.words + 1):
        want = {"stored": found + words, "refused": missing["refused"], "lost": missing["lost"]}
        if said == want | {"missing": 0}:
            return ""
    return (
        f"the ledger says {said} {row.get('reasons')}, the database holds {found}, "
        f"declared {dict(missing)}, empty reports {made.words}"
    )
