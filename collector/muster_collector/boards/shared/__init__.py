"""Panels that several boards show."""
