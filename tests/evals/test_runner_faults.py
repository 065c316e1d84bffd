"""A grader or a strategy that fails is no reason to lose what was paid for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import answers
from orchestrator.errors import BenchmarkError, JournalError, SandboxUnavailable, VerifierError
from orchestrator.evals import entry
from orchestrator.evals.case import Case
from orchestrator.evals.runner import PATIENCE
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.folder import RunFolder
from orchestrator.sandbox import Sandbox

from .benching import Watcher, bench, cases, doubled, lines, plan_of, rows, traced


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception, *ids: str) -> None:
    """Has the grader fail on some problems, or on all."""
    whole = entry.Grader

    class Failing(whole):
        def __init__(self, case: Case, box: Sandbox | None = None) -> None:
            super().__init__(case, box)
            self.fails = not ids or case.problem.id in ids

        async def __call__(self, answer: str | None, text: str | None = None) -> bool | None:
            if self.fails:
                raise error
            return await super().__call__(answer, text)

    monkeypatch.setattr(entry, "Grader", Failing)


@pytest.mark.parametrize(
    "error", [VerifierError("the tests cannot be read"), ValueError("too many digits")], ids=["verifier", "bug"]
)
def test_one_problem_gets_an_error_line_that_names_it_and_the_rest_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failing(monkeypatch, error, "toy/2")
    watcher = Watcher()
    work, table = bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(6), watcher)
    (bad,) = [row for row in rows(tmp_path / "run") if row["status"] == "error"]
    assert bad["problem"] == "toy/2"
    assert bad["error"] == f"{type(error).__name__}: {error}"
    assert bad["correct"] is False
    assert (table[0]["errors"], table[0]["solved"], table[0]["graded"]) == (1, 5, 6)
    assert table[0]["calls"] == 6
    assert work.complete
    (told,) = watcher.told
    assert "toy/2" in told
    assert str(error) in told
    (event,) = [row for row in traced(tmp_path / "run") if row["kind"] == "crash"]
    assert event["where"].startswith(f"{Path(__file__).name}:")


def test_problems_that_a_strategy_cannot_do_are_wrong_and_end_nothing(tmp_path: Path) -> None:
    watcher = Watcher()
    plan = plan_of(ScriptedExpert(doubled), strategies=("cot", "codenames"))
    work, table = bench(tmp_path / "run", plan, cases(2 * PATIENCE), watcher)
    counts = {row["strategy"]: (row["errors"], row["solved"], row["graded"], row["calls"]) for row in table}
    assert counts == {"cot": (0, 16, 16, 16), "codenames": (16, 0, 16, 0)}
    assert work.complete
    (told,) = watcher.told
    assert "codenames: no completion: strategy codenames needs a board: problem 'toy/" in told


def test_a_resumed_run_counts_an_error_line_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, VerifierError("no"), "toy/1")
    _, first = bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(4))
    _, again = bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(4))
    seconds = {"seconds": 0}
    assert {**first[0], **seconds} == {**again[0], **seconds}


def test_a_fault_of_every_problem_ends_the_run_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ValueError("typo"))
    with pytest.raises(ValueError, match="typo"):
        bench(tmp_path / "run", plan_of(ScriptedExpert(doubled), concurrency=1), cases(1000))
    assert len(lines(tmp_path / "run")) == PATIENCE


def test_a_sandbox_that_is_not_there_ends_the_run_and_keeps_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, SandboxUnavailable("no processes"), "toy/5")
    with pytest.raises(SandboxUnavailable):
        bench(tmp_path / "run", plan_of(ScriptedExpert(doubled), concurrency=2), cases(1000))
    kept = {row["problem"] for row in rows(tmp_path / "run")}
    assert kept >= {f"toy/{i}" for i in range(5)}
    assert "toy/5" not in kept
    assert len(kept) < 10


def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: RunFolder, row: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunFolder, "append_result", full)
    with pytest.raises(JournalError, match="No space left on device"):
        bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(3))


def test_a_set_that_breaks_off_lets_what_is_under_way_end(tmp_path: Path) -> None:
    def broken() -> Iterator[Case]:
        yield from cases(5)
        raise BenchmarkError("not JSON", "set.jsonl", 6)

    expert = ScriptedExpert(doubled, latency=0.05)
    with pytest.raises(BenchmarkError, match=r"set\.jsonl:6"):
        bench(tmp_path / "run", plan_of(expert), broken())
    assert len(lines(tmp_path / "run")) == 5


@pytest.mark.parametrize("fails", [True, False])
def test_pools_are_let_go_of_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    closed = []

    async def aclose(*who: Sandbox) -> None:
        closed.extend(who or ["answers"])

    monkeypatch.setattr(answers, "aclose", aclose)
    monkeypatch.setattr(Sandbox, "aclose", aclose)
    if fails:
        failing(monkeypatch, SandboxUnavailable("no processes"))
        with pytest.raises(SandboxUnavailable):
            bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(2))
    else:
        bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(2))
    assert [type(one).__name__ for one in closed] == ["Sandbox", "str"]
