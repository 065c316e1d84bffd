"""A strategy inside another: the one answer that it comes to, and what that costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from orchestrator import Budget, Message, Problem, Request
from orchestrator.errors import ConnectionLost, ExpertError
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.registry import build
from orchestrator.run import Run
from orchestrator.strategies._inner import Inner
from orchestrator.types import Candidate, Estimate
from tests.run.stage import Played, play

TASK = Problem("p", (Message("user", "How many legs has a spider?"),), "number")
LOST = ConnectionLost("no line", expert="scripted")


def answered(
    spec: str, script: Callable[[Request], str], budget: Budget | None = None, share: Budget | None = None
) -> Played[Candidate | None]:
    inner = Inner(build("strategies", spec))
    return play(lambda run: inner.answer(run, budget=share), ScriptedExpert(script), problem=TASK, budget=budget)


def by_sample(*numbers: int) -> Callable[[Request], str]:
    return lambda request: f"The answer is {numbers[request.sample_index % len(numbers)]}."


def test_its_own_aggregator_chooses() -> None:
    played = answered("self_consistency(samples=3)", by_sample(6, 8, 8))
    assert played.result is not None
    assert (played.result.answer, played.emitted) == ("8", [])


def test_one_that_writes_gives_what_it_wrote() -> None:
    def script(request: Request) -> str:
        return "The answer is 8." if request.labels.purpose == "synthesis" else by_sample(6, 7)(request)

    played = answered("synthesis(samples=2)", script)
    assert played.result is not None
    assert played.result.answer == "8"
    keys = {str(event.facts["key"]) for event in played.table.trace.of("call")}
    assert set(played.result.parents) == keys


def test_a_single_candidate_needs_no_choice() -> None:
    played = answered("cot", by_sample(8))
    assert played.result is not None
    assert (played.result.answer, played.table.meter.usage.calls) == ("8", 1)


def test_where_its_aggregator_fails_the_majority_is_taken_and_that_is_noted() -> None:
    def script(request: Request) -> str:
        if request.labels.purpose == "synthesis":
            return "Who knows?"
        return by_sample(6, 8, 8)(request)

    played = answered("synthesis(samples=3)", script)
    assert played.result is not None
    assert played.result.answer == "8"
    assert len(played.events("unaggregated")) == 1


def test_where_its_aggregator_cannot_be_paid_likewise() -> None:
    played = answered("synthesis(samples=3)", by_sample(6, 8, 8), budget=Budget(calls=3))
    assert played.result is not None
    assert played.result.answer == "8"
    assert played.table.meter.usage.calls == 3


def test_its_share_of_a_budget_ends_it_alone() -> None:
    played = answered("self_consistency(samples=9)", by_sample(8), share=Budget(calls=2))
    assert played.result is not None
    assert (played.result.answer, played.table.meter.usage.calls) == ("8", 2)


def test_when_a_budget_around_it_ends_what_it_found_is_put_forward() -> None:
    played = answered("self_consistency(samples=9)", by_sample(8), budget=Budget(calls=2))
    assert played.error is not None
    assert [candidate.answer for candidate in played.emitted] == ["8", "8"]


def test_a_strategy_that_finds_nothing_gives_nothing_or_says_why() -> None:
    async def nothing(problem: Problem, run: Run) -> None:
        return None

    played = play(lambda run: Inner(nothing).answer(run), ScriptedExpert(by_sample(8)), problem=TASK)
    assert (played.result, played.error) == (None, None)

    def lost(request: Request) -> str:
        raise LOST

    assert isinstance(answered("cot", lost).error, ExpertError)


@pytest.mark.parametrize(
    ("spec", "estimate"),
    [
        ("cot", Estimate(1, 1.0, 1, 1)),
        ("self_consistency(samples=4)", Estimate(4, 4.0, 4, 1)),
        ("synthesis(samples=3)", Estimate(3, 4.0, 4, 2)),
        ("synthesis(samples=1)", Estimate(1, 1.0, 1, 1)),
        ("universal_sc(samples=3)", Estimate(3, 4.0, 5, 2)),
    ],
)
def test_what_it_costs(spec: str, estimate: Estimate) -> None:
    assert Inner(build("strategies", spec)).estimate(TASK) == estimate


@dataclass(frozen=True)
class Untold:
    """Does not say what it costs."""

    async def __call__(self, problem: Problem, run: Run) -> None:
        run.emit(await run.read("The answer is 8."))


def test_what_cannot_tell_its_calls_is_taken_as_it_is() -> None:
    inner = Inner(Untold())
    assert inner.estimate(TASK) is None
    assert inner.fit(1, TASK) is inner


@pytest.mark.parametrize(
    ("spec", "calls", "form"),
    [
        ("self_consistency(samples=9)", 4, "self_consistency(samples=4)"),
        ("self_consistency(samples=9)", 9, "self_consistency(samples=9)"),
        ("synthesis(samples=9)", 4, "synthesis(samples=3)"),
        ("synthesis(samples=9)", 1, "synthesis(samples=1)"),
        ("universal_sc", 6, "universal_sc(samples=4)"),
        ("ideasearch", 1, None),
        ("cot", 0, None),
    ],
)
def test_its_largest_form_within_some_calls(spec: str, calls: int, form: str | None) -> None:
    fitted = Inner(build("strategies", spec)).fit(calls, TASK)
    assert fitted == (None if form is None else Inner(build("strategies", form)))
