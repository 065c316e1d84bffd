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
from tests.one_by_one import OneByOne

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


async def test_an_expert_that_answers_for_several_proposers_draws_anew_for_each() -> None:
    pool = [ScriptedExpert(agent, id=f"e{i}") for i in range(2)]
    values = [wide(e, e.value.id) for e in pool]
    await asolve(TASK, experts=values, strategy="moa(proposers=3, layers=2, inner=cot)")
    draws = [sorted(request.salt.rpartition("/")[2] for request in asked_for(expert, "answer")) for expert in pool]
    assert draws == [["0", "1"], ["0"]]


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


def test_under_a_cap_on_tokens_proposers_start_that_can_come_to_an_end() -> None:
    """All four at once would spend it on plans."""
    expert = ScriptedExpert(lambda r: f"Some words. The answer is {r.sample_index}.{' More.' * 20}", max_n=1)
    spec = "moa(proposers=4, layers=2, max_tokens=200, inner=plansearch(depth=1, keep=1, max_tokens=200))"
    out, _ = run_virtual(mixed(expert, spec, budget=Budget(tokens=4000)))
    assert (out.stopped_by, len(out.candidates)) == ("budget", 4)


async def test_one_proposer_has_all_calls_as_nobody_writes_then() -> None:
    expert = ScriptedExpert(agent)
    out = await mixed(expert, "moa(inner=tot)", budget=Budget(calls=2))
    assert (out.usage.calls, out.stopped_by, out.answer is not None) == (2, "done", True)


@pytest.mark.parametrize(("cap", "each"), [(2, 1), (3, 1), (8, 3), (9, 4)])
async def test_every_proposer_has_an_equal_share_of_the_calls_and_at_least_one(cap: int, each: int) -> None:
    expert = ScriptedExpert(agent, max_n=1)
    form = MixtureOfAgents(proposers=2, layers=2, inner=OneByOne())
    out = await asolve(TASK, experts=[expert.value], strategy=form, aggregator="majority", budget=Budget(calls=cap))
    assert (len(expert.requests), len(out.candidates), out.stopped_by) == (2 * each, 2, "done")


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
