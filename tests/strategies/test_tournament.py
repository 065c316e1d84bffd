"""The tournament: samples, and comparisons until one answer is left."""

from __future__ import annotations

import pytest

from orchestrator import Budget, Message, Outcome, Problem, Request, asolve
from orchestrator.errors import NotRecorded
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.tournament import Tournament
from orchestrator.types import Estimate, Expert
from tests.clock import run_virtual

from .entries import tournament as case
from .golden import calls, emitted, lineage_is_sound
from .planning import wide

TASK = Problem("p", (Message("user", "What is 6 times 7?"),), "number")


def player(*answers: str, latency: float = 0.0) -> ScriptedExpert:
    """Sample i has the i-th answer; asked to compare, it prefers 42."""

    def script(request: Request) -> str:
        if request.labels.purpose == "judge":
            return case.script(request)
        return f"The answer is {answers[request.sample_index % len(answers)]}"

    return ScriptedExpert(script, max_n=1, latency=latency)


async def solved(expert: ScriptedExpert, spec: str, **options: object) -> Outcome:
    return await asolve(TASK, experts=[wide(expert)], strategy=spec, **options)  # type: ignore[arg-type]


def purposes(expert: ScriptedExpert) -> tuple[int, int]:
    """How many samples and how many comparisons were asked for."""
    found = [request.labels.purpose for request in expert.requests]
    return found.count("answer"), found.count("judge")


def test_golden_trace() -> None:
    expert = player("36", "48", "42", latency=1.0)
    out, seconds = run_virtual(solved(expert, "tournament(samples=3)"))
    made = calls(out)
    assert sorted(made[:3]) == [((0, i), "answer") for i in range(3)]
    assert {purpose for _, purpose in made[3:]} == {"judge"}
    assert emitted(out) == [((0, i, 0), answer) for i, answer in enumerate(("36", "48", "42"))]
    assert lineage_is_sound(out, [expert])
    assert (seconds, out.answer, out.chosen_by, out.stopped_by, out.usage.calls) == (3.0, "42", "judge", "done", 7)


def test_the_rounds_of_a_knockout_are_as_deep_as_they_must_be() -> None:
    expert = player(*map(str, range(36, 44)), latency=1.0)
    out, seconds = run_virtual(solved(expert, "tournament"))
    assert (seconds, out.answer, purposes(expert)) == (4.0, "42", (8, 14))


async def test_equal_answers_enter_once_and_never_meet() -> None:
    expert = player("36", "42", "36", "36")
    out = await solved(expert, "tournament(samples=8)")
    assert (purposes(expert), out.answer) == ((8, 2), "42")
    unanimous = player("36")
    assert (await solved(unanimous, "tournament(samples=8)")).confidence == 1.0
    assert purposes(unanimous) == (8, 0)


async def test_a_judge_that_goes_by_the_order_makes_draws_and_the_better_seed_goes_on() -> None:
    answers = ("42", "36", "36")

    def script(request: Request) -> str:
        if request.labels.purpose == "judge":
            return "The better one is A"
        return f"The answer is {answers[request.sample_index]}"

    out = await solved(ScriptedExpert(script), "tournament(samples=3)")
    assert (out.answer, out.confidence) == ("36", 0.5)


async def test_the_role_judge_compares() -> None:
    expert, judge = player("36", "42"), player("no")
    out = await solved(expert, "tournament(samples=2)", roles={"judge": wide(judge, "j")})
    assert (out.answer, purposes(expert), purposes(judge)) == ("42", (2, 0), (0, 2))


async def test_a_lost_sample_is_no_entrant_and_a_lost_judge_leaves_the_majority() -> None:
    answers = ("36", "42", "42")

    def script(request: Request) -> str:
        if request.labels.purpose == "judge" or request.sample_index == 3:
            raise NotRecorded("lost", expert="e")
        return f"The answer is {answers[request.sample_index]}"

    out = await solved(ScriptedExpert(script, max_n=1), "tournament(samples=4)")
    assert (out.answer, out.chosen_by, len(out.candidates)) == ("42", "vote", 3)
    assert "lost" in out.reason


async def test_several_experts_are_dealt_to_in_turn_and_an_outsider_judges() -> None:
    pool = [player("36"), player("48"), player("42")]
    values: list[str | Expert] = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
    out = await asolve(TASK, experts=values, strategy="tournament(samples=3)")
    assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e1", "e2"]
    assert out.answer == "42"


@pytest.mark.parametrize(("cap", "samples"), [(1, 1), (5, 1), (6, 2), (36, 8)])
async def test_ladder_has_fewer_samples_and_so_fewer_matches(cap: int, samples: int) -> None:
    """Each comparison may have to be asked for twice: two samples take up to 2 + 4 calls."""
    expert = player(*map(str, range(36, 44)))
    out = await solved(expert, "tournament", budget=Budget(calls=cap))
    assert (purposes(expert)[0], out.stopped_by) == (samples, "done")


def test_estimate() -> None:
    assert Tournament().estimate(TASK, 3) == Estimate(8, 8.0, 8, 1)
    assert Tournament(samples=5, form="round_robin").aggregator == "tournament(form=round_robin, entrants=5)"


@pytest.mark.parametrize("settings", [{"samples": 0}, {"form": "league"}])
def test_settings_out_of_range_are_said(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Tournament(**settings)  # type: ignore[arg-type]
