"""Reflexion: what a failed attempt teaches, and what is no evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from orchestrator import Budget, Orchestrator, Request, asolve
from orchestrator.errors import ConfigError, ContentFiltered
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.registry import build
from orchestrator.strategies.reflexion import Reflexion
from orchestrator.types import Completion, Estimate, Expert, Outcome
from tests.clock import run_virtual

from .exploring import HAND, SUM
from .golden import calls, emitted, lineage_is_sound
from .judging import last_words
from .planning import asked_for, counts, wide
from .writing import DOUBLE, PLUS, PUBLIC, RIGHT, SQUARE

TESTS = "assert double(2) == 4\nassert double(3) == 6\nassert double(0) == 0"
Says = Callable[[Request], "str | Completion"]


def fenced(program: str) -> str:
    return f"```python\n{program}```"


def learner(*attempts: str, latency: float = 0.0, **says: str | Says) -> ScriptedExpert:
    """A chain that makes these attempts in turn, the last one again and again.

    Args:
        says: by purpose, what is said instead.
    """

    def usual(request: Request) -> str:
        match request.labels.purpose:
            case "tests":
                return TESTS
            case "reflect":
                return f"Lesson {request.sample_index}: look closer."
        return attempts[min(request.sample_index, len(attempts) - 1)]

    def reply(request: Request) -> str | Completion:
        said = says.get(request.labels.purpose, usual)
        return said if isinstance(said, str) else said(request)

    return ScriptedExpert(reply, latency=latency)


PROGRAMS = (fenced(SQUARE), fenced(PLUS), fenced(RIGHT))


def answers(out: Outcome) -> list[str | None]:
    return [answer for _, answer in emitted(out)]


def test_golden_trace() -> None:
    expert = learner(*PROGRAMS, latency=1.0)
    out, seconds = run_virtual(asolve(DOUBLE, experts=[wide(expert)], strategy="reflexion"))
    # Tests are written beside the first program.
    assert sorted(calls(out)[:2]) == [((0, 0, 0, 0), "answer"), ((0, 1, 0, 0), "tests")]
    assert calls(out)[2:] == [((0, 0, 0, 0), purpose) for purpose in ("reflect", "answer", "reflect", "answer")]
    assert emitted(out) == [((0, 0, 0, 0, 0), SQUARE), ((0, 0, 0, 0, 1), PLUS), ((0, 0, 0, 0, 2), RIGHT)]
    assert lineage_is_sound(out, [expert])
    assert (seconds, out.answer, out.chosen_by) == (5.0, RIGHT, "score")


async def test_public_tests_are_used_where_there_are_some() -> None:
    expert = learner(*PROGRAMS)
    out = await asolve(PUBLIC, experts=[expert.value], strategy="reflexion")
    assert counts(expert) == {"answer": 3, "reflect": 2}
    # Whether the chain had ended by itself when the verdict came is a matter of timing.
    assert (out.answer, out.chosen_by, out.stopped_by in ("done", "verifier")) == (RIGHT, "verified", True)


async def test_the_smallest_failing_test_and_its_end_are_told() -> None:
    broken = "def double(x):\n    if x > 2:\n        raise KeyError(x)\n    return x\n"
    expert = learner(fenced(broken), fenced(RIGHT))
    await asolve(PUBLIC, experts=[expert.value], strategy="reflexion")
    told = last_words(asked_for(expert, "reflect")[0])
    assert "It passes 0 of 2 tests." in told
    assert "The smallest test that fails:\nassert double(3) == 6\n" in told
    assert "error" in told
    assert "In line 3: raise KeyError(x)" in told
    assert broken.strip() in told
    again = last_words(asked_for(expert, "answer")[1])
    assert "- Lesson" in again
    assert broken.strip() in again
    assert "no value that one of these cases expects may be written into it" in again
    assert again.startswith("Write double(x)")


async def test_zero_valid_tests_are_not_all_passed() -> None:
    expert = learner(*PROGRAMS, tests="I would check that it doubles.")
    out = await asolve(DOUBLE, experts=[expert.value], strategy="reflexion")
    assert counts(expert) == {"answer": 1, "tests": 1}
    assert (answers(out), out.chosen_by) == ([SQUARE], "vote")
    assert "is a test" in out.reason
    assert any(event.kind == "no tests" for event in out.trace)


async def test_a_written_test_may_be_called_wrong() -> None:
    expert = learner(
        fenced(RIGHT), tests="assert double(2) == 4\nassert double(3) == 9", reflect="Twice 3 is 6.\nThe test is wrong."
    )
    out = await asolve(DOUBLE, experts=[expert.value], strategy="reflexion")
    assert counts(expert) == {"answer": 1, "tests": 1, "reflect": 1}
    assert (out.answer, out.stopped_by) == (RIGHT, "done")
    assert "may themselves be at fault" in last_words(asked_for(expert, "reflect")[0])


async def test_a_test_that_was_called_wrong_is_dropped_for_good() -> None:
    def reflect(request: Request) -> str:
        return "**The test is wrong**" if "double(3) == 9" in last_words(request) else "Lesson 1: twice, not squared."

    tests = "assert double(4) == 8\nassert double(3) == 9\nassert double(10) == 20"
    expert = learner(fenced(PLUS), fenced(RIGHT), tests=tests, reflect=reflect)
    out = await asolve(DOUBLE, experts=[expert.value], strategy="reflexion")
    assert answers(out) == [PLUS, RIGHT]
    assert "double(3) == 9" not in last_words(asked_for(expert, "reflect")[-1])


async def test_when_every_test_was_called_wrong_nothing_is_known() -> None:
    expert = learner(fenced(SQUARE), tests="assert double(3) == 6", reflect="The test is wrong.")
    out = await asolve(DOUBLE, experts=[expert.value], strategy="reflexion")
    assert counts(expert) == {"answer": 1, "tests": 1, "reflect": 1}
    assert out.answer == SQUARE


async def test_a_public_test_is_never_called_wrong() -> None:
    expert = learner(*PROGRAMS, reflect="Lesson 1. The test is wrong.")
    await asolve(PUBLIC, experts=[expert.value], strategy="reflexion(max_iters=2)")
    assert counts(expert) == {"answer": 2, "reflect": 1}
    assert "at fault" not in last_words(asked_for(expert, "reflect")[0])


async def test_all_reflections_are_remembered_and_the_latest_told() -> None:
    wrong = [fenced(f"def double(x):\n    return {n}\n") for n in (101, 102, 103, 104, 105)]
    expert = learner(*wrong)
    await asolve(PUBLIC, experts=[expert.value], strategy="reflexion(max_iters=5, memory=2)")
    told = [[i for i in range(1, 6) if f"Lesson {i}" in last_words(r)] for r in asked_for(expert, "answer")]
    assert told == [[], [1], [1, 2], [2, 3], [3, 4]]


async def test_repairs_end_with_the_last_attempt() -> None:
    expert = learner(fenced(SQUARE))
    out = await asolve(PUBLIC, experts=[expert.value], strategy="reflexion(max_iters=3)")
    assert counts(expert) == {"answer": 3, "reflect": 2}
    assert (out.stopped_by, out.chosen_by, len(out.candidates)) == ("done", "score", 3)


async def test_a_worse_repair_does_not_displace_the_best_attempt() -> None:
    half, none = "def double(x):\n    return 4\n", "def double(x):\n    return 5\n"
    out = await asolve(PUBLIC, experts=[learner(fenced(half), fenced(none)).value], strategy="reflexion(max_iters=2)")
    assert (answers(out), out.answer, out.confidence) == ([half, none], half, 0.5)


async def test_a_reply_without_a_program_is_told_so() -> None:
    expert = learner("I would rather not say.", fenced(RIGHT), reflect="Lesson 1: write it down.")
    out = await asolve(PUBLIC, experts=[expert.value], strategy="reflexion")
    assert "There is no program in the reply." in last_words(asked_for(expert, "reflect")[0])
    assert out.answer == RIGHT


async def test_the_first_chain_that_is_verified_ends_all() -> None:
    def answer(request: Request) -> str:
        return fenced(RIGHT if request.sample_index == 2 else SQUARE)

    expert = learner(answer=answer)
    out = await asolve(PUBLIC, experts=[expert.value], strategy="reflexion(chains=3)")
    assert (out.answer, out.stopped_by in ("done", "verifier")) == (RIGHT, True)
    first = expert.requests[:3]
    assert [request.sample_index for request in first] == [0, 1, 2]


async def test_each_of_several_experts_has_a_chain() -> None:
    pool = [learner(fenced(SQUARE)), learner(fenced(SQUARE))]
    values = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
    out = await asolve(PUBLIC, experts=values, strategy="reflexion(max_iters=2)")
    assert [counts(expert) for expert in pool] == [{"answer": 2, "reflect": 1}] * 2
    assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e0", "e1", "e1"]


async def test_the_role_tests_writes_them() -> None:
    main, tester = learner(*PROGRAMS), learner()
    roles: dict[str, str | Expert] = {"tests": wide(tester, "tester")}
    await asolve(DOUBLE, experts=[wide(main)], roles=roles, strategy="reflexion")
    assert (counts(tester), "tests" in counts(main)) == ({"tests": 1}, False)


# -- other kinds ----------------------------------------------------------------------------


async def test_the_checker_of_the_kind_says_whether_an_attempt_holds() -> None:
    expert = learner("Answer: (2 + 3) * 4 = 24", "Answer: 2 * 3 * 4 = 24", reflect="Lesson 1: multiply.")
    out = await asolve(HAND, experts=[expert.value], strategy="reflexion")
    assert "does not make 24 of 2 3 4" in last_words(asked_for(expert, "reflect")[0])
    assert (out.answer, out.chosen_by) == ("2 * 3 * 4", "verified")


async def test_a_judge_says_so_where_nothing_can_be_checked() -> None:
    def judge(request: Request) -> str:
        return "Rating: 9" if "42" in last_words(request) else "The product is too small. Rating: 2"

    expert = learner("The answer is 13.", "The answer is 42.", judge=judge, reflect="Lesson 1: multiply.")
    out = await asolve(SUM, experts=[expert.value], strategy="reflexion")
    assert counts(expert) == {"answer": 2, "judge": 2, "reflect": 1}
    assert "The product is too small." in last_words(asked_for(expert, "reflect")[0])
    assert (out.answer, out.confidence, out.chosen_by) == ("42", 0.9, "score")


async def test_who_says_nothing_readable_teaches_nothing() -> None:
    expert = learner("The answer is 13.", judge="Hard to say.")
    out = await asolve(SUM, experts=[expert.value], strategy="reflexion")
    assert counts(expert)["answer"] == 1
    assert out.answer == "13"


async def test_another_scorer_can_be_given() -> None:
    expert = learner("The answer is 13.", critic="Fine.\n[Correct]")
    await asolve(SUM, experts=[expert.value], strategy="reflexion(scorer=critic)")
    assert counts(expert) == {"answer": 1, "critic": 1}


# -- failures, budgets ------------------------------------------------------------------------


async def test_a_lost_repair_keeps_what_was_there() -> None:
    def reflect(request: Request) -> str:
        raise ContentFiltered("filtered out", expert="scripted")

    expert = learner(fenced(SQUARE), reflect=reflect)
    out = await asolve(PUBLIC, experts=[expert.value], strategy="reflexion")
    assert (answers(out), out.stopped_by) == ([SQUARE], "done")
    assert not any("filtered" in last_words(request) for request in expert.requests)


async def test_lost_tests_leave_the_program_unchecked() -> None:
    def tests(request: Request) -> str:
        raise ContentFiltered("filtered out", expert="scripted")

    out = await asolve(DOUBLE, experts=[learner(*PROGRAMS, tests=tests).value], strategy="reflexion")
    assert (answers(out), out.stopped_by) == ([SQUARE], "done")


@pytest.mark.parametrize(("cap", "attempts"), [(2, 1), (3, 1), (4, 2), (6, 3), (8, 4), (99, 4)])
async def test_ladder(cap: int, attempts: int) -> None:
    expert = learner(fenced(SQUARE))
    out = await asolve(DOUBLE, experts=[expert.value], strategy="reflexion", budget=Budget(calls=cap))
    assert (len(out.candidates), out.stopped_by) == (attempts, "done")
    assert len(expert.requests) == 2 * attempts


async def test_below_the_lowest_rung_the_smallest_budget_is_named() -> None:
    out = await asolve(DOUBLE, experts=[learner().value], strategy="reflexion", budget=Budget(calls=1))
    assert (out.stopped_by, out.usage.calls) == ("budget", 0)
    assert "calls=2" in out.reason


def test_fewer_chains_come_before_fewer_attempts() -> None:
    forms = [Reflexion(chains=3).fit(calls, PUBLIC, 1) for calls in (21, 14, 7, 5, 1)]
    assert [(form.chains, form.max_iters) for form in forms if form] == [(3, 4), (2, 4), (1, 4), (1, 3), (1, 1)]


def test_estimate() -> None:
    assert Reflexion().estimate(PUBLIC, 1) == Estimate(1, 7.0, 7, 7, 4)
    assert Reflexion(chains=2).estimate(DOUBLE, 1) == Estimate(3, 15.0, 15, 7, 8)
    assert Reflexion().estimate(SUM, 1).expected == 7 + 4


@pytest.mark.parametrize("name", ["max_iters", "chains", "tests", "memory"])
def test_numbers_count_from_1(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} counts from 1"):
        build("strategies", f"reflexion({name}=0)")


@pytest.mark.parametrize("setting", ["enough=1.5", "enough=-1", "timeout=0", "timeout=-1"])
def test_settings_out_of_range_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=r"enough goes from 0 to 1|timeout is above 0"):
        build("strategies", f"reflexion({setting})")


@pytest.mark.parametrize("calls", range(1, 9))
async def test_a_wallet_around_the_problem_never_leaves_chains_waiting_for_tests(calls: int) -> None:
    """The caps keep room for the attempts of a chain; the tests that it waits for must be able to use it."""
    expert = learner(*PROGRAMS)
    async with asyncio.timeout(30), Orchestrator(experts=[expert.value], budget=Budget(calls=calls)) as wallet:
        out = await wallet.solve(DOUBLE, strategy="reflexion(max_iters=2, chains=2)")
    assert len(expert.requests) <= calls
    assert out.stopped_by in ("budget", "done")
    assert (out.candidates != ()) == (calls >= 3), "a chain of three calls starts where there is room for it"
