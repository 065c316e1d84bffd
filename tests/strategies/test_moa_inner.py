"""Mixture-of-Agents whose proposers each follow a strategy."""

from __future__ import annotations

import pytest

from orchestrator import Budget, Message, Problem, Request, asolve
from orchestrator.errors import ConnectionLost
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.registry import build
from orchestrator.strategies.moa import MixtureOfAgents
from orchestrator.types import Estimate
from tests.clock import run_virtual

from .golden import lineage_is_sound, notes
from .mixing import TASK, agent, mixed
from .planning import asked_for, counts, wide


async def test_a_proposer_answers_with_what_its_strategy_comes_to() -> None:
    """Each proposer's three samples vote; the proposers' samples are independent."""
    expert = ScriptedExpert(lambda r: f"The answer is {(5, 7, 7)[r.sample_index % 3]}.")
    out = await mixed(expert, "moa(proposers=2, layers=2, inner=self_consistency(samples=3))")
    assert [scored.candidate.answer for scored in out.candidates] == ["7", "7"]
    assert len({request.key for request in asked_for(expert, "answer")}) == 6
    assert out.usage.calls == 7


async def test_experts_are_dealt_to_proposers_and_asked_by_their_strategies() -> None:
    pool = [ScriptedExpert(agent, id=f"e{i}") for i in range(2)]
    values = [wide(e, e.value.id) for e in pool]
    spec = "moa(proposers=3, layers=2, inner=self_consistency(samples=2))"
    out = await asolve(TASK, experts=values, strategy=spec)
    assert [counts(expert)["answer"] for expert in pool] == [4, 2]
    assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e1", "e0"]
    assert lineage_is_sound(out, pool)


async def test_a_mixture_of_mixtures() -> None:
    expert = ScriptedExpert(agent)
    out = await mixed(expert, "moa(proposers=2, layers=2, inner=moa(proposers=2, layers=2))")
    assert (out.usage.calls, [s.candidate.answer for s in out.candidates]) == (7, ["8", "8"])


@pytest.mark.parametrize("inner", ["self_consistency(samples=3)", "self_refine", "universal_sc"])
def test_a_cap_on_tokens_that_covers_one_call_brings_an_answer(inner: str) -> None:
    expert = ScriptedExpert(lambda request: f"It takes some words. The answer is {request.sample_index}.")
    solving = mixed(expert, f"moa(inner={inner})", budget=Budget(tokens=2600))
    out, _ = run_virtual(solving)  # which tells a standstill
    assert out.answer is not None
    assert (out.stopped_by, out.usage.prompt_tokens + out.usage.completion_tokens <= 2600) == ("budget", True)


async def test_one_proposer_has_all_calls_as_nobody_writes_then() -> None:
    expert = ScriptedExpert(agent)
    out = await mixed(expert, "moa(inner=tot)", budget=Budget(calls=2))
    assert (out.usage.calls, out.stopped_by, out.answer is not None) == (2, "done", True)


async def test_programs_of_an_inner_strategy_are_chosen_by_its_own_check() -> None:
    problem = Problem("p", (Message("user", "Write f."),), "code", public_tests=("assert f(1) == 1",))

    def script(request: Request) -> str:
        right = request.labels.purpose == "synthesis" or request.sample_index == 2
        return f"```python\ndef f(x):\n    return x + {0 if right else 1}\n```"

    spec = "moa(proposers=2, layers=2, inner=best_of_n(samples=3))"
    out = await mixed(ScriptedExpert(script), spec, problem)
    assert [scored.candidate.answer for scored in out.candidates] == ["def f(x):\n    return x + 0\n"] * 2


async def test_a_nested_budget_is_shared() -> None:
    expert = ScriptedExpert(agent)
    out = await mixed(expert, "moa(proposers=2, layers=3, inner=self_consistency(samples=50))", budget=Budget(calls=23))
    assert (out.stopped_by, out.usage.calls, counts(expert)) == (
        "done",
        23,
        {"answer": 20, "refine": 2, "synthesis": 1},
    )


def test_one_that_finds_nothing_is_left_out() -> None:
    def script(request: Request) -> str:
        if request.labels.purpose == "answer" and request.salt.endswith("/0"):
            raise ConnectionLost("no line", expert="scripted")
        return agent(request)

    expert = ScriptedExpert(script, max_n=1)
    solving = mixed(expert, "moa(proposers=3, layers=2, inner=self_consistency(samples=2))")
    out, _ = run_virtual(solving)
    assert (len(out.candidates), notes(out, "round")[0]["lost"]) == (2, [0])


def test_estimate_counts_what_it_costs_with_its_own_choice() -> None:
    inner = build("strategies", "synthesis(samples=3)")
    form = MixtureOfAgents(layers=3, proposers=2, inner=inner)
    assert form.estimate(TASK, 1) == Estimate(2 * 3 + 2, 2 * 4.0 + 2, 2 * 4 + 2, 3, candidates=2)
