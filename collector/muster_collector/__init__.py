"""Muster at the centre: ingest, completeness, store, readiness, API and page."""
