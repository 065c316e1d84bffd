"""PlanSearch on problems of all kinds: answers that vote, and checks that choose and end the search."""

from __future__ import annotations

import asyncio

from orchestrator import Message, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert

from .planning import SUM, asked_for, mark_of, script, thinker


async def test_other_kinds_end_in_an_answer_and_a_vote() -> None:
    expert = thinker(2, answer="So the answer is 42.")
    out = await asolve(SUM, experts=[expert.value], strategy="plansearch(keep=2)")
    assert (out.answer, out.chosen_by, out.confidence) == ("42", "vote", 1.0)
    (prompt, *_) = [request.messages[-1].text for request in asked_for(expert, "pseudocode")]
    assert "numbered steps" in prompt
    assert "The answer is N" in asked_for(expert, "answer")[0].messages[-1].text


async def test_a_puzzle_is_checked() -> None:
    puzzle = Problem("p", (Message("user", "Use each number once to make 24.\n4 7 8 8"),), "game24")

    def answer(request: Request) -> str:
        revised = "A fix" in request.messages[-1].text or int(mark_of(request), 16) % 5 == 0
        return "Answer: (7 - 8 / 8) * 4 = 24" if revised else "Answer: 4 + 7 + 8 + 8 = 24"

    out = await asolve(puzzle, experts=[thinker(2, answer=answer).value], strategy="plansearch(keep=2)")
    assert (out.answer, out.chosen_by, out.stopped_by) == ("(7 - 8 / 8) * 4", "verified", "verifier")


async def test_public_tests_choose_a_program_that_most_others_outvote() -> None:
    """The direct idea, and so every plain sample, is wrong; only who is told to sort as numbers is right."""

    def answer(request: Request) -> str:
        key = "key=int" if "numbers" in request.messages[-1].text else ""
        return f"```python\ndef order(words):\n    return sorted(words{', ' if key else ''}{key})\n```"

    def outline(request: Request) -> str:
        return "Sort them as numbers." if "ten is more than nine" in request.messages[-1].text else "Sort them."

    def listed(request: Request) -> str:
        return '["Order is asked for.", "As a number ten is more than nine."]'

    def sketch(request: Request) -> str:
        told = "ten is more than nine" in request.messages[-1].text
        return f"Order the words. {'Mind that ten is more than nine.' if told else ''}"

    problem = Problem(
        "p", (Message("user", "Write order(words): digits in ascending order."),), "code",
        public_tests=("assert order(['10', '9']) == ['9', '10']",), meta={"entry_point": "order"},
    )  # fmt: skip
    expert = thinker(serialise=listed, plan=sketch, pseudocode=outline, answer=answer)
    found = await asolve(problem, experts=[expert.value], strategy="plansearch(depth=1, second_sketch=false)")
    used = len(expert.requests)
    plain = await asolve(problem, experts=[expert.value], strategy=f"self_consistency(samples={used})")
    assert (found.chosen_by, "key=int" in str(found.answer)) == ("verified", True)
    assert (plain.usage.calls, "key=int" in str(plain.answer)) == (used, False)


async def test_it_stops_when_the_direct_plan_passes_the_public_tests() -> None:
    program = script(answer="```python\ndef f(x):\n    return x\n```")

    async def reply(request: Request) -> str:
        if request.labels.purpose == "observe":
            await asyncio.Event().wait()  # nothing will ever be observed
        return str(program(request))

    problem = Problem("p", (Message("user", "Write f."),), "code", public_tests=("assert f(3) == 3",))
    out = await asolve(problem, experts=[ScriptedExpert(reply, max_n=1).value], strategy="plansearch")
    assert (out.chosen_by, out.stopped_by) == ("verified", "verifier")
