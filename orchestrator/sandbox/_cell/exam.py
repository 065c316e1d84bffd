"""Tests written in Python, run against a candidate that lives in another process."""

from __future__ import annotations

import builtins
import opcode
import random
import sys

from .foresight import Recorder, Unforeseeable, foreseen
from .remote import Gone, Proxy, Remote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

_DETAIL = 500
_TESTS, _PRELUDE = "<tests>", "<prelude>"
_CODE = type((lambda: None).__code__)
_LOAD_NAME = opcode.opmap["LOAD_NAME"]


class Exam:
    """The tests of a suite, compiled once.

    Raises:
        SyntaxError: they are no Python.
    """

    def __init__(self, tests: list[str], entry: str | None, prelude: str, *, foresee: bool = True) -> None:
        self.entry = entry
        self._prelude = compile(prelude, _PRELUDE, "exec", dont_inherit=True)
        self._tests = [compile(test, _TESTS, "exec", dont_inherit=True) for test in tests]
        self._to_check = [entry is not None and _leaves_check(test) for test in self._tests]
        used: set[str] = set()
        for code in (self._prelude, *self._tests):
            _names(code, used)
        self.wanted = sorted(name for name in used if not hasattr(builtins, name)) + ([entry] if entry else [])
        """Names that the tests may mean the candidate's things by."""

        self.uses_objects = False
        """Whether the tests look into answers, so that they are about objects, and not values."""
        self.ahead = foreseen(self._rehearsed) if foresee else []
        """The calls that the tests will make, as far as that can be told."""

    def __len__(self) -> int:
        return len(self._tests)

    def start(self, remote: Remote, described: Any) -> dict[str, Any]:
        """The names that the tests see: the prelude's, over them the entry, and else what only the candidate has."""
        names = self._prepared()
        if type(described) is dict:
            for name, about in described.items():
                if name == self.entry or name not in names:
                    found = _thing(remote, name, about)
                    if found is not None:
                        names[name] = found
        classes = [name for name, one in names.items() if isinstance(one, Proxy) and one._is_class]
        if self.entry is not None:
            classes = [name for name in classes if name == self.entry]
        remote.of_class = any(self.uses_objects or name[:1].isupper() for name in classes)
        return names

    def _prepared(self) -> dict[str, Any]:
        """The prelude's names, and the same random numbers each time."""
        random.seed(0)
        names: dict[str, Any] = {"__name__": "tests"}
        exec(self._prelude, names)
        return names

    def _rehearsed(self, recorder: Recorder) -> bool:
        try:
            names = self._prepared()
            for name in self.wanted:
                if name == self.entry or name not in names:
                    names[name] = recorder.named(name)
            for number in range(len(self)):
                self.run(number, names)
        except Unforeseeable:
            self.uses_objects = self.uses_objects or recorder.looked_into
            raise
        except BaseException:
            return False
        return True

    def run(self, number: int, names: dict[str, Any]) -> None:
        """Runs one of the tests; raises what it raises."""
        exec(self._tests[number], names)
        if self.entry is not None and self._to_check[number]:
            names["check"](names[self.entry])


def _leaves_check(code: CodeType) -> bool:
    """Whether a test defines the function `check` and leaves the call to whoever runs it, as HumanEval's do."""
    defined = any(isinstance(one, _CODE) and one.co_name == "check" for one in code.co_consts)
    if not defined:
        return False
    place = code.co_names.index("check")
    steps = code.co_code
    return all(steps[i + 1] != place or steps[i] != _LOAD_NAME for i in range(0, len(steps), 2))


def _names(code: CodeType, into: set[str]) -> None:
    into.update(code.co_names)
    for one in code.co_consts:
        if isinstance(one, _CODE):
            _names(one, into)


def _thing(remote: Remote, name: str, about: Any) -> Any:
    """What the candidate has under a name: a module of our own, a value, or a proxy."""
    if type(about) is not list or len(about) != 2:
        return None
    if about[0] == "module":
        root = str(about[1]).partition(".")[0]
        if root not in sys.stdlib_module_names and root not in sys.modules:
            return None
        try:
            __import__(str(about[1]))
        except Exception:
            return None
        return sys.modules.get(str(about[1]))
    if about[0] == "exception":
        return remote.exception_class(name, about[1])
    value = remote.unpacked(about[1])
    if isinstance(value, Proxy):
        object.__setattr__(value, "_name", name)
    return value


def told(error: BaseException) -> tuple[str, str, str, int | None]:
    """Verdict, detail, exception and line of the program for what ended a test."""
    marked = getattr(error, "__dict__", {}).get("_candidate")
    kind = type(error).__name__
    if isinstance(error, Gone):
        return "error", "the program ended", "", None
    if marked is not None:
        text, line = marked
        return ("memory" if kind == "MemoryError" else "error"), text[:_DETAIL], kind, line
    try:
        text = str(error)[:_DETAIL]
    except BaseException:
        text = ""
    return "failed", f"{kind}: {text}".strip(": ") + _where(error), kind, None


def _where(error: BaseException) -> str:
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _TESTS:
            line = trace.tb_lineno
        trace = trace.tb_next
    return "" if line is None else f" (tests line {line})"
