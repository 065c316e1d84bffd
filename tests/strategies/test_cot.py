"""Chain of thought: one call, one candidate."""

from __future__ import annotations

from orchestrator import Message, Problem, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.cot import ChainOfThought
from orchestrator.types import Estimate

from .golden import batches, calls, emitted, lineage_is_sound


async def test_golden_trace() -> None:
    expert = ScriptedExpert(lambda request: "6 times 7 is 42. The answer is 42.")
    out = await asolve("6 * 7?", kind="number", experts=[expert.value], strategy="cot")
    assert [event.kind for event in out.trace] == ["call", "emit", "stop"]
    assert calls(out) == [((), "answer")]
    assert emitted(out) == [((0,), "42")]
    assert batches(expert) == [[0]]
    assert lineage_is_sound(out, [expert])
    assert (out.chosen_by, out.confidence, out.stopped_by) == ("vote", 1.0, "done")


async def test_what_is_sent() -> None:
    expert = ScriptedExpert(lambda request: "The answer is (B).")
    conversation = (Message("system", "You are terse."), Message("user", "Which?"))
    problem = Problem("p", conversation, "choice", ("left", "right"))
    await asolve(problem, experts=[expert.value], strategy="cot(temperature=0.3, max_tokens=77)")
    (request,) = expert.requests
    assert [message.role for message in request.messages] == ["system", "user"]
    assert request.messages[0].text == "You are terse."
    assert "(A) left\n(B) right" in request.messages[1].text
    assert "The answer is (X)" in request.messages[1].text
    assert (request.sampling.temperature, request.sampling.max_tokens) == (0.3, 77)


async def test_an_unreadable_reply_abstains_and_is_kept() -> None:
    expert = ScriptedExpert(lambda request: "I do not know.")
    out = await asolve("6 * 7?", kind="number", experts=[expert.value], strategy="cot")
    assert (out.answer, out.chosen_by, emitted(out)) == (None, "none", [((0,), None)])


def test_estimate() -> None:
    problem = Problem("p", (Message("user", "q"),))
    assert ChainOfThought().estimate(problem, experts=3) == Estimate(1, 1.0, 1, 1)
