"""The contract between agent and collector: topics, messages, metric catalogue; stdlib only."""

VERSION = 1
"""Major version of the wire contract; a collector refuses any other."""
