"""The languages of the boards: every text stands in the source once, in English and in Chinese."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

Code = Literal["en", "zh"]
CODES: tuple[Code, ...] = ("en", "zh")
PLACES = ("region", "district", "site", "node")
"""The variables that choose where, from above to below."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """Chooses one of two texts; also knows how the boards of its language are called."""

    code: Code

    def __call__(self, en: str, zh: str) -> str:
        """The text in this language."""
        return en if self.code == "en" else zh

    def uid(self, board: str) -> str:
        """The uid of a board in this language: `muster-fleet`, `muster-fleet-zh`."""
        return f"muster-{board}" if self.code == "en" else f"muster-{board}-{self.code}"

    def link(self, board: str, **variables: str) -> str:
        """The address of a board that keeps the time range, sets variables, and keeps those above.

        Values are Grafana macros such as `${__data.fields.host:percentencode}`. What stands below
        is not kept: it may lie elsewhere than what the link leads to.
        """
        above = itertools.takewhile(lambda name: name not in variables, PLACES)
        kept = "".join(f"&${{{name}:queryparam}}" for name in above)
        chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
        return f"/d/{self.uid(board)}?${{__url_time_range}}{kept}{chosen}"
