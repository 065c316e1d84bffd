"""Self-refine: what an answer is revised on, and when it is left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator import Budget, Message, Problem, Request, asolve
from orchestrator.errors import ConfigError, ContentFiltered
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.registry import build
from orchestrator.strategies.self_refine import SelfRefine
from orchestrator.types import Completion, Estimate, Expert
from tests.clock import run_virtual

from .golden import calls, emitted, lineage_is_sound
from .planning import asked_for, counts, wide
from .writing import DOUBLE, PLUS, RIGHT, SQUARE

SUM = Problem("n", (Message("user", "What is 6 times 7?"),), "number")
HAND = Problem("g", (Message("user", "Use 2 3 4 to make 24."),), "game24")
PUBLIC = Problem("p", DOUBLE.messages, "code", public_tests=("assert double(3) == 6", "assert double(2) == 4"))

Says = Callable[[Request], "str | Completion"]


def author(*attempts: str, latency: float = 0.0, **says: str | Says) -> ScriptedExpert:
    """Makes these attempts in turn, and finds fault with all but the last.

    Args:
        says: by purpose, what is said instead.
    """

    def usual(request: Request) -> str:
        if request.labels.purpose == "feedback":
            right = attempts[-1] in request.messages[-1].text
            return "All of it holds. [Correct]" if right else f"Fault {request.sample_index}. [Incorrect]"
        return attempts[min(request.sample_index, len(attempts) - 1)]

    def reply(request: Request) -> str | Completion:
        said = says.get(request.labels.purpose, usual)
        return said if isinstance(said, str) else said(request)

    return ScriptedExpert(reply, latency=latency)


NUMBERS = tuple(f"The answer is {n}." for n in (13, 48, 42))


def last(request: Request) -> str:
    return request.messages[-1].text


def test_golden_trace() -> None:
    expert = author(*NUMBERS, latency=1.0)
    out, seconds = run_virtual(asolve(SUM, experts=[wide(expert)], strategy="self_refine"))
    assert calls(out) == [
        ((0, 0), "answer"),
        ((0, 0, 0, 0), "feedback"),
        ((0, 0, 1, 0), "answer"),
        ((0, 0, 2, 0), "feedback"),
        ((0, 0, 3, 0), "answer"),
        ((0, 0, 4, 0), "feedback"),
    ]
    assert emitted(out) == [((0, 0, 5), "42")]
    assert lineage_is_sound(out, [expert])
    assert len(out.candidates[0].candidate.parents) == 5
    assert (seconds, out.answer, out.stopped_by) == (6.0, "42", "done")


async def test_feedback_that_finds_nothing_leaves_the_answer_alone() -> None:
    expert = author("The answer is 42.")
    out = await asolve(SUM, experts=[expert.value], strategy="self_refine")
    assert (counts(expert), out.answer) == ({"answer": 1, "feedback": 1}, "42")


async def test_there_are_no_more_attempts_than_said_and_no_feedback_on_the_last() -> None:
    expert = author(*NUMBERS, feedback="Still wrong. [Incorrect]")
    await asolve(SUM, experts=[expert.value], strategy="self_refine")
    assert counts(expert) == {"answer": 4, "feedback": 3}


async def test_feedback_is_asked_for_without_saying_that_there_is_an_error() -> None:
    expert = author(*NUMBERS)
    await asolve(SUM, experts=[expert.value], strategy="self_refine")
    asked = last(asked_for(expert, "feedback")[0])
    assert "may be right and it may be wrong; assume neither" in asked
    assert "The answer is 13." in asked


async def test_all_attempts_and_their_feedback_are_told() -> None:
    expert = author(*NUMBERS)
    await asolve(SUM, experts=[expert.value], strategy="self_refine")
    told = last(asked_for(expert, "answer")[2])
    places = [told.index(part) for part in ("answer is 13", "Fault 1", "answer is 48", "Fault 2")]
    assert places == sorted(places)


async def test_a_chain_that_repeats_itself_hears_other_feedback() -> None:
    expert = author(*NUMBERS[:1], feedback=lambda r: f"Fault {r.sample_index}. [Incorrect]")
    await asolve(SUM, experts=[expert.value], strategy="self_refine")
    told = last(asked_for(expert, "answer")[-1])
    assert [f"Fault {i}" in told for i in (1, 2, 3)] == [True] * 3


@pytest.mark.parametrize("said", ["", "I'm sorry, I can't help with that."])
async def test_feedback_that_was_refused_changes_nothing(said: str) -> None:
    expert = author(*NUMBERS, feedback=said)
    out = await asolve(SUM, experts=[expert.value], strategy="self_refine")
    assert (counts(expert)["answer"], out.answer) == (1, "13")


async def test_feedback_that_was_cut_off_changes_nothing() -> None:
    def feedback(request: Request) -> Completion:
        return Completion("This is a wonderful", finish="length")

    expert = author(*NUMBERS, feedback=feedback)
    out = await asolve(SUM, experts=[expert.value], strategy="self_refine")
    assert (counts(expert)["answer"], out.answer, out.usage.truncated) == (1, "13", 1)


async def test_a_lost_revision_keeps_the_attempt_before() -> None:
    def answer(request: Request) -> str:
        if request.sample_index:
            raise ContentFiltered("filtered out", expert="scripted")
        return NUMBERS[0]

    out = await asolve(SUM, experts=[author(*NUMBERS, answer=answer).value], strategy="self_refine")
    assert (out.answer, out.usage.refused, out.stopped_by) == ("13", 1, "done")


async def test_a_revision_without_an_answer_does_not_displace_one() -> None:
    expert = author("The answer is 13.", "I give up.", feedback="Wrong. [Incorrect]")
    out = await asolve(SUM, experts=[expert.value], strategy="self_refine(attempts=2)")
    assert out.answer == "13"


async def test_another_model_can_give_the_feedback() -> None:
    main, judge = author(*NUMBERS), author(*NUMBERS)
    roles: dict[str, str | Expert] = {"judge": wide(judge, "judge")}
    out = await asolve(SUM, experts=[wide(main)], roles=roles, strategy="self_refine")
    assert (counts(main), counts(judge), out.answer) == ({"answer": 3}, {"feedback": 3}, "42")


async def test_each_of_several_experts_refines_its_own_answer() -> None:
    pool = [author("The answer is 42."), author("The answer is 13.")]
    values = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
    out = await asolve(SUM, experts=values, strategy="self_refine")
    assert [counts(expert) for expert in pool] == [{"answer": 1, "feedback": 1}] * 2
    assert [scored.candidate.answer for scored in out.candidates] == ["42", "13"]


# -- on checks --------------------------------------------------------------------------------


async def test_with_checks_nobody_is_asked_and_the_first_that_passes_ends_it() -> None:
    expert = author("Answer: (2 + 3) * 4 = 24", "Answer: 2 * 3 * 4 = 24")
    out = await asolve(HAND, experts=[expert.value], strategy="self_refine(evidence=checks)")
    assert counts(expert) == {"answer": 2}
    assert "does not make 24 of 2 3 4" in last(expert.requests[1])
    assert (out.answer, out.chosen_by) == ("2 * 3 * 4", "verified")


async def test_with_checks_the_best_attempt_is_kept() -> None:
    half = "def double(x):\n    return 4\n"
    expert = author(*(f"```python\n{program}```" for program in (half, "def double(x):\n    return 5\n")))
    out = await asolve(PUBLIC, experts=[expert.value], strategy="self_refine(evidence=checks, attempts=3)")
    assert (out.answer, out.confidence, len(out.candidates)) == (half, 0.5, 3)


async def test_with_checks_a_judge_scores_what_nothing_can_check() -> None:
    def judge(request: Request) -> str:
        return "Rating: 9" if "42" in last(request) else "Too small. Rating: 3"

    expert = author(*NUMBERS, judge=judge)
    out = await asolve(SUM, experts=[expert.value], strategy="self_refine(evidence=checks)")
    assert counts(expert) == {"answer": 3, "judge": 3}
    assert (out.answer, out.confidence, out.chosen_by) == ("42", 0.9, "score")
    assert "Too small." in last(asked_for(expert, "answer")[1])


async def test_with_checks_programs_without_tests_are_scored_by_written_ones() -> None:
    expert = author(
        *(f"```python\n{program}```" for program in (SQUARE, PLUS, RIGHT)),
        tests="assert double(3) == 6\nassert double(4) == 8",
    )
    out = await asolve(DOUBLE, experts=[expert.value], strategy="self_refine(evidence=checks)")
    assert counts(expert) == {"answer": 3, "tests": 10}
    assert (out.answer, out.confidence) == (RIGHT, 1.0)


async def test_without_any_evidence_nothing_is_revised() -> None:
    expert = author(*NUMBERS, judge="Hard to say.")
    out = await asolve(SUM, experts=[expert.value], strategy="self_refine(evidence=checks)")
    assert (counts(expert)["answer"], out.answer) == (1, "13")


# -- budgets ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("cap", "attempts"), [(1, 1), (2, 1), (3, 2), (5, 3), (7, 4), (99, 4)])
async def test_ladder(cap: int, attempts: int) -> None:
    expert = author(*NUMBERS, feedback="Wrong. [Incorrect]")
    out = await asolve(SUM, experts=[expert.value], strategy="self_refine", budget=Budget(calls=cap))
    assert (counts(expert)["answer"], len(expert.requests), out.stopped_by) == (attempts, 2 * attempts - 1, "done")


async def test_chains_go_before_attempts_and_fit_under_a_cap() -> None:
    forms = [SelfRefine(chains=3).fit(calls, SUM, 1) for calls in (21, 20, 7, 6)]
    assert [(form.chains, form.attempts) for form in forms if form] == [(3, 4), (2, 4), (1, 4), (1, 3)]
    spec = "self_refine(evidence=checks, chains=2)"
    expert = author("```python\ndef double(x):\n    return 5\n```", tests="assert double(3) == 6")
    out = await asolve(DOUBLE, experts=[expert.value], strategy=spec, budget=Budget(calls=18))
    assert (out.stopped_by, counts(expert)) == ("done", {"answer": 8, "tests": 10})


async def test_what_there_is_comes_out_when_the_budget_ends() -> None:
    expert = author(*(f"{'word ' * 50}{text}" for text in NUMBERS), feedback="Wrong. [Incorrect]")
    spec = "self_refine(max_tokens=100)"
    out = await asolve(SUM, experts=[expert.value], strategy=spec, budget=Budget(tokens=1500))
    assert (out.stopped_by, out.answer is not None) == ("budget", True)


def test_what_there_is_comes_out_when_the_time_is_over() -> None:
    expert = author(*NUMBERS, latency=1.0)
    out, _ = run_virtual(asolve(SUM, experts=[wide(expert)], strategy="self_refine", budget=Budget(seconds=3.5)))
    assert (out.stopped_by, out.answer) == ("budget", "48")


def test_estimate() -> None:
    assert SelfRefine().estimate(SUM, 1) == Estimate(2, 7.0, 7, 7, 1)
    assert SelfRefine(attempts=1, chains=3).estimate(SUM, 1) == Estimate(3, 3.0, 3, 1, 3)
    assert SelfRefine(evidence="checks").estimate(HAND, 1) == Estimate(1, 4.0, 4, 4, 4)
    assert SelfRefine(evidence="checks").estimate(SUM, 1) == Estimate(1, 8.0, 12, 8, 4)


@pytest.mark.parametrize("setting", ["enough=1.5", "enough=-1"])
def test_enough_goes_from_0_to_1(setting: str) -> None:
    with pytest.raises(ConfigError, match="enough goes from 0 to 1"):
        build("strategies", f"self_refine({setting})")


@pytest.mark.parametrize("setting", ["attempts=0", "chains=0"])
def test_numbers_count_from_1(setting: str) -> None:
    with pytest.raises(ConfigError, match="count from 1"):
        build("strategies", f"self_refine({setting})")
