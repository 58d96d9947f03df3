"""Probes: whether services and other sites answer, asked beside the sampling; one file a kind."""
