"""Asks what may never answer, as a filesystem whose server is away, without waiting for it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class NotYetError(TimeoutError):
    """There was no answer at once; there may be one at the next sample."""


class Question(Generic[T]):
    """Asks in a thread that may be left behind: at most one; `about` is who does not answer.

    `ask` may raise OSError, nothing else.
    """

    def __init__(self, about: str, ask: Callable[[], T]) -> None:
        self.about = about
        self.ask = ask
        self.thread: Thread | None = None
        self.found: list[T] = []
        self.failed: OSError | None = None

    def answer(self, patience: float) -> T:
        """What `ask` gives, asked now or the last time.

        `NotYetError` when it is not there in `patience` seconds, TimeoutError when it was not the
        last time either.
        """
        asked = self.thread is not None
        if self.thread is None:
            self.found, self.failed = [], None
            self.thread = Thread(target=self._ask, name=f"asks {self.about}", daemon=True)
            self.thread.start()
        self.thread.join(patience)
        if self.thread.is_alive():
            hangs = TimeoutError if asked else NotYetError
            raise hangs(f"{self.about} does not answer")
        self.thread = None
        if self.found:
            return self.found[0]
        raise self.failed or OSError(f"{self.about}: no answer")

    def _ask(self) -> None:
        try:
            self.found.append(self.ask())
        except OSError as error:
            self.failed = error
