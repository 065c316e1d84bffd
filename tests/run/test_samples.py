"""Several samples of one question: one attempt, in order, and what becomes of them where one fails."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.budget import Budget
from orchestrator.errors import BadRequest, BudgetExceeded, ConfigError, Stopped
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.run import Run
from orchestrator.types import Reply, Request

from .stage import play, prompt


def numbered(**settings: object) -> ScriptedExpert:
    """One that says what it was asked, and for which sample."""
    return ScriptedExpert(lambda request: f"{request.messages[-1].text} {request.sample_index}", **settings)  # type: ignore[arg-type]


class TestSamples:
    def test_n_asks_consecutive_indices_in_one_attempt_and_returns_them_in_order(self) -> None:
        scripted = numbered(latency="exp:1")
        played = play(lambda run: run.generate(prompt("q"), n=4, sample=3), scripted)
        assert isinstance(played.result, Reply)
        assert [c.text for c in played.result] == ["q 3", "q 4", "q 5", "q 6"]
        assert [[r.sample_index for r in batch] for batch in scripted.batches] == [[3, 4, 5, 6]]
        assert played.table.meter.usage.calls == 4

    def test_they_are_in_order_though_they_come_in_any(self) -> None:
        async def slowly(request: Request) -> str:
            await asyncio.sleep(10 - request.sample_index)
            return str(request.sample_index)

        played = play(lambda run: run.generate(prompt(), n=5), ScriptedExpert(slowly, max_n=1))
        assert played.result is not None
        assert [c.text for c in played.result] == ["0", "1", "2", "3", "4"]

    @pytest.mark.parametrize(("n", "sample"), [(0, 0), (-1, 0), (1, -1)], ids=["none", "negative", "before-the-first"])
    def test_they_are_counted_from_0(self, n: int, sample: int) -> None:
        assert isinstance(play(lambda run: run.generate(prompt(), n=n, sample=sample), numbered()).error, ConfigError)

    def test_a_failure_waits_until_its_siblings_have_landed(self) -> None:
        async def answer(request: Request) -> str:
            if request.sample_index == 1:
                raise BadRequest("no")
            await asyncio.sleep(5 + request.sample_index)
            return "reply"

        played = play(lambda run: run.generate(prompt(), n=3), ScriptedExpert(answer, max_n=1))
        assert isinstance(played.error, BadRequest)
        assert played.seconds == pytest.approx(7)
        assert len(played.journal.replies) == 2
        assert (played.table.meter.usage.calls, played.table.meter.usage.failed) == (2, 1)

    def test_of_several_failures_the_first_in_order_is_raised(self) -> None:
        async def answer(request: Request) -> str:
            await asyncio.sleep(9 - request.sample_index)
            raise BadRequest(f"sample {request.sample_index}")

        played = play(lambda run: run.generate(prompt(), n=4), ScriptedExpert(answer, max_n=1))
        assert "sample 0" in str(played.error)

    def test_but_before_all_one_that_says_the_run_was_stopped(self) -> None:
        async def answer(request: Request) -> str:
            raise BadRequest("no") if request.sample_index == 0 else Stopped()

        played = play(lambda run: run.generate(prompt(), n=2), ScriptedExpert(answer, max_n=1))
        assert isinstance(played.error, Stopped)

    def test_a_refused_sample_leaves_the_others_paid_and_kept(self) -> None:
        scripted = numbered(max_n=1, latency=1)
        played = play(lambda run: run.generate(prompt(), n=5), scripted, budget=Budget(calls=3))
        assert isinstance(played.error, BudgetExceeded)
        assert (len(scripted.requests), len(played.journal.replies), played.scope.spent.calls) == (3, 3, 3)

    def test_what_nobody_foresaw_ends_the_siblings_at_once(self) -> None:
        async def answer(request: Request) -> str:
            if request.sample_index == 2:
                raise ZeroDivisionError
            await asyncio.sleep(100)
            return "reply"

        played = play(lambda run: run.generate(prompt(), n=3), ScriptedExpert(answer, max_n=1))
        assert isinstance(played.error, ZeroDivisionError)
        assert played.seconds < 100

    def test_asking_again_with_the_next_index_is_another_sample(self) -> None:
        scripted = numbered()

        async def act(run: Run) -> list[str]:
            return [(await run.generate(prompt("q"), sample=i)).text for i in (0, 1, 0)]

        assert play(act, scripted).result == ["q 0", "q 1", "q 0"]
        assert [r.sample_index for r in scripted.requests] == [0, 1]
