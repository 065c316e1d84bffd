from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.types import Message, Problem


@pytest.fixture
def problem() -> Callable[..., Problem]:
    def build(kind: str, prompt: str = "?", **fields: Any) -> Problem:
        return Problem("p", (Message("user", prompt),), kind, **fields)  # type: ignore[arg-type]

    return build


@pytest.fixture
def recorded(shared: Path) -> Callable[..., Iterator[tuple[dict[str, Any], dict[str, Any]]]]:
    """`recorded("gsm8k", every=20)`: every 20th recorded generation with its problem."""

    def rows(name: str, every: int = 1, first: int = 1_000_000) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        folder = shared / "replay"
        with gzip.open(folder / f"{name}.problems.jsonl.gz", "rt", encoding="utf-8") as file:
            problems = {row["id"]: row for row in map(json.loads, file)}
        with gzip.open(folder / f"{name}.generations.jsonl.gz", "rt", encoding="utf-8") as file:
            for number, line in enumerate(file):
                if number >= first:
                    return
                if number % every == 0:
                    row = json.loads(line)
                    yield problems[row["problem_id"]], row

    return rows
