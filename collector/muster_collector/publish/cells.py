"""What stands in the report: texts that are no markup, numbers that say what they know."""

from __future__ import annotations

import html
import unicodedata

NOTHING = "–"


def text(content: str) -> str:
    """Text in which nothing is markup, and nothing turns the text around it."""
    plain = "".join(c for c in content if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return html.escape(plain)


def bare(content: str) -> str:
    """Somebody's text, which keeps its direction to itself."""
    return f"<bdi>{text(content)}</bdi>"


def name(content: str) -> str:
    """Somebody's name, at most two lines of it; the whole is its tooltip."""
    return f'<bdi class="name" title="{text(content)}">{text(content)}</bdi>'


def number(value: float | None) -> str:
    """A score with one digit after the point."""
    return NOTHING if value is None else f"{value:.1f}"


def count(value: int | None) -> str:
    """A whole number."""
    return NOTHING if value is None else str(value)


def percent(value: float | None) -> str:
    """A share; what is not quite all or nothing is not said to be."""
    if value is None:
        return NOTHING
    if 0 < value < 0.005:
        return "&lt; 1 %"
    return "&gt; 99 %" if 0.995 <= value < 1 else f"{value:.0%}".replace("%", " %")


def signed(value: float | None, digits: int = 1) -> str:
    """A gain with its sign, coloured by it."""
    if value is None:
        return NOTHING
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return f'<span class="up">+{text}</span>' if value > 0 else f'<span class="down">−{text}</span>'


def figure(value: float | None) -> str:
    """A figure of any size with three or four digits that count."""
    if value is None:
        return NOTHING
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}".replace("-", "−")
