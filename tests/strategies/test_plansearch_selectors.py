"""What chooses among the programs of PlanSearch: public tests, written tests, CodeT, and what programs do."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orchestrator import Outcome, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert

from .planning import LISTS, purposes
from .writing import DOUBLE, RIGHT, SAME, SQUARE, expecting

SPEC = "plansearch(depth=1, keep=2, subset_size=1, turns=2)"
"""Three plans, each with a revision: from no observation, and from each of two."""
CUBED = "def double(x):\n    return x * x * x\n"
PROGRAMS = {
    "A hasty plan": SQUARE,
    "A hasty plan, revised": CUBED,
    "A plan of doubling": "def double(x):\n    result = 2 * x\n    return result\n",
    "A plan of doubling, revised": RIGHT,
    "A plan of adding": SAME,
    "A plan of adding, revised": CUBED,
}
"""By what is asked last: half of them are right; the right ones are of two plans, and one of these only has them."""
PUBLIC = replace(DOUBLE, public_tests=("assert double(3) == 6",))


def script(request: Request) -> str:
    purpose, asked = request.labels.purpose, request.messages[-1].text
    whole = "\n".join(message.text for message in request.messages)
    if purpose == "tests":
        return expecting((3, 6), (1, 2)) if request.sample_index % 3 else expecting((3, 9))
    if purpose in LISTS:
        return json.dumps(["Doubling is multiplying.", "Doubling is adding."])
    if purpose == "plan":
        return (
            "A plan of doubling."
            if "multiplying" in asked
            else "A plan of adding."
            if "adding" in asked
            else "A hasty plan."
        )
    for name in sorted(PROGRAMS, key=len, reverse=True):
        if purpose == "fix" and "revised" not in name and name in whole:
            return f"{name}, revised."
        if name in asked:
            return f"```python\n{PROGRAMS[name]}```" if purpose == "answer" else f"Follow this. {name}."
    return "Doubling is multiplying, and it is adding."


async def solved(problem: Problem = DOUBLE, **selector: str) -> Outcome:
    return await asolve(problem, experts=[ScriptedExpert(script).value], strategy=SPEC, **selector)  # type: ignore[arg-type]


async def test_without_a_selector_the_first_of_many_is_chosen() -> None:
    """The wrong cubes were written twice, which is no more than a vote has to go by."""
    out = await solved()
    assert (out.answer, out.chosen_by, len(out.candidates)) == (CUBED, "vote", 6)


async def test_public_tests() -> None:
    out = await solved(PUBLIC)
    assert out.answer in (PROGRAMS["A plan of doubling"], RIGHT, SAME)
    assert out.chosen_by == "verified"


async def test_model_written_tests() -> None:
    out = await solved(verifier="generated_tests(samples=3)")
    assert (out.answer, out.chosen_by) == (PROGRAMS["A plan of doubling"], "score")


async def test_codet() -> None:
    out = await solved(aggregator="codet(samples=3)")
    assert (out.answer, out.chosen_by) == (PROGRAMS["A plan of doubling"], "weight")


async def test_clusters_of_behaviour() -> None:
    out = await solved(aggregator="execution_clusters(samples=3)")
    assert (out.answer, out.confidence, out.chosen_by) == (PROGRAMS["A plan of doubling"], 0.5, "vote")


async def test_clusters_and_of_the_biggest_the_plan_with_most_programs_in_it_and_the_shortest_of_these() -> None:
    out = await solved(aggregator="execution_clusters(samples=3, pick=planned)")
    assert (out.answer, out.confidence) == (RIGHT, 0.5)


async def test_all_of_it_passers_of_the_public_tests_first() -> None:
    """Cubes and right programs pass the public test 0 -> 0, squares too; 3 -> 6 only the right ones."""
    out = await solved(PUBLIC, verifier="none", aggregator="execution_clusters(samples=3, pick=planned)")
    assert (out.answer, out.confidence) == (RIGHT, 1.0)


async def test_both_programs_of_a_plan_name_its_first_sketch() -> None:
    out = await solved()
    plans = [scored.candidate.plan for scored in out.candidates]
    assert None not in plans
    assert len(set(plans)) == 3
    told = purposes(out)
    assert {told[plan] for plan in plans if plan} == {"plan"}
    by_plan = {plan: {s.candidate.answer for s in out.candidates if s.candidate.plan == plan} for plan in plans}
    assert {SQUARE, CUBED} in by_plan.values()


@pytest.mark.parametrize("aggregator", ["codet(samples=3)", "execution_clusters(samples=3, pick=planned)"])
async def test_ideasearch_takes_them_too(aggregator: str) -> None:
    def reply(request: Request) -> str:
        if request.labels.purpose == "plan":
            return ("A hasty plan", "A plan of doubling, revised", "A plan of adding")[request.sample_index]
        return script(request)

    out = await asolve(
        DOUBLE, experts=[ScriptedExpert(reply).value], strategy="ideasearch(samples=3)", aggregator=aggregator
    )
    assert out.answer == RIGHT
    assert len({scored.candidate.plan for scored in out.candidates}) == 3
