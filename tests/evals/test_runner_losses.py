"""A bench whose experts are lost."""

from __future__ import annotations

from pathlib import Path

from orchestrator.errors import BadRequest, WrongKey
from orchestrator.evals.runner import PATIENCE
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Request

from .benching import VOTE, bench, cases, doubled, lines, plan_of, rows


def test_a_wrong_key_ends_the_run_at_the_first_refusal_without_a_line(tmp_path: Path) -> None:
    def refuse(request: Request) -> str:
        raise WrongKey("invalid key", expert="scripted")

    expert = ScriptedExpert(refuse)
    work, _ = bench(tmp_path / "run", plan_of(expert, concurrency=8), cases(1000))
    assert "invalid key" in str(work.lost)
    assert len(expert.requests) <= 8
    assert work.problems <= 9
    assert lines(tmp_path / "run") == []
    mended = ScriptedExpert(doubled)
    again, table = bench(tmp_path / "run", plan_of(mended), cases(20))
    assert again.lost is None
    assert table[0]["solved"] == 20


def test_a_problem_that_lost_its_last_expert_midway_has_no_line_whatever_it_had(tmp_path: Path) -> None:
    def revoked(request: Request) -> str:
        if request.sample_index == 2:
            raise WrongKey("revoked", expert="scripted")
        return doubled(request)

    expert = ScriptedExpert(revoked, max_n=1)
    work, _ = bench(tmp_path / "run", plan_of(expert, strategies=(VOTE,)), cases(1))
    assert work.lost is not None
    assert lines(tmp_path / "run") == []


def test_rows_with_experts_left_are_finished(tmp_path: Path) -> None:
    def refuse(request: Request) -> str:
        raise WrongKey("invalid key", expert="bad")

    bad, good = ScriptedExpert(refuse, id="bad"), ScriptedExpert(doubled, id="good")
    work, table = bench(tmp_path / "run", plan_of(bad, good, per_expert=True, concurrency=4), cases(50))
    assert set(work.gone) == {"cot @ bad"}
    assert "invalid key" in str(work.lost)
    assert {row["strategy"]: row["solved"] for row in table} == {"cot @ bad": 0, "cot @ good": 50}
    assert {row["strategy"] for row in rows(tmp_path / "run")} == {"cot @ good"}
    assert len(bad.requests) <= 4
    assert not work.complete


def test_a_strategy_whose_only_expert_is_lost_is_given_up_though_others_live(tmp_path: Path) -> None:
    def refuse(request: Request) -> str:
        raise WrongKey("invalid key", expert="bad")

    bad, good = ScriptedExpert(refuse, id="bad"), ScriptedExpert(doubled, id="good")
    work, _ = bench(tmp_path / "run", plan_of(bad, good, strategies=("cot", VOTE), concurrency=1), cases(100))
    assert set(work.gone) == {"cot"}
    found = [row["strategy"] for row in rows(tmp_path / "run")]
    assert found.count(VOTE) == 100
    assert found.count("cot") == 0
    assert len(bad.requests) == 1


def test_a_problem_without_anybody_to_ask_has_no_line_and_is_told_of(tmp_path: Path) -> None:
    def refuse(request: Request) -> str:
        raise WrongKey("invalid key", expert="bad")

    bad, good = ScriptedExpert(refuse, id="bad"), ScriptedExpert(doubled, id="good")
    work, _ = bench(tmp_path / "run", plan_of(bad, good), cases(PATIENCE - 1))
    assert not work.gone
    assert "invalid key" in str(work.lost)
    assert not work.complete
    assert lines(tmp_path / "run") == []


def test_failures_that_are_not_the_experts_end_are_error_lines(tmp_path: Path) -> None:
    def flaky(request: Request) -> str:
        if "twice 3?" in request.messages[-1].text:
            raise BadRequest("content policy", expert="scripted")
        return doubled(request)

    _, table = bench(tmp_path / "run", plan_of(ScriptedExpert(flaky)), cases(6))
    assert (table[0]["errors"], table[0]["solved"], table[0]["graded"]) == (1, 5, 6)
