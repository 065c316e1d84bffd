"""Medprompt: neighbours with chains before the question, options in many orders, one vote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from orchestrator import Budget, ConfigError, Message, Problem, Request, asolve
from orchestrator.errors import ServerBusy
from orchestrator.evals.sets import open_set
from orchestrator.experts.pool import experts_of
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.medprompt import Medprompt
from orchestrator.types import LETTERS, Estimate
from tests.clock import run_virtual

from .golden import batches, calls, emitted, lineage_is_sound
from .planning import wide
from .quizzing import ASKED, OPTIONS, POOL, picks, shown


class TestEnsemble:
    """Without a file: what shuffling alone does."""

    def test_golden_trace(self) -> None:
        expert = ScriptedExpert(picks("Jupiter"), latency=1.0)
        out, seconds = run_virtual(asolve(ASKED, experts=[wide(expert)], strategy="medprompt"))
        assert sorted(calls(out)) == [((0, i), "answer") for i in range(5)]
        assert emitted(out) == [((0, i, 0), "B") for i in range(5)]
        assert batches(expert) == [[0]] * 5
        assert [event.kind for event in out.trace] == ["call", "emit"] * 5 + ["stop"]
        assert lineage_is_sound(out, [expert])
        assert (seconds, out.answer, out.confidence, out.chosen_by) == (1.0, "B", 1.0, "vote")

    async def test_the_first_member_sees_the_questions_own_order_and_all_see_different_ones(self) -> None:
        expert = ScriptedExpert(picks("Jupiter"))
        await asolve(ASKED, experts=[expert.value], strategy="medprompt")
        orders = [shown(request) for request in expert.requests]
        assert orders[0] == list(OPTIONS)
        assert len({tuple(order) for order in orders}) == 5
        assert all(sorted(order) == sorted(OPTIONS) for order in orders)

    async def test_orders_are_drawn_anew_for_each_question_and_seed(self) -> None:
        async def orders(problem: Problem, seed: int) -> list[list[str]]:
            expert = ScriptedExpert(picks("Jupiter"))
            await asolve(problem, experts=[expert.value], strategy="medprompt", seed=seed)
            return [shown(request) for request in expert.requests]

        other = replace(ASKED, id="another")
        assert await orders(ASKED, 0) == await orders(ASKED, 0)
        assert len({str(await orders(p, s)) for p in (ASKED, other) for s in (0, 1)}) == 4

    @pytest.mark.parametrize("count", [2, 3, 10])
    @pytest.mark.parametrize("true", [0, 1])
    async def test_a_stub_that_always_picks_the_true_text_is_always_right(self, count: int, true: int) -> None:
        problem = replace(ASKED, options=tuple(f"text {i}" for i in range(count)))
        expert = ScriptedExpert(picks(f"text {true}"))
        out = await asolve(problem, experts=[expert.value], strategy="medprompt(members=7)")
        assert (out.answer, out.confidence) == (LETTERS[true], 1.0)
        assert len(expert.requests) == len({request.key for request in expert.requests}) == 7

    async def test_an_order_that_comes_again_is_an_independent_sample(self) -> None:
        problem = replace(ASKED, options=("yes", "no"))
        expert = ScriptedExpert(picks("no"))
        await asolve(problem, experts=[expert.value], strategy="medprompt")
        asked = sorted((shown(request)[0], request.sample_index) for request in expert.requests)
        assert asked == [("no", 0), ("no", 1), ("yes", 0), ("yes", 1), ("yes", 2)]

    async def test_a_liking_for_the_first_place_spreads_over_all_options(self) -> None:
        expert = ScriptedExpert(lambda _: "The answer is (A).")
        out = await asolve(ASKED, experts=[expert.value], strategy="medprompt(members=24)")
        votes = [scored.candidate.answer for scored in out.candidates]
        assert [votes.count(letter) for letter in "ABCD"] == [6, 6, 6, 6]

    async def test_a_tie_goes_to_the_answer_of_the_unshuffled_member(self) -> None:
        expert = ScriptedExpert(lambda request: picks("Venus" if shown(request) == list(OPTIONS) else "Mars")(request))
        out = await asolve(ASKED, experts=[expert.value], strategy="medprompt(members=2)")
        assert (out.answer, out.confidence) == ("D", 0.5)

    @pytest.mark.parametrize("last", ["None of the above", "All of these"])
    async def test_an_option_about_the_others_stays_last(self, last: str) -> None:
        expert = ScriptedExpert(picks(last))
        out = await asolve(replace(ASKED, options=(*OPTIONS, last)), experts=[expert.value], strategy="medprompt")
        assert {shown(request)[-1] for request in expert.requests} == {last}
        assert len({tuple(shown(request)) for request in expert.requests}) == 5
        assert (out.answer, out.confidence) == ("E", 1.0)

    async def test_options_named_by_letter_keep_their_letters(self) -> None:
        expert = ScriptedExpert(picks("Both A and B"))
        await asolve(replace(ASKED, options=(*OPTIONS, "Both A and B")), experts=[expert.value], strategy="medprompt")
        for request in expert.requests:
            assert [shown(request)[i] for i in (0, 1, 4)] == ["Mars", "Jupiter", "Both A and B"]

    @pytest.mark.parametrize("kind", ["number", "text"])
    async def test_other_kinds_are_sampled_as_often_in_one_call(self, kind: str) -> None:
        expert = ScriptedExpert(lambda request: f"The answer is {request.sample_index // 2}. Final answer: 3")
        problem = Problem("n", (Message("user", "How many?"),), kind)  # type: ignore[arg-type]
        out = await asolve(problem, experts=[expert.value], strategy="medprompt")
        assert batches(expert) == [[0, 1, 2, 3, 4]]
        assert {request.sampling.temperature for request in expert.requests} == {0.7}
        assert len(out.candidates) == 5

    async def test_an_unread_reply_abstains_and_is_not_asked_again(self) -> None:
        def answer(request: Request) -> str:
            return "Hard to say." if shown(request) == list(OPTIONS) else picks("Venus")(request)  # type: ignore[return-value]

        expert = ScriptedExpert(answer)
        out = await asolve(ASKED, experts=[expert.value], strategy="medprompt")
        assert [scored.candidate.answer for scored in out.candidates] == [None, "D", "D", "D", "D"]
        assert (out.confidence, len(expert.requests)) == (1.0, 5)

    def test_a_lost_member_costs_its_vote(self) -> None:
        def answer(request: Request) -> str:
            if shown(request) == list(OPTIONS):
                raise ServerBusy("no")
            return picks("Venus")(request)  # type: ignore[return-value]

        expert = ScriptedExpert(answer)
        out, _ = run_virtual(asolve(ASKED, experts=[expert.value], strategy="medprompt"))
        assert [scored.candidate.answer for scored in out.candidates] == ["D"] * 4

    async def test_the_text_of_a_shuffled_reply_tells_the_questions_own_letter(self) -> None:
        expert = ScriptedExpert(picks("Jupiter"))
        out = await asolve(ASKED, experts=[expert.value], strategy="medprompt")
        assert out.candidates[0].candidate.text == "So. The answer is (B)."
        assert all("the answer is (B)" in scored.candidate.text for scored in out.candidates[1:])

    async def test_members_are_dealt_to_several_experts(self) -> None:
        pool = [ScriptedExpert(picks("Jupiter")), ScriptedExpert(picks("Venus"))]
        values = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
        out = await asolve(ASKED, experts=values, strategy="medprompt")
        assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e1", "e0", "e1", "e0"]
        assert (out.answer, out.confidence) == ("B", 0.6)

    async def test_recorded_replies_are_asked_for_in_the_order_in_which_they_were_recorded(self, shared: Path) -> None:
        case_file = shared / "replay" / "mmlu_pro.problems.jsonl.gz"
        (case,) = islice(open_set(str(case_file)), 1)
        expert = f"replay:{shared / 'replay' / 'mmlu_pro.generations.jsonl.gz'}"
        (first, *_) = experts_of([expert])
        ours = await asolve(case.problem, experts=[first], strategy="medprompt(members=3)")
        plain = await asolve(case.problem, experts=[first], strategy="self_consistency(samples=3)")
        answers = [[s.candidate.answer for s in out.candidates] for out in (ours, plain)]
        assert answers[0] == answers[1] != []


class TestBudget:
    @pytest.mark.parametrize(("cap", "members"), [(1, 1), (3, 3), (5, 5), (99, 5)])
    async def test_the_ladder_has_fewer_members(self, cap: int, members: int) -> None:
        expert = ScriptedExpert(picks("Jupiter"))
        out = await asolve(ASKED, experts=[expert.value], strategy="medprompt", budget=Budget(calls=cap))
        assert (len(expert.requests), out.stopped_by, out.answer) == (members, "done", "B")

    def test_estimate(self, stored: Callable[..., str]) -> None:
        assert Medprompt().estimate(ASKED, 3) == Estimate(5, 5.0, 5, 1, 5)
        assert Medprompt(Path(stored().strip('"')), members=11).estimate(ASKED, 1) == Estimate(11, 11.0, 11, 1, 11)

    @pytest.mark.parametrize("fields", [{"members": 0}, {"examples": -1}, {"prepared_orders": 0}])
    def test_what_makes_no_sense_is_said(self, fields: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="count from 1"):
            Medprompt(**fields)  # type: ignore[arg-type]

    def test_a_file_that_is_not_there_is_said_before_anything_is_asked(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="No such file"):
            Medprompt(tmp_path / "none.json").estimate(ASKED, 1)

    async def test_a_file_that_changes_is_read_again(self, stored: Callable[..., str]) -> None:
        spec = f"medprompt(store={stored(POOL[0])})"
        before = ScriptedExpert(picks("Mars"))
        await asolve(ASKED, experts=[before.value], strategy=spec)
        stored(*POOL[:3])
        after = ScriptedExpert(picks("Mars"))
        await asolve(ASKED, experts=[after.value], strategy=spec)
        assert (len(before.requests[0].messages), len(after.requests[0].messages)) == (3, 7)
