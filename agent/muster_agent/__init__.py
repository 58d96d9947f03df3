"""Muster on an edge node: samples it, keeps what it sampled, and reports."""
