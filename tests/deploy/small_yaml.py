"""Reads the part of YAML that Muster's own files use, and refuses everything else.

Block mappings and sequences, flow lists and maps on one line, quoted and plain texts, comments.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

KEY = re.compile(r'([A-Za-z0-9_."-]+):(?: +(.*))?')
PLAIN = re.compile(r"[^\"'&*!|>%@`#{}\[\],][^#{}\[\],]*")
WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}


class Reader:
    """One file; `lines` are (number, indent, text) without comments and blank lines."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: list[tuple[int, int, str]] = []
        for number, raw in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            text = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
            if "\t" in raw:
                raise ValueError(f"{file}:{number}: a tab")
            if text:
                self.lines.append((number, len(text) - len(text.lstrip()), text.lstrip()))
        self.at = 0

    def block(self, indent: int) -> Any:
        """What stands at this indent: a list or a mapping."""
        made: Any = [] if self.lines[self.at][2].startswith("- ") else {}
        while self.at < len(self.lines) and self.lines[self.at][1] == indent:
            number, _, text = self.lines[self.at]
            if isinstance(made, list):
                if not text.startswith("- "):
                    raise ValueError(f"{self.file}:{number}: not an item of a list: {text}")
                made.append(self.item(indent, number, text))
            else:
                key, value = self.pair(indent, number, text)
                if key in made:
                    raise ValueError(f"{self.file}:{number}: {key} stands twice")
                made[key] = value
        return made

    def item(self, indent: int, number: int, text: str) -> Any:
        """One item of a list: a value, or a mapping that begins on the line."""
        inner = text[2:].lstrip()
        if not KEY.fullmatch(inner) or inner.startswith('"'):
            self.at += 1
            return value(inner, f"{self.file}:{number}")
        self.lines[self.at] = (number, indent + len(text) - len(inner), inner)
        return self.block(self.lines[self.at][1])

    def pair(self, indent: int, number: int, text: str) -> tuple[str, Any]:
        """A key and its value, on the line or below it."""
        match = KEY.fullmatch(text)
        if not match:
            raise ValueError(f"{self.file}:{number}: not a key and a value: {text}")
        self.at += 1
        if match[2]:
            return match[1], value(match[2], f"{self.file}:{number}")
        if self.at < len(self.lines) and self.lines[self.at][1] > indent:
            return match[1], self.block(self.lines[self.at][1])
        return match[1], None


def value(text: str, where: str) -> Any:
    """A flow list, a flow map, a quoted text, a word, a whole number, or a plain text."""
    if text.startswith("["):
        return [value(part, where) for part in parts(text, "[]", where)]
    if text.startswith("{"):
        pairs = [part.split(": ", 1) for part in parts(text, "{}", where)]
        return {key: value(inner, where) for key, inner in pairs}
    if text.startswith('"'):
        return json.loads(text)
    if not PLAIN.fullmatch(text) or ": " in text:
        raise ValueError(f"{where}: quote this: {text}")
    return int(text) if text.isdecimal() else WORDS.get(text, text)


def parts(text: str, ends: str, where: str) -> list[str]:
    """The parts of a flow collection that holds no other."""
    if text[-1] != ends[1] or set(text[1:-1]) & set("[]{}"):
        raise ValueError(f"{where}: a flow collection on one line, without another in it: {text}")
    return re.findall(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+', text[1:-1].replace(", ", ","))


def read(file: Path) -> Any:
    """The content of a file; ValueError names the line that is not understood."""
    reader = Reader(file)
    found = reader.block(0)
    if reader.at != len(reader.lines):
        number, _, text = reader.lines[reader.at]
        raise ValueError(f"{file}:{number}: wrong indent: {text}")
    return found
