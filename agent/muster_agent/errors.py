"""The agent's own exceptions; each message is one line that says what, where, and what to do."""

from __future__ import annotations


class AgentError(Exception):
    """Something that people have to mend before the agent can run."""


class ConfigError(AgentError):
    """Mistakes in a configuration, one line each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class SpoolLockedError(AgentError):
    """Another process works with the spool."""
