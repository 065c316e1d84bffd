"""Source that the programs for a problem may count on, put before them as far as they do."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module

from ..types import Problem

_FUTURE = re.compile(r"^from\s+__future__\s+import\b[^\n]*\n?", re.MULTILINE)
_ALL_OF = re.compile(r"from\s+([^\W\d]\w*)\s+import\s+\*")
_MODULES = re.compile(r"import\s+([\w\s,]+)")
_WORD = re.compile(r"[^\W\d]\w*")


def with_header(problem: Problem, program: str) -> str:
    """The program behind `meta["header"]`, statements on one line or several that import, or set something up.

    Of the imports only those stay that bring a name which the program's text holds: the others would cost every run
    time. Imports from `__future__` stay first.
    """
    header = problem.meta.get("header")
    if not isinstance(header, str) or not header:
        return program
    needed = "; ".join(_needed([part.strip() for part in re.split(r"[;\n]", header) if part.strip()], program))
    end = max((found.end() for found in _FUTURE.finditer(program)), default=0)
    return f"{program[:end]}{needed}\n{program[end:]}"


def _needed(statements: Iterable[str], program: str) -> Iterator[str]:
    own = [one for one in statements if not _ALL_OF.fullmatch(one) and not _MODULES.fullmatch(one)]
    words = set(_WORD.findall("\n".join((program, *own))))
    for statement in statements:
        if (everything := _ALL_OF.fullmatch(statement)) is not None:
            if not words.isdisjoint(_public(everything[1])):
                yield statement
        elif (modules := _MODULES.fullmatch(statement)) is not None:
            named = [name.strip() for name in modules[1].split(",")]
            if used := [name for name in named if name in words]:
                yield f"import {', '.join(used)}"
        else:
            yield statement


@cache
def _public(module: str) -> frozenset[str]:
    """What `from MODULE import *` brings; of modules that are not Python's own nothing is known."""
    if module not in sys.stdlib_module_names:
        raise ValueError(f"a header may only import all of a module of Python's own, not of '{module}'")
    found = import_module(module)
    return frozenset(getattr(found, "__all__", [name for name in dir(found) if not name.startswith("_")]))
