"""Makes one script of the page's modules when it is asked for.

A first visit takes ten requests instead of fifty, and there is nothing to build: whoever works on
the page changes a module and reloads.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

IMPORT = re.compile(r'^import \{([^}]*)\} from "(\./|\.\./)([^"]+)";\n', re.MULTILINE)
LAZY = re.compile(r'\bimport\("((?:\./|\.\./)[^"]+)"\)')
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (?P<name>\w+))", re.MULTILINE)
LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def script(modules: Mapping[str, str], entry: str) -> str:
    """All that `entry` imports, each module once and in a scope of its own, in order of need.

    `modules` are texts by path below the page's folder. `ValueError` names what is imported in a
    circle, is not there, or is written in a way that this does not know.
    """
    found: dict[str, str] = {}
    _add(modules, entry, (), found)
    return "const modules = {};\n" + "".join(found.values())


def _add(
    modules: Mapping[str, str], name: str, way: tuple[str, ...], found: dict[str, str]
) -> None:
    """Add a module after all that it imports."""
    if name in found:
        return
    if name in way:
        raise ValueError(
            f"{name}: imports itself by way of {', '.join(way[way.index(name) + 1 :])}"
        )
    if name not in modules:
        raise ValueError(f"{way[-1] if way else 'the page'}: imports {name}, which is not there")
    folder = posixpath.dirname(name)
    text = modules[name]
    for match in IMPORT.finditer(text):
        _add(modules, _path(folder, match[2] + match[3]), (*way, name), found)
    found[name] = _wrapped(name, folder, text)


def _wrapped(name: str, folder: str, text: str) -> str:
    """A module as a function that is called at once and gives what the module exports."""
    names = [match["name"] for match in EXPORT.finditer(text)]
    text = IMPORT.sub(
        lambda match: (
            f"const {{{match[1].replace(' as ', ': ')}}} ="
            f' modules["{_path(folder, match[2] + match[3])}"];\n'
        ),
        text,
    )
    text = LAZY.sub(lambda match: f'import("./{_path(folder, match[1])}")', EXPORT.sub("", text))
    if left := LEFT.search(text):
        raise ValueError(f"{name}: {left[0]!r} is a kind of import or export that is not joined")
    return f'modules["{name}"] = (() => {{\n{text}\nreturn {{ {", ".join(names)} }};\n}})();\n'


def _path(folder: str, relative: str) -> str:
    return posixpath.normpath(posixpath.join(folder, relative))
