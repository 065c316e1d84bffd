"""A run's programs in the layouts that other evaluators read, and `judge` too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestrator.errors import ConfigError

LAYOUTS: Mapping[str, str] = {"evalplus": "solution", "humaneval": "completion"}
"""The field that holds a program, by layout. HumanEval's continues the prompt, behind whose stub a whole program may
stand as well: it defines the function again."""


def samples_of(rows: Iterable[Mapping[str, Any]], layout: str, every: bool) -> Iterator[dict[str, Any]]:
    """One sample for each result line, or for each of its candidates; without an answer an empty one, which fails.

    Args:
        rows: result lines of one strategy.
        every: each candidate instead of the answer that was chosen.
    """
    field = LAYOUTS[layout]
    for row in rows:
        answers = [candidate["answer"] for candidate in row["candidates"]] if every else [row["answer"]]
        for answer in answers:
            yield {"task_id": row["problem"], field: answer or ""}


def check_one(names: list[str]) -> None:
    """Raises:
    ConfigError: several strategies' samples would be taken for one's.
    """
    if len(names) > 1:
        raise ConfigError(f"samples are of one strategy; name it with -s: {', '.join(names)}")
