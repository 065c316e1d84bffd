"""Where strategies are prepared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from orchestrator import (
    BadPrompt,
    Budget,
    BudgetExceeded,
    ConfigError,
    ContentFiltered,
    Estimate,
    Lesson,
    Message,
    Orchestrator,
    Problem,
    Request,
    Run,
    Workshop,
)
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Expert
from tests.clock import run_virtual

LESSONS = [Lesson(Problem(f"p{i}", (Message("user", f"What is {i} + {i}?"),), "number"), str(2 * i)) for i in range(4)]


@dataclass(frozen=True)
class Taught:
    """Counts on how many lessons each expert is right."""

    draws: int = 1

    async def __call__(self, problem: Problem, run: Run) -> None:
        raise AssertionError("is only prepared here")

    async def prepare(self, lessons: Sequence[Lesson], workshop: Workshop) -> str:
        lines = []
        for expert in workshop.experts:
            for draw in range(self.draws):
                found = await workshop.map(self._right, lessons, expert=expert, draw=draw)
                lines.append(f"{expert.id} {draw}: {[None if one is None else int(one) for one in found]}")
        return "\n".join(lines)

    def preparation(self, lessons: int, experts: int) -> Estimate:
        return Estimate(lessons, lessons * experts, lessons * experts, 1)

    @staticmethod
    async def _right(lesson: Lesson, run: Run) -> bool:
        reply = await run.generate(lesson.problem.ask(run.prompts("cot").answer))
        run.emit(await run.read(reply))
        return await lesson.right(await run.read(reply))


def answering(*answers: str, **more: float) -> ScriptedExpert:
    """Answers the i-th lesson with the i-th answer."""

    def reply(request: Request) -> str:
        said = answers[int(request.labels.problem[1:])]
        if said == "lost":
            raise ContentFiltered("no", expert=request.expert)
        return f"The answer is {said}."

    return ScriptedExpert(reply, **more)  # type: ignore[arg-type]


async def prepared(*experts: ScriptedExpert, draws: int = 1, budget: Budget | None = None) -> str:
    values = [Expert(f"e{i}", "m", client="scripted", options=e.value.options) for i, e in enumerate(experts)]
    async with Orchestrator(experts=values) as orchestrator:
        return await orchestrator.prepare(Taught(draws), LESSONS, budget=budget)


async def test_every_lesson_has_a_run_of_its_own_that_asks_the_expert_it_is_for() -> None:
    one, other = answering("0", "2", "5", "6"), answering("0", "0", "0", "0")
    assert await prepared(one, other) == "e0 0: [1, 1, 0, 1]\ne1 0: [1, 0, 0, 0]"
    assert [len(expert.requests) for expert in (one, other)] == [4, 4]


async def test_a_draw_is_an_independent_sample() -> None:
    expert = answering("0", "2", "4", "6")
    await prepared(expert, draws=2)
    assert len({request.key for request in expert.requests}) == 8


def test_lessons_are_asked_about_at_once() -> None:
    _, seconds = run_virtual(prepared(answering("0", "2", "4", "6", latency=1.0)))
    assert seconds == 1.0


async def test_a_lost_expert_leaves_a_gap() -> None:
    assert await prepared(answering("0", "lost", "4", "6")) == "e0 0: [1, None, 1, 1]"


async def test_experts_that_fail_on_every_lesson_end_it() -> None:
    with pytest.raises(ContentFiltered):
        await prepared(answering(*["lost"] * 4))


async def test_a_failure_of_another_kind_is_told_plainly() -> None:
    class Broken(Taught):
        @staticmethod
        async def _right(lesson: Lesson, run: Run) -> bool:
            run.prompts("nosuch")
            return True

    async with Orchestrator(experts=[answering("0").value]) as orchestrator:
        with pytest.raises(BadPrompt, match="nosuch"):
            await orchestrator.prepare(Broken(), LESSONS)


async def test_a_cap_ends_it_and_is_told() -> None:
    with pytest.raises(BudgetExceeded, match="calls"):
        await prepared(answering("0", "2", "4", "6"), budget=Budget(calls=3))


async def test_it_pays_from_the_wallet() -> None:
    expert = answering("0", "2", "4", "6")
    async with Orchestrator(experts=[expert.value]) as orchestrator:
        await orchestrator.prepare(Taught(), LESSONS)
        assert orchestrator.scope.spent.calls == 4


async def test_a_strategy_without_a_setup_is_told() -> None:
    async with Orchestrator(experts=[answering().value]) as orchestrator:
        with pytest.raises(ConfigError, match="strategy cot has no setup to prepare"):
            await orchestrator.prepare("cot", LESSONS)
