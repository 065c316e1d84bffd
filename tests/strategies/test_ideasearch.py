"""IdeaSearch: an idea, and from it alone an answer."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator import Budget, Message, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.ideasearch import IdeaSearch
from orchestrator.types import Estimate, Expert
from tests.clock import run_virtual

from .golden import batches, calls, emitted, lineage_is_sound
from .planning import TASK, asked_for, counts, lines, mark_of, script, thinker, wide


def test_golden_trace() -> None:
    expert = thinker(latency=1.0, answer=lambda request: f"```python\nx = {request.sample_index}\n```")
    out, seconds = run_virtual(asolve(TASK, experts=[wide(expert)], strategy="ideasearch(samples=3)"))
    assert sorted(calls(out)[:3]) == [((0, i), "plan") for i in range(3)]
    assert sorted(calls(out)[3:]) == [((0, i), "answer") for i in range(3)]
    assert emitted(out) == [((0, i, 0), f"x = {i}\n") for i in range(3)]
    assert batches(expert)[0] == [0, 1, 2]
    assert sorted(batches(expert)[1:]) == [[0], [1], [2]]
    assert lines(out) == [["plan", "answer"]] * 3
    assert lineage_is_sound(out, [expert])
    assert (seconds, out.chosen_by, out.stopped_by) == (2.0, "vote", "done")


def test_an_answer_is_written_as_soon_as_its_own_idea_is_there() -> None:
    async def reply(request: Request) -> str:
        await asyncio.sleep(100.0 if (request.labels.purpose, request.sample_index) == ("plan", 1) else 1.0)
        return str(script()(request))

    out, _ = run_virtual(asolve(TASK, experts=[wide(ScriptedExpert(reply, max_n=1))], strategy="ideasearch(samples=3)"))
    assert [event.at for event in out.trace if event.kind == "emit"] == [2.0, 2.0, 101.0]


async def test_the_second_conversation_is_a_new_one() -> None:
    expert = thinker()
    await asolve(TASK, experts=[expert.value], strategy="ideasearch(samples=2)")
    for request in asked_for(expert, "answer"):
        (message,) = request.messages
        assert "Write f." in message.text
        assert "A plan called" in message.text
        assert "one fenced block of Python" in message.text
    assert len({request.messages for request in asked_for(expert, "answer")}) == 2


async def test_equal_ideas_are_written_out_independently() -> None:
    expert = thinker(plan="The only idea.")
    out = await asolve(TASK, experts=[expert.value], strategy="ideasearch(samples=4)")
    assert len({scored.candidate.answer for scored in out.candidates}) == 4


async def test_sampling() -> None:
    expert = thinker()
    spec = "ideasearch(samples=1, temperature=0.8, code_temperature=0.1, top_p=0.5, max_tokens=50)"
    await asolve(TASK, experts=[expert.value], strategy=spec)
    assert [(r.sampling.temperature, r.sampling.top_p, r.sampling.max_tokens) for r in expert.requests] == [
        (0.8, 0.5, 50),
        (0.1, 0.5, 50),
    ]


async def test_a_lost_or_refused_idea_costs_one_answer() -> None:
    expert = thinker(plan=lambda r: "I'm sorry, I can't do that." if r.sample_index == 1 else f"Idea {mark_of(r)}.")
    out = await asolve(TASK, experts=[expert.value], strategy="ideasearch(samples=3)")
    assert (len(out.candidates), counts(expert)) == (2, {"plan": 3, "answer": 2})


async def test_other_kinds_end_in_an_answer() -> None:
    expert = thinker(answer="The answer is 42.")
    problem = Problem("p", (Message("user", "6 times 7?"),), "number")
    out = await asolve(problem, experts=[expert.value], strategy="ideasearch(samples=3)")
    assert (out.answer, out.confidence) == ("42", 1.0)
    assert "The answer is N" in asked_for(expert, "answer")[0].messages[-1].text


async def test_several_experts_are_dealt_to_in_turn() -> None:
    pool = [thinker(), thinker()]
    values = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
    out = await asolve(TASK, experts=values, strategy="ideasearch(samples=5)")
    assert [counts(expert) for expert in pool] == [{"plan": 3, "answer": 3}, {"plan": 2, "answer": 2}]
    assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e1", "e0", "e1", "e0"]


async def test_experts_given_for_the_roles_are_asked_for_different_samples() -> None:
    pool, idea, code = [thinker(), thinker()], thinker(), thinker()
    roles: dict[str, str | Expert] = {"idea": wide(idea, "idea"), "code": wide(code, "code")}
    values = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
    out = await asolve(TASK, experts=values, roles=roles, strategy="ideasearch(samples=4)")
    assert (counts(idea), counts(code)) == ({"plan": 4}, {"answer": 4})
    assert len({scored.candidate.answer for scored in out.candidates}) == 4


async def test_public_tests_choose() -> None:
    def answer(request: Request) -> str:
        return f"```python\ndef f(x):\n    return x + {request.sample_index != 2}\n```"

    problem = Problem("p", (Message("user", "Write f."),), "code", public_tests=("assert f(1) == 1",))
    out = await asolve(problem, experts=[thinker(answer=answer).value], strategy="ideasearch(samples=4)")
    assert (out.answer, out.chosen_by) == ("def f(x):\n    return x + False\n", "verified")


@pytest.mark.parametrize(("cap", "samples"), [(2, 1), (3, 1), (7, 3), (20, 10), (99, 10)])
async def test_ladder(cap: int, samples: int) -> None:
    expert = thinker()
    out = await asolve(TASK, experts=[expert.value], strategy="ideasearch", budget=Budget(calls=cap))
    assert (len(out.candidates), len(expert.requests), out.stopped_by) == (samples, 2 * samples, "done")


async def test_below_the_lowest_rung_the_smallest_budget_is_named() -> None:
    out = await asolve(TASK, experts=[thinker().value], strategy="ideasearch", budget=Budget(calls=1))
    assert (out.stopped_by, out.usage.calls) == ("budget", 0)
    assert "calls=2" in out.reason


async def test_under_a_cap_on_tokens_ideas_come_to_their_end() -> None:
    expert = thinker()
    spec = "ideasearch(samples=50, max_tokens=500)"
    out = await asolve(TASK, experts=[expert.value], strategy=spec, budget=Budget(tokens=5_000))
    assert out.stopped_by == "budget"
    assert len(out.candidates) >= counts(expert)["plan"] - 2 > 0


def test_estimate() -> None:
    assert IdeaSearch(samples=7).estimate(TASK, experts=3) == Estimate(14, 14.0, 14, 2, candidates=7)


def test_no_samples_is_said() -> None:
    with pytest.raises(ValueError, match="samples"):
        IdeaSearch(samples=0)
