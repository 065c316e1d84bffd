"""MBPP (Austin et al., 2021), its sanitized form, and MBPP+ with ready tests.

Fields: `task_id`, `text` or `prompt`, `code`, `test_list`, `test_setup_code` or `test_imports`, `challenge_test_list`,
`test`. All asserts of `test_list` grade. Convention: the first of them is public, since without one nobody can know the
function's name and arguments; `public=all` shows all (the paper's prompts), `public=none` none. `challenge=true` grades
on the challenge tests too, and `plus=false` leaves out the larger tests of `test`.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.errors import UnknownName
from orchestrator.sandbox import Asserts
from orchestrator.types import Json, Message, Problem

from .case import Case, Reference, part_of, split_of
from .evalplus import LIMITS
from .rows import Line, Options, Reader, Row, flag

_PUBLIC: dict[str, slice] = {"first": slice(1), "all": slice(None), "none": slice(0)}


class Task(BaseModel):
    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    task_id: str = Field(min_length=1)
    text: str | None = None
    prompt: str | None = None
    code: str | None = None
    test_list: tuple[str, ...] = ()
    test_setup_code: str = ""
    test_imports: tuple[str, ...] = ()
    challenge_test_list: tuple[str, ...] = ()
    test: str | None = None

    @property
    def words(self) -> str:
        return (self.text or self.prompt or "").strip()

    @property
    def setup(self) -> str:
        return "\n".join((*self.test_imports, self.test_setup_code)).strip()


def recognises(row: Row) -> bool:
    return "test_list" in row and bool({"text", "prompt"} & row.keys())


def cases(lines: Iterable[Line], options: Options) -> Iterator[Case]:
    shown = options.get("public", "first")
    if shown not in _PUBLIC:
        raise UnknownName("value of public", shown, _PUBLIC)
    plus, challenge = flag(options, "plus", True), flag(options, "challenge", False)
    for line in lines:
        task = line.parse(Task)
        if not task.words:
            raise line.error("field 'text': the task is missing")
        yield _case(task, task.test_list[_PUBLIC[shown]], _tests(task, plus, challenge), plus)


def _case(task: Task, public: tuple[str, ...], tests: tuple[str, ...], plus: bool) -> Case:
    key = task.task_id if "/" in task.task_id else f"mbpp/{task.task_id}"
    name = entry_point(task.test_list, task.code)
    words = task.words
    if name and name not in words and not public:
        words += f"\nThe function's name is {name}."
    if public and task.setup:
        public = tuple(f"{task.setup}\n{test}" for test in public)
    problem = Problem(
        key, (Message("user", words),), kind="code", public_tests=public, meta={"entry_point": name} if name else {}
    )
    limits: dict[str, Json] = dict(LIMITS) if plus and task.test is not None else {}
    suites = (Asserts(tests, name, task.setup),) if tests else ()
    return Case(problem, Reference(task.code, suites, name, limits), "code", "python", split_of(key), part_of(key))


def _tests(task: Task, plus: bool, challenge: bool) -> tuple[str, ...]:
    asserts = [*task.test_list, *(task.challenge_test_list if challenge else ())]
    if plus and task.test is not None:
        asserts.append(task.test)
    return tuple(asserts)


def entry_point(tests: Sequence[str], program: str | None) -> str | None:
    """Name of the first function that the first test calls and that is the program's (without one: no builtin)."""
    calls = [node.func for node in _nodes("".join(tests[:1])) if isinstance(node, ast.Call)]
    names = [function.id for function in calls if isinstance(function, ast.Name)]
    if program is None:
        return next((name for name in names if not hasattr(builtins, name)), None)
    defined = {node.name for node in _nodes(program) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return next((name for name in names if name in defined), None)


def _nodes(source: str) -> list[ast.AST]:
    """The source's nodes; none where it is not Python, as some old rows are not."""
    try:
        return list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return []


READER = Reader(
    "mbpp",
    "MBPP, sanitized MBPP, and MBPP+ with ready tests",
    recognises,
    cases,
    frozenset({"plus", "public", "challenge"}),
)
