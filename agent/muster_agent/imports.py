"""Keeps out of memory the modules that an agent has no use for while it runs.

They are the standard library's own. Its other modules and paho import some of them for what the
agent never asks for; the command line and the configuration need others, but only once.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util
from types import ModuleType
from typing import Any

UNUSED = (
    "base64",
    "bz2",
    "copy",
    "inspect",
    "lzma",
    "selectors",
    "stringprep",
    "traceback",
    "urllib.parse",
    "urllib.request",
    "uuid",
)
"""Modules that others import and the agent does not use, with what only these would import."""


class Postponed(ModuleType):
    """A module that runs when something in it is asked for.

    importlib's LazyLoader is no help: before Python 3.13 the second import of a module runs it.
    """

    def __getattr__(self, name: str) -> Any:
        """What only running the module brings."""
        self.__class__ = ModuleType  # type: ignore[assignment] # from now on one like any other
        if (spec := self.__spec__) is not None and spec.loader is not None:
            spec.loader.exec_module(self)
        return getattr(self, name)


def postpone() -> None:
    """Let each of `UNUSED` that is not loaded yet run only when something in it is used."""
    for name in UNUSED:
        spec = None if name in sys.modules else util.find_spec(name)
        if spec is None:
            continue
        module = sys.modules[name] = util.module_from_spec(spec)
        module.__class__ = Postponed
        package, _, child = name.rpartition(".")
        if package:
            setattr(sys.modules[package], child, module)  # as an import does


@contextmanager
def for_now(*names: str) -> Iterator[None]:
    """Forget the modules `names`, and those below them, that are imported meanwhile.

    What they leave in memory is used again by what is imported later.
    """
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in names:
                del sys.modules[name]
        gc.collect()
