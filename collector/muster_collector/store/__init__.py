"""Where points live: InfluxDB in its three dialects, or an embedded DuckDB file."""

from __future__ import annotations

from muster_collector.store.open import open_store

__all__ = ["open_store"]
