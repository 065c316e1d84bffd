"""Strategies that gather several answers work on every kind of problem, with whatever chooses in the end."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from orchestrator import Message, Outcome, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Kind

STRATEGIES = (
    "moa(proposers=3)",
    "debate",
    "universal_sc(samples=3)",
    "synthesis(samples=3)",
    "mbr(samples=3, utility=plain)",
)
AGGREGATORS = (
    "majority",
    "weighted",
    "first_verified",
    "diverse_top_k",
    "mbr(utility=plain)",
    "universal_sc",
    "synthesis",
)
REPLIES: Mapping[Kind, tuple[str, str]] = {
    "choice": ("The answer is (B).", "The answer is (A)."),
    "number": ("The answer is 1,000.", "The answer is 7."),
    "expression": (r"So \boxed{\frac{1}{2}}", r"So \boxed{x+1}"),
    "text": ("Final answer: Paris", "Final answer: Rome"),
    "json": ('```json\n{"a": 1}\n```', '```json\n{"a": 2}\n```'),
    "code": ("```python\nx = 1\n```", "```python\nx = 2\n```"),
    "plan": ("(pick-up a)\n(stack a b)", "(pick-up b)\n(stack b a)"),
    "game24": ("Answer: (7 - 8 / 8) * 4 = 24", "Answer: 4 * 7 - 8 / 8 = 27"),
}
"""What most say, and what a few say."""


def problem(kind: Kind) -> Problem:
    return Problem("p", (Message("user", "Use 4 7 8 8."),), kind, options=("x", "y") if kind == "choice" else ())


def script(kind: Kind) -> ScriptedExpert:
    def reply(request: Request) -> str:
        if request.labels.purpose == "select":
            return "The most consistent one is Candidate 1"
        return REPLIES[kind][request.labels.purpose != "synthesis" and request.sample_index == 2]

    return ScriptedExpert(reply)


async def solved(kind: Kind, spec: str, aggregator: str | None = None) -> Outcome:
    return await asolve(problem(kind), experts=[script(kind).value], strategy=spec, aggregator=aggregator)


@pytest.mark.parametrize("kind", REPLIES)
@pytest.mark.parametrize("spec", STRATEGIES)
async def test_every_kind(kind: Kind, spec: str) -> None:
    out = await solved(kind, spec)
    assert (out.stopped_by, out.reason, len(out.candidates)) == ("done", "", 3)
    assert out.answer is not None
    assert 0 < out.confidence <= 1
    if not spec.startswith("universal_sc"):
        voted = await solved(kind, "self_consistency(samples=3)", "majority")
        assert out.answer == voted.answer


@pytest.mark.parametrize("aggregator", AGGREGATORS)
@pytest.mark.parametrize("spec", STRATEGIES)
async def test_every_aggregator(spec: str, aggregator: str) -> None:
    out = await solved("number", spec, aggregator)
    assert (out.stopped_by, out.reason) == ("done", "")
    assert out.answer in ("1,000", "1000", "7")
