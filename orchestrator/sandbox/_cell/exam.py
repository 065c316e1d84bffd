"""Tests written in Python, run against a candidate that lives in another process."""

from __future__ import annotations

import builtins
import opcode
import random
import re
import sys

from .child import compiled
from .failures import Gone, exception
from .foresight import Recorder, Unforeseeable, foreseen
from .proxy import Proxy
from .remote import Remote
from .wire import encoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType
    from typing import Any

_DETAIL = 500
_TESTS, _PRELUDE = "<tests>", "<prelude>"
_CODE = type((lambda: None).__code__)
_BUILTINS = {name: value for name, value in vars(builtins).items() if not name.startswith("_")}
_BUILTIN = frozenset(vars(builtins))
_NOTHING = object()
_DEFINED = re.compile(r"\b(?:def|class)\s+(\w+)")
_LOAD_NAME = opcode.opmap["LOAD_NAME"]


class Names(dict):  # type: ignore[type-arg]
    """The names of tests; one that they have not themselves, and Python has not, is the candidate's."""

    def __init__(self, ask: Callable[[str], Any], is_module: Callable[[str], bool], prelude: Prelude) -> None:
        super().__init__(_BUILTINS, __name__="tests")  # found at once, and not by way of `__missing__`
        self._ask, self._is_module, self._prelude = ask, is_module, prelude
        self._to_come = True

    def __missing__(self, name: str) -> Any:
        if self._to_come and self._prelude.may_define(name):
            self.add_prelude()
            if name in self:
                return self[name]
        if self._is_module(name):  # the tests count on the program's import; they get the true module
            self[name] = _module(name)
            return self[name]
        if _is_pythons(name):
            raise KeyError(name)
        try:
            return self._ask(name)
        except KeyError:
            raise KeyError(name) from None

    def add_prelude(self) -> None:
        """Runs the prelude, if that was not done; what tests have under a name already stays."""
        if not self._to_come:
            return
        self._to_come = False
        before = {name: value for name, value in self.items() if _BUILTINS.get(name, _NOTHING) is not value}
        exec(self._prelude.code, self)
        self.update(before)


class Prelude:
    """What tests may use beside the program. A task's stub is run when a test first asks for a name in it: few do."""

    def __init__(self, text: str, *, is_stub: bool) -> None:
        self._text = text
        self._code: CodeType | None = None
        self.waits = is_stub and not _BUILTIN.intersection(_DEFINED.findall(text))

    @property
    def code(self) -> CodeType:
        """Raises SyntaxError."""
        code = self._code
        if code is None:
            code = self._code = compiled(self._text, _PRELUDE)
        return code

    def may_define(self, name: str) -> bool:
        return name in self._text


class Exam:
    """The tests of a suite, compiled once.

    Raises:
        SyntaxError: they are no Python.
    """

    def __init__(self, tests: list[str], entry: str | None, prelude: str, *, foresee: bool = True) -> None:
        self.entry = entry
        self._prelude = Prelude(prelude, is_stub=entry is not None)
        if not self._prelude.waits:
            self._prelude.code  # noqa: B018  to be told now if it is no Python
        self._draws = any("random" in text for text in (*tests, prelude))
        self._tests = [compiled(test, _TESTS) for test in tests]
        self._to_check = [entry is not None and _leaves_check(test) for test in self._tests]
        self._texts = (prelude, *tests)
        self._modules: dict[str, bool] = {}
        self.wanted: list[str] = [entry] if entry else []
        """Names that the tests mean the candidate's things by, as far as that can be told."""
        self.uses_objects = False
        """Whether the tests look into answers, so that they are about objects, and not values."""
        self.ahead = [encoded(call) for call in foreseen(self._rehearsed)] if foresee else []
        """The calls that the tests will make, as far as that can be told, in the form in which they are asked."""

    def __len__(self) -> int:
        return len(self._tests)

    def start(self, remote: Remote, described: Any) -> Names:
        """The names that the tests see: the prelude's, over them the entry, and else what only the candidate has."""
        remote.rich = True
        names = self._prepared(lambda name: _looked_up(names, remote, name))
        classes: list[str] = []
        for name in self.wanted:  # and no others: what the candidate's process says there is, is its own word
            about = described.get(name) if type(described) is dict else None
            if name == self.entry or (name not in names and not _is_pythons(name) and not self._is_module(name)):
                known = _known(names, remote, name, about)
                if known and isinstance(names[name], Proxy) and names[name]._is_class:
                    classes.append(name)
        if self.entry is not None:
            classes = [name for name in classes if name == self.entry]
        if self.entry is not None and self.entry not in names:
            raise exception("NameError", [], f"the program defines no function '{self.entry}'", None)
        remote.of_class = any(self.uses_objects or name[:1].isupper() for name in classes)
        return names

    def _prepared(self, ask: Callable[[str], Any]) -> Names:
        """The prelude's names, and the same random numbers each time."""
        if self._draws:
            random.seed(0)
        names = Names(ask, self._is_module, self._prelude)
        if not self._prelude.waits:
            names.add_prelude()
        if self.entry is not None:
            names.pop(self.entry, None)  # the stub is not what is tested
        return names

    def _is_module(self, name: str) -> bool:
        """Whether the tests mean one of Python's own modules by a name."""
        if name not in sys.stdlib_module_names:
            return False
        if name not in self._modules:
            self._modules[name] = not _is_called(self._texts, name)
        return self._modules[name]

    def _rehearsed(self, recorder: Recorder) -> bool:
        def stand_in(name: str) -> Any:
            if name not in self.wanted:
                self.wanted.append(name)
            return recorder.named(name)

        try:
            names = self._prepared(stand_in)
            if self.entry is not None:
                names[self.entry] = recorder.named(self.entry)
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


