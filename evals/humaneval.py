"""HumanEval (Chen et al., 2021; MIT) and the files of EvalPlus (Liu et al., 2023; Apache-2.0), HumanEval+ and MBPP+.

Fields: `task_id`, `prompt`, `entry_point`, `canonical_solution`, and `test` or `base_input`, `plus_input`, `atol`.
The examples in a docstring are part of the prompt, not tests: public tests are empty. Exception: in an MBPP+ prompt the
`assert` lines are public, as in MBPP. A row with `plus_input` is graded on base and plus inputs; `plus=false` grades on
base inputs alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from orchestrator.sandbox import Asserts
from orchestrator.types import Json, Message, Problem

from .case import Case, Reference, part_of, split_of
from .evalplus import LIMITS, PRELUDE, computed_test
from .rows import Line, Options, Reader, Row, flag
from .stub import prelude_of

HUMANEVAL_LIMITS: dict[str, Json] = {"timeout": 3.0}
"""What the official harness gives to a program and its tests, by the clock."""


class Task(BaseModel):
    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True)

    task_id: str = Field(min_length=1)
    prompt: str = Field(min_length=1)
    entry_point: str = Field(pattern=r"^[^\W\d]\w*$")
    canonical_solution: str | None = None
    test: str | None = None
    base_input: list[JsonValue] | None = None
    plus_input: list[JsonValue] | None = None
    atol: float = 0.0
    contract: str = ""

    @property
    def reference(self) -> str | None:
        """The canonical program, whole."""
        return None if self.canonical_solution is None else self.prompt + self.canonical_solution

    @property
    def is_mbpp(self) -> bool:
        return self.task_id.lower().startswith("mbpp/")


def recognises(row: Row) -> bool:
    return {"prompt", "entry_point"} <= row.keys() and bool({"test", "base_input"} & row.keys())


def cases(lines: Iterable[Line], options: Options) -> Iterator[Case]:
    plus = flag(options, "plus", True)
    for line in lines:
        task = line.parse(Task)
        tests, limits = _tests(task, line, plus)
        yield Case(
            Problem(
                task.task_id,
                (Message("user", _prompt(task)),),
                kind="code",
                public_tests=_public(task),
                meta={"entry_point": task.entry_point},
            ),
            Reference(task.reference, tests, task.entry_point, limits),
            "code",
            "python",
            split_of(task.task_id),
            part_of(task.task_id),
        )


def _prompt(task: Task) -> str:
    """The stub as it is; out of an MBPP+ prompt, which is one docstring, the words."""
    if not task.is_mbpp:
        return task.prompt
    words = inspect.cleandoc(task.prompt.strip().strip("\"'"))
    return words if task.entry_point in words else f"{words}\nThe function's name is {task.entry_point}."


def _public(task: Task) -> tuple[str, ...]:
    if not task.is_mbpp:
        return ()
    return tuple(line.strip() for line in task.prompt.splitlines() if line.strip().startswith("assert "))


def _tests(task: Task, line: Line, plus: bool) -> tuple[tuple[Asserts, ...], dict[str, Json]]:
    """The set's own tests, or those that its base inputs imply, and after them those of its plus inputs."""
    texts = [] if task.test is None else [task.test]
    groups = [task.base_input if task.test is None else None, task.plus_input if plus else None]
    computed = [inputs for inputs in groups if inputs]
    if computed and task.reference is None:
        raise line.error("field 'canonical_solution': needed to compute what the tests expect")
    texts += [computed_test(task.task_id, task.entry_point, task.reference or "", some, task.atol) for some in computed]
    prelude = prelude_of(task.prompt, task.entry_point)
    suite = Asserts(tuple(texts), task.entry_point, f"{PRELUDE}\n{prelude}" if computed else prelude)
    return ((suite,) if texts else ()), dict(LIMITS if computed else HUMANEVAL_LIMITS)


READER = Reader(
    "humaneval", "HumanEval, HumanEval+ and MBPP+ as EvalPlus publishes them", recognises, cases, frozenset({"plus"})
)
