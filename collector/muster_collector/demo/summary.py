"""What a demo run came to, read through the same HTTP API that everybody uses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

OUTCOMES = ("stored", "duplicate", "refused", "lost")


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of reports by outcome, nodes seen, the fleet's readiness, memory in MB, the page."""

    reports: dict[str, int]
    nodes: int
    fleet: dict[str, float | None]
    peak_rss_mb: float
    url: str

    @property
    def accounted(self) -> int:
        """Reports that ended as something (a duplicate is no report of its own)."""
        return self.reports["stored"] + self.reports["refused"] + self.reports["lost"]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


async def summarise(
    http: aiohttp.ClientSession, *, made: int, peak_rss_mb: float, url: str
) -> Summary:
    """Ask a running collector for the totals and the fleet's newest score."""
    async with http.get("/api/v1/completeness", params={"limit": 1}) as answer:
        account = await answer.json()
    async with http.get("/api/v1/readiness", params={"level": "fleet"}) as answer:
        rows = (await answer.json())["rows"]
    newest = rows[-1] if rows else {"low": 0.0, "high": 100.0, "coverage": 0.0}
    totals = {name: account["sum"][name] for name in OUTCOMES}
    return Summary(
        reports={"made": made, **totals},
        nodes=account["total"],
        fleet={key: newest.get(key) for key in ("score", "low", "high", "coverage")},
        peak_rss_mb=round(peak_rss_mb, 1),
        url=url,
    )
