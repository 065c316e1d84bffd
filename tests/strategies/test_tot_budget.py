"""Tree of Thoughts: smaller trees under a cap, and searches that end before their last step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator import Budget, Problem, Request, asolve
from orchestrator.strategies.tot import TreeOfThoughts
from tests.clock import run_virtual

from .exploring import ESSAY, HAND, SUM, player
from .judging import last_words
from .planning import asked_for, counts


@pytest.mark.parametrize(
    ("cap", "form"), [(2, (1, 1, 1)), (6, (1, 2, 1)), (12, (1, 5, 1)), (14, (1, 5, 2)), (20, (1, 5, 5))]
)
async def test_ladder(cap: int, form: tuple[int, int, int]) -> None:
    fitted = TreeOfThoughts().fit(cap, ESSAY, 1)
    assert fitted is not None
    assert (fitted.keep, fitted.thoughts, fitted.opinions) == form
    out = await asolve(ESSAY, experts=[player().value], strategy="tot", budget=Budget(calls=cap))
    assert (out.stopped_by, out.usage.calls <= cap, len(out.candidates)) == ("done", True, 1)


async def test_below_the_lowest_rung_the_smallest_budget_is_named() -> None:
    out = await asolve(ESSAY, experts=[player().value], strategy="tot", budget=Budget(calls=1))
    assert (out.stopped_by, out.usage.calls) == ("budget", 0)
    assert "calls=2" in out.reason


async def test_answers_are_safe_when_the_budget_ends_before_they_are_compared() -> None:
    expert = player(answer=lambda r: "word " * 40 + f"The answer is {r.sample_index}.")
    budget = Budget(tokens=2600)
    out = await asolve(SUM, experts=[expert.value], strategy="tot(max_tokens=100)", budget=budget)
    assert out.stopped_by == "budget"
    assert counts(expert)["answer"] == 6  # the plain one among them, which nobody needs then
    assert len(out.candidates) == 5


class TestEndedBeforeItsLastStep:
    """A search that has spent something puts an answer forward."""

    @pytest.mark.parametrize("spec", ["tot", "tot(steps=3)", "tot(generate=propose)"])
    @pytest.mark.parametrize("budget", [Budget(tokens=2350), Budget(tokens=3000), Budget(seconds=1.5)])
    @pytest.mark.parametrize("problem", [SUM, ESSAY], ids=["number", "text"])
    def test_there_is_an_answer(self, spec: str, budget: Budget, problem: Problem) -> None:
        expert = player(1.0, propose="- one way\n- another way")
        out, _ = run_virtual(asolve(problem, experts=[expert.value], strategy=spec, budget=budget))
        assert (out.stopped_by, out.answer is not None) == ("budget", True)

    async def test_the_best_state_is_finished_while_the_cap_lasts(self) -> None:
        expert = player(answer=lambda r: f"The answer is {7 if 'beginning' in last_words(r) else 8}.")
        budget = Budget(tokens=2800)
        out = await asolve(SUM, experts=[expert.value], strategy="tot", budget=budget)
        assert out.stopped_by == "budget"
        best, plain = (scored.candidate for scored in out.candidates)
        assert (len(best.parents), len(plain.parents)) == (2, 1)  # a plan, and what it was finished by
        assert (out.chosen, out.answer, plain.answer) == (best, "7", "8")

    async def test_no_more_states_are_finished_than_would_have_been_kept_and_each_once(self) -> None:
        expert = player(think=lambda r: f"Plan {r.sample_index}: {'word ' * 60}", vote="The best choice is 1.")
        await asolve(SUM, experts=[expert.value], strategy="tot(keep=2, max_tokens=100)", budget=Budget(tokens=2100))
        finished = [last_words(request) for request in asked_for(expert, "answer") if "Plan" in last_words(request)]
        assert (counts(expert), len(set(finished))) == ({"answer": 3, "think": 5}, 2)

    async def test_answers_that_cannot_be_read_stay_behind_those_that_can(self) -> None:
        expert = player(answer=lambda r: "word " * 40 + (f"The answer is {r.sample_index}." if r.sample_index else "?"))
        spec = "tot(max_tokens=100)"
        out = await asolve(SUM, experts=[expert.value], strategy=spec, budget=Budget(tokens=2600))
        assert (out.stopped_by, counts(expert)["answer"]) == ("budget", 6)
        assert [scored.candidate.answer for scored in out.candidates] == ["1", "2", "3", "4"]

    async def test_a_checker_picks_the_plain_answer_where_what_was_finished_early_is_wrong(self) -> None:
        def answer(request: Request) -> str:
            return "Answer: 2 + 3 + 4" if "these are its steps" in last_words(request) else "Answer: 2 * 3 * 4"

        expert = player(answer=answer)
        out = await asolve(HAND, experts=[expert.value], strategy="tot", budget=Budget(tokens=2700))
        found = [scored.candidate.answer for scored in out.candidates]
        assert (found, out.answer, out.chosen_by) == (["2 + 3 + 4", "2 * 3 * 4"], "2 * 3 * 4", "verified")

    async def test_a_cap_on_calls_alone_covers_the_search_and_needs_no_plain_answer(self) -> None:
        expert = player()
        out = await asolve(ESSAY, experts=[expert.value], strategy="tot", budget=Budget(calls=20))
        assert (out.usage.calls, counts(expert)["answer"]) == (20, 5)

    async def test_the_plain_answer_is_not_put_forward_beside_others(self) -> None:
        expert = player()
        out = await asolve(ESSAY, experts=[expert.value], strategy="tot", budget=Budget(tokens=1_000_000))
        assert (out.stopped_by, out.usage.calls, len(out.candidates)) == ("done", 21, 1)
        assert len(out.candidates[0].candidate.parents) == 2

    async def test_the_plain_answer_is_asked_for_once_however_deep_the_search(self) -> None:
        out = await asolve(ESSAY, experts=[player().value], strategy="tot(steps=3)", budget=Budget(tokens=1_000_000))
        assert (out.stopped_by, out.usage.calls) == ("done", 31)

    async def test_experts_have_the_same_thoughts_with_it_and_without(self) -> None:
        found = []
        for budget in (None, Budget(seconds=1000)):
            experts = [player() for _ in range(2)]
            pool = [replace(each.value, id=f"e{i}") for i, each in enumerate(experts)]
            await asolve(ESSAY, experts=pool, strategy="tot", budget=budget)
            found.append([[r.sample_index for r in asked_for(each, "think")] for each in experts])
        assert found[0] == found[1]
