"""A bench that something other than the user ends: what is kept, what is said, and the exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import SandboxUnavailable
from orchestrator.evals import entry
from orchestrator.evals.case import Case
from orchestrator.folder import RunFolder
from orchestrator.sandbox import Sandbox
from tests.double import DoubleProcess

from .conftest import Command

Start = Callable[..., DoubleProcess]


def test_a_full_disk_is_told_with_what_to_do_next(
    command: Command, echo: str, sums: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: RunFolder, row: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "append_result", full)
        done = command("bench", sums, "-e", echo, "-s", "cot", "--run", "r", code=1)
    assert "No space left on device" in done.lines[-1]
    assert "orchestrator resume" in done.lines[-2]
    assert command("resume", "r", "--json").json["results"][0]["answered"] == 4


def test_a_sandbox_that_is_not_there_is_exit_6_and_keeps_what_there_is(
    command: Command, echo: str, sums: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(entry.Grader):
        def __init__(self, case: Case, box: Sandbox | None = None) -> None:
            super().__init__(case, box)
            self.last = case.problem.id == "sum/3"

        async def __call__(self, answer: str | None, text: str = "") -> bool | None:
            if self.last:
                raise SandboxUnavailable("no process can be started")
            return await super().__call__(answer, text)

    monkeypatch.setattr(entry, "Grader", Gone)
    done = command("bench", sums, "-e", echo, "-s", "cot", "--concurrency", "1", "--run", "r", code=6)
    assert "no process can be started" in done.lines[-1]
    assert "orchestrator resume" in done.lines[-2]
    assert len(Path("r", "results.jsonl").read_text().splitlines()) == 3


def test_a_problem_that_crashes_is_told_once_and_counted(
    command: Command, echo: str, sums: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(entry.Grader):
        def __init__(self, case: Case, box: Sandbox | None = None) -> None:
            super().__init__(case, box)
            if case.problem.id == "sum/1":
                raise ValueError("a number with \x1b[31m too many digits")

    monkeypatch.setattr(entry, "Grader", Failing)
    done = command("bench", sums, "-e", echo, "-s", "cot", "--run", "r", "--json")
    assert done.json["results"][0]["errors"] == 1
    told = [line for line in done.lines if "sum/1" in line]
    assert told == ["problem sum/1, cot: ValueError: a number with \\x1b[31m too many digits"]


def test_a_row_without_an_expert_is_exit_5_and_the_others_have_results(
    command: Command, sums: str, double_process: Start
) -> None:
    server = double_process(models={"known": {}}, strict=True, answers={"40": 1})
    experts = ("-e", "openai/known", "-e", "openai/unheard-of", "--api-base", server.base_url, "--per-expert")
    done = command("bench", sums, *experts, "-s", "cot", "--run", "r", "--json", code=5)
    assert "1 of 2 rows have no expert left: openai/unheard-of" in done.lines[-1]
    assert [row["answered"] for row in done.json["results"]] == [4, 0]


def test_a_wrong_key_is_exit_5_without_a_table(command: Command, sums: str, double_process: Start) -> None:
    server = double_process(api_key="right")
    done = command(
        "bench", sums, "-e", "openai/m", "--api-base", server.base_url, "-s", "cot", "--run", "r", code=5
    )  # fmt: skip
    assert done.out == ""
    assert done.lines[-1].startswith("no expert is left: openai/m: ")
    assert "Incorrect API key" in done.lines[-1]
    assert "orchestrator resume" in done.lines[-1]
