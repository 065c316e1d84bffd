"""A run's programs in the layouts that other evaluators read, and `judge` too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from orchestrator.errors import ConfigError

LAYOUTS = ("evalplus", "humaneval", "livecodebench")

_FIELDS: Mapping[str, str] = {"evalplus": "solution", "humaneval": "completion"}
"""What a line calls a program. HumanEval's continues the prompt, behind whose stub a whole program may stand as well:
it defines the function again."""


def sample_lines(rows: Iterable[Mapping[str, Any]], layout: str, every: bool) -> Iterator[str]:
    """A line for each result, or for each of its candidates; without an answer an empty program, which fails.

    LiveCodeBench's is one line, an array with an item for each problem.

    Args:
        rows: result lines of one strategy.
        every: each candidate instead of the answer that was chosen.
    """
    if layout in _FIELDS:
        for problem, program in _programs(rows, every):
            yield json.dumps({"task_id": problem, _FIELDS[layout]: program})
        return
    by_problem: dict[str, list[str]] = {}
    for problem, program in _programs(rows, every):
        by_problem.setdefault(problem, []).append(program)
    yield json.dumps([{"question_id": problem, "code_list": programs} for problem, programs in by_problem.items()])


def _programs(rows: Iterable[Mapping[str, Any]], every: bool) -> Iterator[tuple[str, str]]:
    for row in rows:
        answers = [candidate["answer"] for candidate in row["candidates"]] if every else [row["answer"]]
        for answer in answers:
            yield row["problem"], answer or ""


def check_one(names: Sequence[str]) -> None:
    """Raises:
    ConfigError: several strategies' samples would be taken for one's.
    """
    if len(names) > 1:
        raise ConfigError(f"samples are of one strategy; name it with -s: {', '.join(names)}")
