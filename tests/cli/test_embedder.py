"""The role `embedder` from the command line, over HTTP: priced, journalled, asked once, missed in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.double import DoubleProcess

from .conftest import Command

EMBEDDER = ("--role", "embedder=openai/text-embedding-3-small")
STORE = "medprompt(store=store.json, members=2)"


@pytest.fixture
def server(double_process: Callable[..., DoubleProcess], monkeypatch: pytest.MonkeyPatch) -> DoubleProcess:
    """Stands in for the provider's own host."""
    double = double_process(api_key="sk-mine", embed_dim=8)
    monkeypatch.setenv("OPENAI_BASE_URL", double.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    return double


@pytest.fixture
def later(home: Path) -> str:
    """Other sums than those of `sums`."""
    rows = [
        {"id": f"later/{i}", "kind": "number", "question": f"30 + {10 + i}?", "answer": str(40 + i)} for i in (0, 1)
    ]
    path = home / "later.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def store(command: Command, server: DoubleProcess, echo: str, sums: str) -> str:
    command(
        "prepare", "medprompt", sums, "-e", echo, *EMBEDDER, "-o", "store.json", "--run-budget", "usd=0.01", "--yes"
    )
    return "store.json"


def test_a_file_gets_vectors_in_one_call_paid_at_the_models_price(store: str, server: DoubleProcess) -> None:
    table = json.loads(Path(store).read_text())
    assert table["embedder"] == "openai/text-embedding-3-small"
    assert [len(one["vector"]) for one in table["examples"]] == [44]
    assert server.stats()["requests"] == 1


def test_each_question_takes_one_call_and_none_when_it_is_run_again(
    command: Command, store: str, server: DoubleProcess, echo: str, later: str
) -> None:
    words = ("bench", later, "-s", STORE, "-e", echo, *EMBEDDER, "--run-budget", "usd=0.01", "--yes", "--json")
    (row,) = command(*words, "--run", "r").json["results"]
    assert (row["calls"], row["cached_calls"], server.stats()["requests"]) == (6, 0, 3)
    assert 0 < row["paid_usd"] < 1e-5
    (again,) = command(*words, "--reuse", "r").json["results"]
    assert (again["cached_calls"], again["paid_usd"], server.stats()["requests"]) == (6, 0.0, 3)


def test_without_the_embedder_one_line_says_what_to_do(command: Command, store: str, echo: str, later: str) -> None:
    done = command("bench", later, "-s", STORE, "-e", echo, code=2)
    assert done.lines[-1] == (
        "orchestrator: store.json holds vectors of openai/text-embedding-3-small, but the embedder is nobody: "
        "give --role embedder=openai/text-embedding-3-small, or set retriever=words"
    )
    command("bench", later, "-s", "medprompt(store=store.json, retriever=words)", "-e", echo)


def test_problems_that_the_file_was_made_from_are_not_measured_on(
    command: Command, store: str, echo: str, sums: str
) -> None:
    assert "sums" in command("bench", sums, "-s", STORE, "-e", echo, *EMBEDDER, "--yes", code=2).err


def test_a_key_that_is_refused_is_told_and_not_worked_around(
    command: Command, store: str, echo: str, later: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    done = command("bench", later, "-s", STORE, "-e", echo, *EMBEDDER, "--yes", "--run", "r", code=5)
    assert "OPENAI_API_KEY" in done.err
    assert "sk-other" not in done.err + Path("r", "trace.jsonl").read_text()
