"""Tests written in Python, run against a candidate that lives in another process."""

from __future__ import annotations

import builtins
import sys

from .remote import Gone, Proxy, Remote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

_DETAIL = 500
_TESTS, _PRELUDE = "<tests>", "<prelude>"
_CODE = type((lambda: None).__code__)


class Exam:
    """The tests of a suite, compiled once.

    Raises:
        SyntaxError: they are no Python.
    """

    def __init__(self, tests: list[str], entry: str | None, prelude: str) -> None:
        self.entry = entry
        self._prelude = compile(prelude, _PRELUDE, "exec", dont_inherit=True)
        self._tests = [compile(test, _TESTS, "exec", dont_inherit=True) for test in tests]
        self._to_check = [entry is not None and _leaves_check(test) for test in self._tests]
        used: set[str] = set()
        for code in (self._prelude, *self._tests):
            _names(code, used)
        self.wanted = sorted(name for name in used if not hasattr(builtins, name)) + ([entry] if entry else [])
        """Names that the tests may mean the candidate's things by."""

    def __len__(self) -> int:
        return len(self._tests)

    def start(self, remote: Remote, described: Any) -> dict[str, Any]:
        """The names that the tests see: the prelude's, over them the entry, and else what only the candidate has."""
        random = sys.modules.get("random")
        if random is not None:
            random.seed(0)
        names: dict[str, Any] = {"__name__": "tests"}
        exec(self._prelude, names)
        if type(described) is dict:
            for name, about in described.items():
                if name == self.entry or name not in names:
                    found = _thing(remote, about)
                    if found is not None:
                        names[name] = found
        if self.entry is not None:
            entry = names.get(self.entry)
            remote.of_class = isinstance(entry, Proxy) and entry._is_class
        else:
            remote.of_class = any(isinstance(one, Proxy) and one._is_class for one in names.values())
        return names

    def run(self, number: int, names: dict[str, Any]) -> None:
        """Runs one of the tests; raises what it raises."""
        exec(self._tests[number], names)
        if self._to_check[number]:
            names["check"](names[self.entry])


def _leaves_check(code: CodeType) -> bool:
    """Whether a test defines the function `check` and leaves the call to whoever runs it, as HumanEval's do."""
    defined = any(isinstance(one, _CODE) and one.co_name == "check" for one in code.co_consts)
    return defined and "check" not in _loaded(code)


def _names(code: CodeType, into: set[str]) -> None:
    into.update(code.co_names)
    for one in code.co_consts:
        if isinstance(one, _CODE):
            _names(one, into)


def _loaded(code: CodeType) -> set[str]:
    """Names that the top of a test reads."""
    import dis

    return {str(one.argval) for one in dis.get_instructions(code) if one.opname in ("LOAD_NAME", "LOAD_GLOBAL")}


def _thing(remote: Remote, about: Any) -> Any:
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
    return remote.unpacked(about[1])


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
