"""Configuration that the centre wants: what it may change, its trial, and the way back.

    message -> parse -> allowed here? -> right as a whole? -> on trial: the agent begins anew
                                                              |-> a report made since is acked: good
                                                              `-> none in time: the last good again

Invariants:
- what is wanted lies over the local file and can change only what `[remote] allow` names there;
- the state file is replaced as a whole, before what it says takes effect;
- what has failed its trial is remembered, so that a retained message that comes again does nothing.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from muster_agent import logs
from muster_agent.acks import text
from muster_agent.config import Config
from muster_agent.errors import ConfigError
from muster_wire.wanted import Wanted, forbidden, parse, wanted

LONGEST_REASON = 500
MOST_STARTS = 3
"""Times that the agent may begin with a configuration on trial before it counts as failed."""

Read = Callable[[dict[str, Any]], Config]
"""The local configuration with something laid over it; raises `ConfigError`."""


class Outcome(NamedTuple):
    """What became of a configuration, for the centre."""

    state: Literal["applied", "refused"]
    id: str
    reason: str = ""


class Memory:
    """The state file: what is good, what is on trial, what failed, and what was last answered."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.good: Wanted | None = None
        self.trial: Wanted | None = None
        self.failed: Wanted | None = None
        self.outcome: Outcome | None = None
        self.starts = self.refused = 0
        try:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs memory
                self._take(json.load(file))
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            self.good = self.trial = self.failed = self.outcome = None
            logs.warning(f"{path}: {error!r:.100}: the local configuration alone is in force")

    @property
    def now(self) -> Wanted | None:
        """What lies over the local file now."""
        return self.trial or self.good

    def save(self) -> None:
        """Replace the file; raises OSError."""
        state = {
            "good": self.good,
            "trial": self.trial,
            "failed": self.failed,
            "outcome": self.outcome,
            "starts": self.starts,
            "refused": self.refused,
        }
        fresh = self.path + ".new"
        with open(fresh, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs memory
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self.path)  # noqa: PTH105 - as above

    def _take(self, raw: dict[str, Any]) -> None:
        for name in ("good", "trial", "failed"):
            if raw[name] is not None:
                setattr(self, name, wanted(*raw[name]))
        if raw["outcome"] is not None:
            self.outcome = Outcome(*raw["outcome"])
        self.starts, self.refused = int(raw["starts"]), int(raw["refused"])


class Remote:
    """What the centre wants of one agent, from its start to its end."""

    def __init__(self, settings: Config, read: Read, now: float) -> None:
        self.memory = Memory(settings.spool.path + ".remote")
        self.allow = settings.remote.allow
        self.read = read
        self.trial_s = settings.remote.trial
        self._until = now + self.trial_s

    @property
    def on_trial(self) -> bool:
        """Whether the configuration in force has yet to prove itself."""
        return self.memory.trial is not None

    @property
    def due(self) -> float:
        """When the trial is over, in the monotonic seconds that `now` was; never without one."""
        return self._until if self.on_trial else math.inf

    @property
    def id(self) -> str:
        """The id of what the centre wanted and has, "" for nothing."""
        return self.memory.now.id if self.memory.now else ""

    def in_force(self, local: Config) -> Config:
        """What the agent begins with: the local configuration and what the centre wants of it."""
        memory = self.memory
        if memory.trial is not None:
            memory.starts += 1
            if memory.starts > MOST_STARTS:
                self._fail(f"the agent ended {MOST_STARTS} times while this was on trial")
            else:
                self._save()
        if memory.now is None:
            return local
        try:
            return self._checked(memory.now)
        except ConfigError as error:
            self._refuse(memory.now.id, "; ".join(error.mistakes))
            memory.good = memory.trial = None
            self._save()
            return local

    def take(self, payload: bytes, content_type: str | None) -> Config | None:
        """Judge a message; the configuration to begin anew with, None to go on as before."""
        memory = self.memory
        try:
            found = parse(payload, content_type)
        except ValueError as error:
            self._refuse("", str(error))
            return None
        if found in (memory.now, memory.failed):
            return None
        try:
            made = self._checked(found)
        except ConfigError as error:
            self._refuse(found.id, "; ".join(error.mistakes))
            return None
        return made if self._try(found) else None

    def _try(self, found: Wanted) -> bool:
        """Put a configuration on trial; False if it cannot be or, being in force, need not be."""
        memory = self.memory
        before = memory.trial, memory.starts
        memory.trial, memory.starts = found, 0
        if memory.good is not None and found.config == memory.good.config and not before[0]:
            self.confirm()
            return False
        try:
            memory.save()
        except OSError as error:
            memory.trial, memory.starts = before
            self._refuse(found.id, f"{memory.path}: {error.strerror}: it could not be kept")
            return False
        logs.info(f"configuration {found.id}: on trial for {self.trial_s:g} s")
        return True

    def confirm(self) -> None:
        """A report made under the configuration on trial is stored: keep it."""
        memory = self.memory
        if memory.trial is not None:
            memory.good, memory.trial, memory.failed = memory.trial, None, None
            memory.outcome = Outcome("applied", memory.good.id)
            self._save()
            logs.info(f"configuration {memory.good.id}: applied")

    def give_up(self, why: str) -> None:
        """The configuration on trial is no good: the last good one is in force again."""
        if self.memory.trial is not None:
            self._fail(why)

    def _checked(self, found: Wanted) -> Config:
        """The configuration as a whole; raises `ConfigError`."""
        if mistakes := forbidden(found.config, self.allow):
            raise ConfigError(mistakes)
        return self.read(found.config)

    def _fail(self, why: str) -> None:
        memory = self.memory
        if memory.trial is not None:
            memory.failed, memory.trial = memory.trial, None
            back = memory.good.id if memory.good else "the local one alone"
            self._refuse(memory.failed.id, f"{why}; in force again: {back}")
            self._save()

    def _refuse(self, id_: str, why: str) -> None:
        """Count, log and remember that something is not applied."""
        self.memory.refused += 1
        why = text(why, LONGEST_REASON)
        self.memory.outcome = Outcome("refused", id_, why)
        logs.warning(f"configuration {id_ or 'without id'} refused: {why}")

    def _save(self) -> None:
        try:
            self.memory.save()
        except OSError as error:
            logs.warning(f"{self.memory.path}: {error.strerror}: not written")
