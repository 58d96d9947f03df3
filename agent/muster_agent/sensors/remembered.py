"""Spares parsing what has not changed: a line that is as it was means what it did."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Generic, TypeVar

Parsed = TypeVar("Parsed")


class Remembered(Generic[Parsed]):
    """What a parser made of lines that come again: most things do nothing for a while."""

    def __init__(self, parser: Callable[[bytes], Parsed]) -> None:
        self.parser = parser
        self.known: dict[bytes, Parsed] = {}

    def parse(self, lines: Iterable[bytes]) -> Collection[Parsed]:
        """What the parser makes of each of these lines, which are all different."""
        known, parser = self.known, self.parser
        self.known = {line: known[line] if line in known else parser(line) for line in lines}
        return self.known.values()
