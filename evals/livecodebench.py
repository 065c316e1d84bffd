"""LiveCodeBench, code generation (Jain et al., 2024): its JSONL files, whole or lite. The data has its own terms.

Fields: `question_id`, `question_content`, `starter_code`, `public_test_cases`, `private_test_cases`, `metadata`,
`platform`, `contest_date`, `difficulty`. Where the metadata name a function (`func_name`) the tests call it; all others
run a whole program. Public tests are the problem's examples; public and private ones grade, by the benchmark's own
comparison (`lcb`) and limit, 6 s a test, here of CPU time. `compare=lcb+tol` forgives 1e-6. `start_date` and `end_date`
choose by the day of the contest, `platform` and `difficulty` by name.

As in the benchmark, programs may use its list of modules without importing them. Departure: a whole program must end
with status 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from orchestrator.errors import ConfigError, UnknownName
from orchestrator.sandbox import Comparison
from orchestrator.types import Json, Message, Problem

from .case import Case, Reference, part_of, split_of
from .private_tests import SealedTests, examples_of
from .rows import Line, Options, Reader, Row

LIMITS: dict[str, Json] = {"timeout": 6.0, "memory_mb": 4096}
PLATFORMS = ("atcoder", "codeforces", "leetcode")
DIFFICULTIES = ("easy", "medium", "hard")

_MODULES = (
    "string", "re", "datetime", "collections", "heapq", "bisect", "copy", "math", "random", "statistics", "itertools",
    "functools", "operator", "io", "sys", "json",
)  # fmt: skip
HEADER = "; ".join(
    (
        *(f"from {name} import *" for name in (*_MODULES, "builtins", "typing")),
        f"import {', '.join(_MODULES)}",
        "sys.setrecursionlimit(50000)",
    )
)
"""What the benchmark puts before every program: solutions on its sites count on these names."""

_STDIN = "Write a whole program: it reads its input from standard input and prints the answer to standard output."
_STARTER = "Complete this code, and keep its names and signature:"


class Task(BaseModel):
    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    question_id: str = Field(min_length=1)
    question_content: str = Field(min_length=1)
    question_title: str | None = None
    contest_id: str | None = None
    contest_date: str | None = None
    platform: str | None = None
    difficulty: str | None = None
    starter_code: str | None = None
    public_test_cases: JsonValue = None
    private_test_cases: JsonValue = None
    metadata: JsonValue = None


def recognises(row: Row) -> bool:
    return {"question_content", "public_test_cases"} <= row.keys()


def cases(lines: Iterable[Line], options: Options) -> Iterator[Case]:
    chosen = _Choice(options)
    for line in lines:
        task = line.parse(Task)
        if chosen.takes(task, line):
            yield _case(task, line, chosen.compare)


class _Choice:
    """Which problems the options mean, and how outputs are compared.

    Raises:
        ConfigError: an option's value does not fit.
    """

    def __init__(self, options: Options) -> None:
        self.first, self.last = _day(options, "start_date"), _day(options, "end_date")
        self.platforms = _names(options, "platform", PLATFORMS)
        self.difficulties = _names(options, "difficulty", DIFFICULTIES)
        self.compare: Comparison = _comparison(options)

    def takes(self, task: Task, line: Line) -> bool:
        return (
            (self.platforms is None or (task.platform or "").lower() in self.platforms)
            and (self.difficulties is None or (task.difficulty or "").lower() in self.difficulties)
            and ((self.first or self.last) is None or self._in_time(task, line))
        )

    def _in_time(self, task: Task, line: Line) -> bool:
        try:
            day = date.fromisoformat((task.contest_date or "")[:10])
        except ValueError:
            raise line.error(f"field 'contest_date': {task.contest_date!r} is no date to choose by") from None
        return (self.first or day) <= day <= (self.last or day)


def _day(options: Options, name: str) -> date | None:
    value = options.get(name)
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError:
        raise ConfigError(f"set option {name}={value}: write a day as 2024-08-01") from None


def _names(options: Options, name: str, known: tuple[str, ...]) -> frozenset[str] | None:
    if name not in options:
        return None
    names = frozenset(part.strip().lower() for part in options[name].split("|"))
    for other in sorted(names - set(known)):
        raise UnknownName(f"value of {name}", other, known)
    return names


def _comparison(options: Options) -> Comparison:
    match options.get("compare", "lcb"):
        case "lcb":
            return "lcb"
        case "lcb+tol":
            return "lcb+tol"
        case other:
            raise UnknownName("value of compare", other, ("lcb", "lcb+tol"))


def _case(task: Task, line: Line, compare: Comparison) -> Case:
    key = f"livecodebench/{task.question_id}"
    entry = _entry(task, line)
    public = examples_of(task.public_test_cases, entry, line, "public_test_cases")
    tests = SealedTests(public, task.private_test_cases, entry, compare, line)
    about = {name: getattr(task, name) for name in ("question_title", "contest_id", "contest_date")}
    return Case(
        Problem(key, (Message("user", _prompt(task, entry)),), "code", meta={"header": HEADER}, examples=public),
        Reference(tests=tests if tests else (), meta={**LIMITS, **{k: v for k, v in about.items() if v is not None}}),
        task.platform,
        task.difficulty,
        split_of(key),
        part_of(key),
    )


def _entry(task: Task, line: Line) -> str | None:
    """Name of the function that tests call; `None` where they run a whole program."""
    meta = task.metadata
    try:
        meta = json.loads(meta or "{}") if isinstance(meta, str) else meta
    except (ValueError, RecursionError) as error:
        raise line.error(f"field 'metadata': not JSON: {error}") from None
    name = meta.get("func_name") if isinstance(meta, dict) else None
    if name is None:
        return None
    if not isinstance(name, str) or not name.isidentifier():
        raise line.error(f"field 'metadata': func_name {name!r} is no name of a function")
    return name


def _prompt(task: Task, entry: str | None) -> str:
    """The statement, which tells the public tests, and the form of the program."""
    if entry is None:
        return f"{task.question_content.strip()}\n\n{_STDIN}"
    starter = (task.starter_code or f"class Solution:\n    def {entry}(self):").strip("\n")
    return f"{task.question_content.strip()}\n\n{_STARTER}\n\n```python\n{starter}\n```"


READER = Reader(
    "livecodebench",
    "LiveCodeBench's code generation, whole or lite",
    recognises,
    cases,
    frozenset({"start_date", "end_date", "platform", "difficulty", "compare"}),
)
