"""DeepConf: traces whose votes weigh as much as they were sure, and the consensus that ends the drawing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator import Budget, Message, Outcome, Problem, Request, Sampling, asolve
from orchestrator.errors import NotRecorded
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.deepconf import DeepConf
from orchestrator.types import Completion, Estimate, Expert
from tests.clock import run_virtual
from tests.double import Double

from .golden import batches, calls, emitted, lineage_is_sound
from .planning import wide

TASK = Problem("p", (Message("user", "What is 6 times 7?"),), "number")
Trace = tuple[str | None, float | tuple[float, ...] | None]


def tracing(trace: Callable[[int], Trace], **options: Any) -> ScriptedExpert:
    """An expert whose sample i is `trace(i)`: its answer, and how sure it was of its tokens."""

    def script(request: Request) -> Completion:
        answer, sure = trace(request.sample_index)
        tokens = () if sure is None else sure if isinstance(sure, tuple) else (sure,)
        return Completion("Who knows?" if answer is None else f"The answer is {answer}", confidences=tokens)

    return ScriptedExpert(script, max_n=1, **options)


async def solved(expert: ScriptedExpert, spec: str, **options: Any) -> Outcome:
    return await asolve(TASK, experts=[wide(expert)], strategy=spec, **options)


def note(out: Outcome, kind: str) -> list[dict[str, Any]]:
    return [dict(event.facts) for event in out.trace if event.kind == kind]


def test_golden_trace() -> None:
    expert = tracing(lambda i: (("36", 1.0), ("42", 5.0), ("36", 2.0))[i], latency=1.0)
    out, seconds = run_virtual(solved(expert, "deepconf(samples=3, keep=1.0)"))
    assert sorted(calls(out)) == [((0, i), "answer") for i in range(3)]
    assert emitted(out) == [((0, i, 0), answer) for i, answer in enumerate(("36", "42", "36"))]
    assert batches(expert) == [[0], [1], [2]]
    assert lineage_is_sound(out, [expert])
    assert (seconds, out.answer, out.chosen_by, out.stopped_by) == (1.0, "42", "weight", "done")


async def test_traces_are_sampled_as_in_the_paper_with_twenty_alternatives() -> None:
    expert = tracing(lambda _: ("42", 1.0))
    await solved(expert, "deepconf(samples=1)")
    (request,) = expert.requests
    assert request.sampling == Sampling(0.6, 0.95, 2048, top_logprobs=20)


async def test_decimals_are_answers() -> None:
    expert = tracing(lambda i: ("3.14", 9.0) if i else ("3.15", 1.0))
    assert (await solved(expert, "deepconf(samples=2, keep=1.0)")).answer == "3.14"


async def test_without_log_probabilities_the_majority_is_chosen_and_the_outcome_says_so() -> None:
    out = await solved(tracing(lambda i: ("42" if i else "36", None)), "deepconf(samples=4)")
    assert (out.answer, out.chosen_by, out.confidence) == ("42", "vote", 0.75)
    assert note(out, "plain vote") == [{"why": "no trace has log-probabilities"}]


class TestConsensus:
    def test_the_warm_up_may_be_enough(self) -> None:
        expert = tracing(lambda i: ("36" if i == 3 else "42", 1.0 if i == 3 else 6.0 + i), latency=1.0)
        out, seconds = run_virtual(solved(expert, "deepconf(stop=consensus, samples=64, warm_up=8, wave=4)"))
        assert (len(expert.requests), seconds, out.answer, out.confidence) == (8, 1.0, "42", 1.0)

    def test_waves_are_drawn_until_one_answer_has_the_weight(self) -> None:
        expert = tracing(lambda i: ("42", 9.0) if i >= 8 else (str(i), 4.0), latency=1.0)
        out, seconds = run_virtual(
            solved(expert, "deepconf(stop=consensus, samples=64, warm_up=8, wave=4, keep=1.0, consensus=0.6)")
        )
        # 8 x 4 against n x 9: at n = 4 the share is 0.529, at n = 8 it is 0.692.
        assert (len(expert.requests), seconds, out.answer) == (16, 3.0, "42")

    async def test_never_more_than_the_cap(self) -> None:
        expert = tracing(lambda i: (str(i % 5), 5.0))
        await solved(expert, "deepconf(stop=consensus, samples=21, warm_up=8, wave=4)")
        assert len(expert.requests) == 21

    async def test_a_window_below_the_bar_has_no_vote_though_its_trace_is_paid(self) -> None:
        dips = (8.0, 8.0, 1.0, 1.0, 8.0, 8.0)

        def trace(i: int) -> Trace:
            return ("36", dips) if i in (4, 5, 7) else ("41" if i < 2 else "42", (5.0,) * 6)

        expert = tracing(trace)
        spec = "deepconf(stop=consensus, samples=12, warm_up=4, wave=4, window=2, consensus=0.6)"
        out = await solved(expert, spec)
        assert (out.answer, out.confidence, len(expert.requests)) == ("42", 0.6, 8)
        assert note(out, "filter") == [{"traces": 8, "kept": 5, "unscored": 0}]

    async def test_the_bar_is_of_the_warm_up_and_higher_where_less_is_kept(self) -> None:
        def trace(i: int) -> Trace:
            return (str(i % 3), float(i + 1)) if i < 10 else ("7", 9.0)

        kept = {}
        for keep in (0.1, 0.9):
            spec = f"deepconf(stop=consensus, samples=12, warm_up=10, keep={keep}, consensus=1.0)"
            (filtered,) = note(await solved(tracing(trace), spec), "filter")
            kept[keep] = filtered["kept"]
        # The bar is 9.1 and 1.9: of the warm-up one trace and nine reach it; of the later two, none and both.
        assert kept == {0.1: 1, 0.9: 11}

    async def test_votes_without_log_probabilities_may_agree_too(self) -> None:
        expert = tracing(lambda _: ("42", None))
        out = await solved(expert, "deepconf(stop=consensus, samples=64, warm_up=8)")
        assert (len(expert.requests), out.answer, out.chosen_by) == (8, "42", "vote")

    async def test_traces_that_nobody_can_read_agree_on_nothing(self) -> None:
        expert = tracing(lambda _: (None, 9.0))
        out = await solved(expert, "deepconf(stop=consensus, samples=12, warm_up=8, wave=4)")
        assert (len(expert.requests), out.answer) == (12, None)


async def test_a_lost_trace_costs_one_vote() -> None:
    def trace(i: int) -> Trace:
        if i == 1:
            raise NotRecorded("lost", expert="e")
        return "42", 2.0

    expert = tracing(trace)
    out = await solved(expert, "deepconf(samples=3)")
    assert (len(out.candidates), out.answer) == (2, "42")


async def test_several_experts_are_dealt_to_in_turn_and_weighed_on_one_scale() -> None:
    loud, quiet = tracing(lambda _: ("36", 30.0)), tracing(lambda _: ("42", 3.0))
    values: list[str | Expert] = [wide(loud, "loud"), wide(quiet, "quiet")]
    out = await asolve(TASK, experts=values, strategy="deepconf(samples=6, keep=1.0)")
    assert [scored.candidate.expert for scored in out.candidates] == ["loud", "quiet"] * 3
    assert out.confidence == 0.5


async def test_confidences_come_over_http() -> None:
    async with Double(answers={"42": 1, "36": 1}, permute=False) as double:
        expert = Expert("e", "openai/m", api_base=double.base_url)
        out = await asolve(TASK, experts=[expert], strategy="deepconf(samples=4)")
    assert out.chosen_by == "weight"
    assert all(scored.candidate.confidences for scored in out.candidates)


async def test_a_server_without_log_probabilities_leads_to_a_plain_vote() -> None:
    async with Double(answers={"42": 1}, rejects=["logprobs"]) as double:
        expert = Expert("e", "openai/m", api_base=double.base_url)
        out = await asolve(TASK, experts=[expert], strategy="deepconf(samples=4)")
    assert (out.answer, out.chosen_by) == ("42", "vote")


@pytest.mark.parametrize(("cap", "samples"), [(1, 1), (7, 7), (600, 512)])
def test_ladder(cap: int, samples: int) -> None:
    form = DeepConf().fit(cap, TASK, 1)
    assert form
    assert form.estimate(TASK, 1).most == samples
    assert DeepConf().fit(0, TASK, 1) is None


async def test_a_budget_makes_fewer_traces() -> None:
    expert = tracing(lambda _: ("42", 2.0))
    out = await solved(expert, "deepconf", budget=Budget(calls=9))
    assert (len(expert.requests), out.stopped_by) == (9, "done")


def test_estimate() -> None:
    assert DeepConf().estimate(TASK, 3) == Estimate(512, 512.0, 512, 1)
    assert DeepConf(stop="consensus").estimate(TASK, 3) == Estimate(16, 136.0, 256, 16)


def test_the_vote_is_told_the_settings() -> None:
    assert DeepConf().aggregator == "deepconf(measure=tail, keep=0.9, window=2048)"
    online = DeepConf(stop="consensus", keep=0.1).aggregator
    assert online == "deepconf(measure=lowest, keep=0.1, window=2048, warm_up=16)"


@pytest.mark.parametrize("field", ["samples", "wave", "warm_up", "window", "top_logprobs", "keep", "consensus"])
def test_settings_out_of_range_are_said(field: str) -> None:
    settings: dict[str, Any] = {field: -1, "stop": "consensus"}
    with pytest.raises(ValueError, match=field):
        DeepConf(**settings)
