"""Hypothesis on a shared machine: no verdict depends on how long an example takes."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("muster", deadline=None)
settings.load_profile("muster")
