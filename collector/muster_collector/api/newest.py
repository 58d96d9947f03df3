"""Answers over the newest scores, kept until there are newer ones."""

from __future__ import annotations

import threading
from collections.abc import Callable

from muster_collector.api.packed import Packed, pack

MOST = 16
"""Different answers that are kept."""


class Newest:
    """Answers over the newest scores; those of former scores are forgotten."""

    def __init__(self) -> None:
        self._of: tuple[object, ...] = ()
        self._answers: dict[str, Packed] = {}
        # All pages ask at the same moment, when a window is scored: one answer is made for them.
        self._making = threading.Lock()

    def answer(self, query: str, *of: object, make: Callable[[], bytes]) -> Packed:
        """The answer to a query over these objects, made anew when they are others."""
        with self._making:
            if [id(one) for one in of] != [id(one) for one in self._of]:
                self._of, self._answers = of, {}
            if query not in self._answers:
                if len(self._answers) >= MOST:
                    self._answers.clear()
                self._answers[query] = pack(make(), "application/json", level=4)
            return self._answers[query]
