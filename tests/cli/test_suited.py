"""A strategy that cannot do a set is told before anybody is paid; where it can do a part, the rest is noted."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Refuses, Unsuited
from orchestrator.cli.problems import Problems, chosen
from orchestrator.cli.suited import check_suited
from orchestrator.engine import Engine
from orchestrator.evals.plan import Row
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.codenames import Codenames
from orchestrator.types import Problem

from .conftest import SCRIPT, Command


def game() -> Problems:
    return chosen("codenames", {}, None, None, None)


def rows(*specs: str, experts: int = 1) -> list[Row]:
    return [Row(spec, spec, (ScriptedExpert(lambda _: "?").value,) * experts) for spec in specs]


@pytest.mark.parametrize("spec", ["codenames", "moa(inner=codenames)"])
def test_a_strategy_that_can_do_no_problem_ends_it_before_anybody_is_asked(
    command: Command, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    monkeypatch.setattr(Engine, "ask", lambda *_: pytest.fail("somebody was asked"))
    done = command("bench", "sample", "-e", SCRIPT, "-s", "cot", "-s", spec, "--run", "r", code=2)
    assert len(done.lines) == 1
    assert "strategy codenames needs a board: problem 'sample/1' has no meta.codenames" in done.err
    assert f"{spec} can do no problem of sample, and nobody was asked: " in done.err
    assert not Path("r").exists()


def test_a_strategy_that_can_do_some_is_run_and_the_rest_is_noted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuses = Codenames.refuses

    def last_alone(self: Codenames, problem: Problem, experts: int) -> str | None:
        return refuses(self, problem, experts) if problem.id.endswith("/3") else f"'{problem.id}' is too easy"

    monkeypatch.setattr(Codenames, "refuses", last_alone)
    check_suited(rows("cot", "codenames"), game())
    assert (
        "codenames cannot do 3 of 4 problems, which count as wrong: 'codenames/0' is too easy"
        in capsys.readouterr().err
    )


def test_a_strategy_that_can_do_all_is_no_news(capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(Codenames(), Refuses)
    check_suited(rows("codenames"), game())
    assert capsys.readouterr().err == ""


def test_sets_are_read_for_strategies_alone_that_may_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Problems, "cases", lambda _: pytest.fail("the set was read"))
    check_suited(rows("cot", "moa(inner=cot)"), game())


def test_the_error_is_one_of_the_configuration(command: Command) -> None:
    with pytest.raises(Unsuited, match="codenames can do no problem of sample"):
        check_suited(rows("codenames"), chosen("sample", {}, None, None, None))
    assert "needs a board" in command("solve", "1 + 1?", "-e", SCRIPT, "-s", "codenames", code=2).err


def test_it_may_depend_on_how_many_experts_there_are() -> None:
    spec, problems = "spp(samples=3)", chosen("sample", {}, None, None, None)
    check_suited(rows(spec, experts=3), problems)
    with pytest.raises(Unsuited, match="3 at temperature 0 are one answer over again"):
        check_suited(rows(spec, experts=2), problems)
    with pytest.raises(Unsuited, match="one answer over again"):
        check_suited(rows(f"moa(inner={spec})", experts=2), problems)
