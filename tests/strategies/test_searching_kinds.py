"""The searching and repairing strategies on every kind of problem, with somebody who answers each in its form."""

from __future__ import annotations

import pytest

from orchestrator import Message, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert

ANSWERS = {
    "choice": ("The answer is (B).", "B"),
    "number": ("The answer is 42.", "42"),
    "expression": (r"So it is \boxed{x+1}.", "x+1"),
    "text": ("Final answer: the sea", "the sea"),
    "json": ('```json\n{"a": 1}\n```', '{"a": 1}'),
    "code": ("```python\nx = 1\n```", "x = 1\n"),
    "plan": ("(pick-up a)\n(stack a b)", "(pick-up a)\n(stack a b)"),
    "game24": ("Answer: 2 * 3 * 4 = 24", "2 * 3 * 4"),
}
SPECS = (
    "tot",
    "tot(generate=propose, evaluate=value, steps=3)",
    "ab_mcts(answers=6)",
    "ab_mcts(answers=6, variant=m)",
    "self_refine",
    "self_refine(evidence=checks)",
    "reflexion",
)


def problem_of(kind: str) -> Problem:
    text = "Use 2 3 4 to make 24." if kind == "game24" else "Do it."
    schema = {"type": "object"} if kind == "json" else None
    options = ("one", "two", "three") if kind == "choice" else ()
    return Problem("p", (Message("user", text),), kind, options=options, schema=schema)  # type: ignore[arg-type]


def answering(kind: str) -> ScriptedExpert:
    said = {
        "propose": "2 * 3 = 6\n3 * 4 = 12" if kind == "game24" else "First this.\nFirst that.",
        "value": "likely",
        "vote": "The best choice is 2",
        "feedback": "A part is missing. [Incorrect]",
        "judge": "Rating: 5",
        "tests": "assert f(1) == 2",
    }

    def reply(request: Request) -> str:
        return (
            ANSWERS[kind][0] if request.labels.purpose == "answer" else said.get(request.labels.purpose, "A thought.")
        )

    return ScriptedExpert(reply)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("kind", ANSWERS)
async def test_every_kind_is_answered(kind: str, spec: str) -> None:
    out = await asolve(problem_of(kind), experts=[answering(kind).value], strategy=spec)
    assert (out.answer, out.reason) == (ANSWERS[kind][1], "")
    assert out.stopped_by in ("done", "verifier")
