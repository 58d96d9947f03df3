"""What the numbers rest on, over HTTP: the scorecard, the estate; and whether all is well."""

from __future__ import annotations

from fastapi import APIRouter, Response

from muster_collector.api.params import as_json
from muster_collector.api.services import CONTENT_TYPE, Given
from muster_collector.errors import StoreError
from muster_collector.store.base import Query, Read

router = APIRouter()


@router.get("/api/v1/scorecard", tags=["about"])
async def scorecard(given: Given) -> Response:
    """The method in force: pillars, indicators, weights, normalisation, grade bands."""
    card = given.scorer.card
    content = card.document.model_dump(mode="json", exclude_none=True)
    return as_json(
        {
            **content["scorecard"],
            "method": card.method,
            "levels": [{"id": name, **level} for name, level in content["level"].items()],
            "indicators": [{"id": name, **part} for name, part in content["indicator"].items()],
            "bands": content["band"],
            "rollup": content["rollup"],
        }
    )


@router.get("/api/v1/estate", tags=["about"])
async def estate(given: Given) -> Response:
    """The estate in force: regions, districts, sites, roles; names are free text."""
    return as_json(given.scorer.estate.model_dump(mode="json", exclude_none=True))


@router.get("/healthz", tags=["health"])
async def healthz() -> Response:
    """The process answers."""
    return as_json({"status": "ok"})


@router.get("/readyz", tags=["health"])
async def readyz(given: Given) -> Response:
    """The store answers and the broker is connected; else 503 with what does not."""
    checks = {"store": await _store_answers(given), "broker": given.connected()}
    ready = all(checks.values())
    response = as_json({"status": "ok" if ready else "not ready", **checks})
    response.status_code = 200 if ready else 503
    return response


async def _store_answers(given: Given) -> bool:
    now = given.now()
    query = Query("readiness", (Read("planned", "raw"),), now, now + 1, where={"level": ["fleet"]})
    try:
        await given.store.select(query)
    except StoreError:
        return False
    return True


@router.get("/metrics", tags=["health"])
async def metrics(given: Given) -> Response:
    """Prometheus text of the collector's own counters."""
    return Response(given.metrics(), media_type=CONTENT_TYPE)
