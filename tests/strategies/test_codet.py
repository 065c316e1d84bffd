"""CodeT: programs, and beside them the tests that choose among them."""

from __future__ import annotations

import re

import pytest

from orchestrator import Budget, Message, Outcome, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.registry import build
from orchestrator.strategies.codet import CodeT
from orchestrator.types import Estimate, Expert
from tests.clock import run_virtual

from .golden import batches, calls, emitted, lineage_is_sound
from .planning import wide
from .writing import DOUBLE, PLUS, RIGHT, SAME, SQUARE, expecting

PROGRAMS = (SQUARE, RIGHT, SQUARE, SAME)


def coder(*tests: str, programs: tuple[str, ...] = PROGRAMS, latency: float = 0.0) -> ScriptedExpert:
    """Sample i of the programs and of the tests is the i-th, and round again."""

    def script(request: Request) -> str:
        if request.labels.purpose == "tests":
            return tests[request.sample_index % len(tests)]
        return f"```python\n{programs[request.sample_index % len(programs)]}```"

    return ScriptedExpert(script, max_n=1, latency=latency)


TESTS = expecting((2, 4), (3, 6)), expecting((1, 2))


async def solved(expert: ScriptedExpert, spec: str, problem: Problem = DOUBLE, **options: object) -> Outcome:
    return await asolve(problem, experts=[wide(expert)], strategy=spec, **options)  # type: ignore[arg-type]


def test_golden_trace() -> None:
    expert = coder(*TESTS, latency=1.0)
    out, seconds = run_virtual(solved(expert, "codet(samples=4, tests=2)"))
    assert sorted(calls(out)) == [
        *(((0, i), "answer") for i in range(4)),
        *(((2**31, 0, 0, i), "tests") for i in (0, 1)),
    ]
    assert emitted(out) == [((0, i, 0), program) for i, program in enumerate(PROGRAMS)]
    assert sorted(batches(expert)) == [[0], [0], [1], [1], [2], [3]]
    assert lineage_is_sound(out, [expert])
    assert (out.answer, out.chosen_by, out.stopped_by) == (RIGHT, "weight", "done")
    assert seconds < 2.0, "tests were written while the programs were"


def test_programs_and_tests_are_asked_for_together() -> None:
    expert = coder(*TESTS, latency=1.0)
    out, _ = run_virtual(solved(expert, "codet(samples=4, tests=2)"))
    assert {event.at for event in out.trace if event.kind == "call"} == {1.0}


async def test_both_are_sampled_as_in_the_paper_and_not_cut_off_where_it_cuts_them() -> None:
    expert = coder(*TESTS)
    await solved(expert, "codet")
    found = {
        (r.labels.purpose, r.sampling.temperature, r.sampling.top_p, r.sampling.max_tokens) for r in expert.requests
    }
    assert found == {("answer", 0.8, 0.95, 2048), ("tests", 0.8, 0.95, 2048)}
    assert len(expert.requests) == 200


async def test_a_writer_of_tests_sees_the_problem_and_no_program() -> None:
    expert = coder(*TESTS)
    await solved(expert, "codet(samples=2, tests=2)")
    for request in expert.requests:
        (message,) = request.messages
        assert "gives twice a number" in message.text
        assert "def double" not in message.text
        assert bool(re.search("assert statements", message.text)) == (request.labels.purpose == "tests")


async def test_the_settings_of_the_agreement_are_passed_on() -> None:
    made = build("strategies", "codet(tests=7, per_sample=2, power=0.5, strict=true, timeout=9.0, max_tokens=300)")
    named = build("aggregators", made.aggregator)  # type: ignore[attr-defined]
    assert named == build(
        "aggregators",
        "codet(samples=7, per_sample=2, power=0.5, strict=true, timeout=9.0, max_tokens=300, ahead=true)",
    )


async def test_another_aggregator_has_no_tests_written() -> None:
    expert = coder(*TESTS)
    out = await solved(expert, "codet(samples=4, tests=2)", aggregator="majority")
    assert (len(expert.requests), out.answer) == (4, SQUARE)


async def test_tests_that_nobody_wrote_leave_the_majority_and_the_reason_is_said() -> None:
    out = await solved(coder("I would rather not."), "codet(samples=4, tests=2)")
    assert (out.answer, out.chosen_by) == (SQUARE, "vote")
    assert "nothing that was written" in out.reason
    assert [event.kind for event in out.trace if event.kind == "not begun"] == ["not begun"]


async def test_other_kinds_are_put_to_the_vote_without_any_tests() -> None:
    problem = Problem("p", (Message("user", "What is 6 times 7?"),), "number")
    expert = ScriptedExpert(lambda request: "The answer is 42." if request.sample_index else "The answer is 36.")
    out = await solved(expert, "codet(samples=3, tests=2)", problem)
    assert (out.answer, out.chosen_by, out.usage.calls) == ("42", "vote", 3)
    assert "of kind number; only programs can be run" in out.reason or "only be written for programs" in out.reason


async def test_several_experts_write_programs_and_tests_in_turn() -> None:
    pool = [coder(*TESTS), coder(*TESTS, programs=(PLUS,))]
    values: list[str | Expert] = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
    out = await asolve(DOUBLE, experts=values, strategy="codet(samples=4, tests=4)")
    assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e1", "e0", "e1"]
    for expert in pool:
        purposes = [request.labels.purpose for request in expert.requests]
        assert (purposes.count("answer"), purposes.count("tests")) == (2, 2)


async def test_an_expert_in_the_role_tests_writes_them() -> None:
    expert, tester = coder("No."), coder(*TESTS)
    out = await solved(expert, "codet(samples=4, tests=2)", roles={"tests": wide(tester, "t")})
    assert (out.answer, len(expert.requests), len(tester.requests)) == (RIGHT, 4, 2)


@pytest.mark.parametrize(("cap", "programs", "tests"), [(2, 1, 1), (8, 5, 3), (16, 10, 6), (40, 10, 6)])
async def test_ladder_has_fewer_programs_and_tests_alike(cap: int, programs: int, tests: int) -> None:
    expert = coder(*TESTS)
    out = await solved(expert, "codet(samples=10, tests=6)", budget=Budget(calls=cap))
    purposes = [request.labels.purpose for request in expert.requests]
    assert (purposes.count("answer"), purposes.count("tests"), out.stopped_by) == (programs, tests, "done")


async def test_below_the_lowest_rung_the_smallest_budget_is_named() -> None:
    out = await solved(coder(*TESTS), "codet", budget=Budget(calls=1))
    assert (out.stopped_by, out.usage.calls) == ("budget", 0)
    assert "calls=2" in out.reason


def test_estimate() -> None:
    assert CodeT().estimate(DOUBLE, 3) == Estimate(100, 100.0, 100, 1)


@pytest.mark.parametrize("field", ["samples", "tests", "per_sample", "power"])
def test_settings_out_of_range_are_said(field: str) -> None:
    with pytest.raises(ValueError, match="at least"):
        CodeT(**{field: -1})  # type: ignore[arg-type]
