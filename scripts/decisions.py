"""The index of the decision records, from their titles."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("docs/decisions")
HEAD = """# Decisions

What was decided, why, and what was measured. One page each, in the present tense; a decision that
changes is rewritten, and git keeps the former one.

"""


def index() -> dict[str, str]:
    """docs/decisions/README.md."""
    root = Path(__file__).resolve().parent.parent
    pages = sorted(page for page in (root / FOLDER).glob("*.md") if page.name != "README.md")
    lines = [f"- [{title(page)}]({page.name})\n" for page in pages]
    return {str(FOLDER / "README.md"): HEAD + "".join(lines)}


def title(page: Path) -> str:
    """The first line of a page without its mark."""
    return page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").strip()
