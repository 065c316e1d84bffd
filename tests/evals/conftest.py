"""Small sets written to a temporary folder, and a sandbox."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.sandbox import Sandbox

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows as a set: `write({"id": "a", ...}, ..., name="set.jsonl")`; a name in .gz is packed."""

    def to_file(*rows: dict[str, Any], name: str = "set.jsonl") -> Path:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return to_file


@pytest.fixture
def number_row() -> Callable[..., dict[str, Any]]:
    """A row of the problem format: `number_row("a/1", answer="3", part="fit")`."""

    def row(key: str = "toy/1", **fields: Any) -> dict[str, Any]:
        return {"id": key, "kind": "number", "question": "What is 1 + 2?", "answer": "3", **fields}

    return row


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """A sandbox for the programs of a module of tests."""
    sandbox = Sandbox(workers=1)
    yield sandbox
    sandbox.close()