def _is_pythons(name: str) -> bool:
    """Whether tests mean something of Python's by a name, which nobody else may stand in for."""
    return name in _BUILTIN or name.startswith("__")


def _is_called(texts: Iterable[str], name: str) -> bool:
    """Whether nothing is done with a name but to call it."""
    import ast

    nodes = [node for text in texts for node in ast.walk(ast.parse(text))]
    uses = sum(isinstance(node, ast.Name) and node.id == name for node in nodes)
    functions = [node.func for node in nodes if isinstance(node, ast.Call)]
    return 0 < uses == sum(isinstance(node, ast.Name) and node.id == name for node in functions)


def _looked_up(names: Names, remote: Remote, name: str) -> Any:
    about = remote.ask(["look", name])
    if _known(names, remote, name, about):
        return names[name]
    if type(about) is list and len(about) == 2 and about[0] == "value":
        return remote.unpacked(about[1])  # not kept: the program may change it
    raise KeyError(name)


def _known(names: Names, remote: Remote, name: str, about: Any) -> bool:
    """Enters what stays the same under a name: a module of our own, an exception class, a function; not a value."""
    if type(about) is not list or len(about) != 2 or about[0] == "value":
        return False
    if about[0] == "module":
        found = _module(str(about[1]))
    elif about[0] == "exception":
        found = remote.exception_class(about[1][0], about[1][1:]) if type(about[1]) is list and about[1] else None
    else:
        found = remote.unpacked(about[1])
    if found is None:
        return False
    if isinstance(found, Proxy):
        object.__setattr__(found, "_name", name)
    names[name] = found
    return True


def _module(name: str) -> Any:
    root = name.partition(".")[0]
    if root not in sys.stdlib_module_names and root not in sys.modules:
        return None
    try:
        __import__(name)
    except Exception:
        return None
    return sys.modules.get(name)


def told(error: BaseException) -> tuple[str, str, str, int | None]:
    """Verdict, detail, exception and line of the program for what ended a test."""
    marked = getattr(error, "__dict__", {}).get("_candidate")
    kind = type(error).__name__
    if isinstance(error, Gone):
        return "error", "the program ended", "", None
    if marked is not None:
        text, kind, line = marked
        return ("memory" if kind == "MemoryError" else "error"), text[:_DETAIL], kind, line
    try:
        text = str(error)[:_DETAIL]
    except BaseException:
        text = ""
    verdict = "error" if isinstance(error, NameError) else "failed"  # the program lacks what the test asks for
    return verdict, f"{kind}: {text}".strip(": ") + _where(error), kind, None


def _where(error: BaseException) -> str:
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _TESTS:
            line = trace.tb_lineno
        trace = trace.tb_next
    return "" if line is None else f" (tests line {line})"
