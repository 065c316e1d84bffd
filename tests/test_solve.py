"""The Python API as users call it."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

import orchestrator
from orchestrator import (
    Budget,
    Candidate,
    ConfigError,
    ContentFiltered,
    Message,
    Orchestrator,
    Outcome,
    Price,
    Problem,
    Request,
    Run,
    Sampling,
    TextPart,
    UnknownModel,
    UnknownName,
    Verdict,
    asolve,
    solve,
    strategy,
)
from orchestrator.experts.scripted import ScriptedExpert
from tests.clock import run_virtual


def cycling(*answers: str, **settings: Any) -> ScriptedExpert:
    """Sample i gets the i-th answer, and then they go round."""
    return ScriptedExpert(lambda request: answers[request.sample_index % len(answers)], **settings)


class Invoice(BaseModel):
    total: float = Field(ge=0)
    currency: str


# -- the contract ---------------------------------------------------------------------------


def test_solve_from_code_that_is_not_async() -> None:
    expert = cycling("The answer is 391.", "The answer is 390.", "The answer is 391.")
    out = solve(
        "What is 17 * 23?",
        kind="number",
        strategy="self_consistency(samples=3)",
        experts=[expert.value],
        budget=Budget(usd=0.20, seconds=90),
    )
    assert (out.answer, out.chosen_by, out.stopped_by) == ("391", "vote", "done")
    assert out.text == "The answer is 391."
    assert out.confidence == pytest.approx(2 / 3)
    assert out.usage.calls == 3
    assert out.usage.usd == 0.0
    assert [candidate.answer for candidate in out.top(3)] == ["391", "390"]


async def test_solve_where_a_loop_is_running_as_in_a_notebook() -> None:
    out = solve("6 * 7?", kind="number", strategy="cot", experts=[cycling("The answer is 42.").value])
    assert out.answer == "42"


async def test_one_wallet_for_many_steps() -> None:
    expert = dataclasses.replace(
        cycling("The answer is 1.", price=Price(0.0, 0.01)).value, sampling=Sampling(max_tokens=5)
    )
    async with Orchestrator(experts=[expert], budget=Budget(usd=0.1), strategy="cot") as o:
        outs = [await o.solve(f"{i}?", kind="number") for i in range(4)]
    assert [(out.answer, out.stopped_by) for out in outs] == [("1", "done")] * 2 + [(None, "budget")] * 2
    assert [out.usage.usd for out in outs] == pytest.approx([0.04, 0.04, 0, 0])
    assert outs[2].reason == "budget of run ended: usd=0.1; the next call needs usd=0.13"


async def test_a_stream_gives_candidates_as_they_come_and_leaving_it_cancels_the_rest() -> None:
    expert = ScriptedExpert(slow_but_first, max_n=1)
    async with (
        Orchestrator(experts=[expert.value], strategy="self_consistency(samples=4)") as o,
        o.stream("q?", kind="number") as candidates,
    ):
        async for scored in candidates:
            assert scored.candidate.answer == "0"
            break
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def slow_but_first(request: orchestrator.Request) -> str:
    if request.sample_index:
        await asyncio.Event().wait()
    return f"The answer is {request.sample_index}."


async def test_a_whole_conversation_as_chat_apis_write_it() -> None:
    expert = cycling("Final answer: blue")
    history: list[dict[str, Any]] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Pick a colour."},
        {"role": "assistant", "content": "Red."},
        {"role": "user", "content": [{"type": "text", "text": "Another one."}]},
    ]
    out = await asolve(messages=history, experts=[expert.value], strategy="cot")
    assert out.answer == "blue"
    sent = expert.requests[0].messages
    assert [message.role for message in sent] == ["system", "user", "assistant", "user"]
    assert sent[1] == Message("user", "Pick a colour.")
    assert "Another one." in sent[3].text
    assert isinstance(sent[3].content, str | tuple)
    assert not isinstance(sent[3].content, tuple) or isinstance(sent[3].content[0], TextPart)


async def test_a_message_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match=r"messages\[1\]: role should be one of"):
        await asolve(messages=[{"role": "user", "content": "x"}, {"role": "robot"}], experts=[cycling("").value])


@pytest.mark.parametrize("name", ["stratgy", "expert"])
async def test_an_option_that_is_not_there_is_named_with_a_suggestion(name: str) -> None:
    with pytest.raises(UnknownName, match=f"unknown option '{name}' in solve; did you mean"):
        await asolve("q?", **{name: "cot"})  # type: ignore[misc]


async def test_where_nobody_is_named_simulated_experts_answer_and_the_outcome_says_so() -> None:
    outcome = await asolve("Use 4 7 8 8 to make 24", kind="game24")
    assert (outcome.stopped_by, outcome.reason) == ("verifier", "no expert was given, so simulated ones answered")
    assert {scored.candidate.expert[:4] for scored in outcome.candidates} == {"sim:"}
    with pytest.raises(ConfigError, match="api_base and key_env say how to reach experts"):
        await asolve("q?", api_base="http://127.0.0.1:1/v1")


async def test_a_reserve_is_asked_only_when_the_expert_that_names_it_is_lost() -> None:
    def gone(_: Request) -> str:
        raise UnknownModel("no such model", expert="big")

    small = cycling("The answer is 8.", id="small").value
    lost = ScriptedExpert(gone, id="big").value
    outcome = await asolve("q?", kind="number", experts=[replace(lost, fallback="small")], reserves=[small])
    assert (outcome.answer, {scored.candidate.expert for scored in outcome.candidates}) == ("8", {"small"})
    well = cycling("The answer is 9.", id="big").value
    outcome = await asolve("q?", kind="number", experts=[replace(well, fallback="small")], reserves=[small])
    assert {scored.candidate.expert for scored in outcome.candidates} == {"big"}
    with pytest.raises(ConfigError, match="names the fallback 'small', which is not in the pool"):
        await asolve("q?", experts=[replace(well, fallback="small")])


async def test_of_a_pool_only_the_chosen_are_asked_and_their_fallbacks_if_need_be(tmp_path: Path) -> None:
    pool = tmp_path / "p.toml"
    script = '[[rule]]\nmatch = "."\nreply = "The answer is 3."\n'
    (tmp_path / "s.toml").write_text(script)
    table = '[[expert]]\nid = "{0}"\nclient = "scripted"\nmodel = "s.toml"\n'
    pool.write_text(table.format("big") + 'fallback = "small"\n\n' + table.format("small"))
    outcome = await asolve("q?", kind="number", experts=["big"], pool=pool)
    assert {scored.candidate.expert for scored in outcome.candidates} == {"big"}


async def test_nothing_asked_is_said_so() -> None:
    with pytest.raises(ConfigError, match="no problem"):
        await asolve(experts=[cycling("").value])


# -- answers as values ------------------------------------------------------------------------


async def test_an_answer_is_validated_into_the_response_model() -> None:
    expert = cycling('```json\n{"total": 12.5, "currency": "EUR"}\n```')
    out = await asolve("What is due?", response_model=Invoice, experts=[expert.value])
    assert out.parsed == Invoice(total=12.5, currency="EUR")
    assert '"currency"' in expert.requests[0].messages[0].text


async def test_what_does_not_fit_the_model_does_not_vote() -> None:
    wrong, right = '```json\n{"total": -1, "currency": "EUR"}\n```', '```json\n{"total": 1, "currency": "EUR"}\n```'
    expert = cycling(wrong, wrong, right)
    out = await asolve("q?", response_model=Invoice, experts=[expert.value], strategy="self_consistency(samples=3)")
    assert out.parsed == Invoice(total=1, currency="EUR")
    failed = [scored.verdict.reason for scored in out.candidates if scored.verdict and scored.verdict.passed is False]
    assert failed == ["total: Input should be greater than or equal to 0"] * 2


async def test_when_nothing_fits_the_model_there_is_an_answer_but_no_value() -> None:
    expert = cycling('```json\n{"total": -1, "currency": "EUR"}\n```')
    out = await asolve("q?", response_model=Invoice, experts=[expert.value], strategy="cot")
    assert out.answer is not None
    assert out.parsed is None
    assert "response_model: total" in out.reason


async def test_a_dataclass_is_a_response_model_too() -> None:
    @dataclasses.dataclass
    class Point:
        x: int
        y: int

    expert = cycling('{"x": 1, "y": 2}')
    assert (await asolve("q?", response_model=Point, experts=[expert.value], strategy="cot")).parsed == Point(1, 2)


# -- verifiers of the user's own --------------------------------------------------------------


async def even(problem: Problem, candidate: Candidate, run: Run) -> bool:
    return candidate.answer is not None and int(candidate.answer) % 2 == 0


async def larger_is_better(problem: Problem, candidate: Candidate, run: Run) -> float:
    return int(candidate.answer or 0) / 10


async def broken(problem: Problem, candidate: Candidate, run: Run) -> Verdict:
    raise KeyError("oops")


async def nonsense(problem: Problem, candidate: Candidate, run: Run) -> float:
    return float("nan")


NUMBERS = [f"The answer is {n}." for n in (3, 5, 8, 5)]


async def test_a_check_of_the_users_picks_the_candidate_and_ends_the_search() -> None:
    out = await asolve("q?", kind="number", experts=[cycling(*NUMBERS).value], verifier=even)
    assert (out.answer, out.chosen_by, out.stopped_by) == ("8", "verified", "verifier")


async def test_an_opinion_of_the_users_ranks() -> None:
    out = await asolve(
        "q?", kind="number", experts=[cycling(*NUMBERS).value], verifier=larger_is_better,
        strategy="best_of_n(samples=4)",
    )  # fmt: skip
    assert (out.answer, out.chosen_by) == ("8", "score")
    assert [candidate.answer for candidate in out.top(3)] == ["8", "5", "3"]


@pytest.mark.parametrize(
    ("verifier", "words"), [(broken, "broken failed: KeyError: 'oops'"), (nonsense, "nonsense scored candidate .* nan")]
)
async def test_a_verifier_that_fails_costs_its_verdicts_and_not_the_answers(verifier: Any, words: str) -> None:
    out = await asolve(
        "q?", kind="number", experts=[cycling(*NUMBERS).value], verifier=verifier, strategy="best_of_n(samples=4)"
    )
    assert (out.answer, out.chosen_by, out.stopped_by) == ("5", "vote", "done")
    assert re.search(words, out.reason)
    assert len([event for event in out.trace if event.kind == "unverified"]) == 4


async def test_a_function_that_is_not_async_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be an async function"):
        await asolve("q?", experts=[cycling("").value], verifier=lambda *_: True)  # type: ignore[arg-type]


# -- choosing a strategy by kind --------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "reply", "strategy"),
    [
        ({"kind": "number"}, "The answer is 4.", "self_consistency"),
        ({"options": ["x", "y"]}, "The answer is (B).", "self_consistency"),
        ({"tests": ["assert f() == 1"]}, "```python\ndef f():\n    return 1\n```", "best_of_n"),
        ({"kind": "game24"}, "Answer: (7 - 8 / 8) * 4 = 24", "best_of_n"),
        ({}, "Once upon a time.", "universal_sc"),
    ],
)
async def test_without_a_strategy_the_kind_decides(options: Any, reply: str, strategy: str) -> None:
    out = await asolve("Use these: 4 7 8 8", experts=[cycling(reply).value], **options)
    assert out.strategy == strategy
    assert out.answer is not None


# -- what budgets cut -------------------------------------------------------------------------


@strategy
@dataclasses.dataclass(frozen=True)
class OneByOne:
    """Asks forever, one sample after the other."""

    async def __call__(self, problem: Problem, run: Run) -> None:
        for i in range(1000):
            run.emit(await run.read(await run.generate(problem.ask(PLAIN), sample=i)))


PLAIN = orchestrator.Template("plain", "$problem")


def slow_check(seconds: float) -> Callable[..., Any]:
    async def check(problem: Problem, candidate: Candidate, run: Run) -> bool:
        await asyncio.sleep(seconds)
        return candidate.answer == "2"

    return check


def outcome_of(work: Any) -> tuple[Outcome, float]:
    return run_virtual(work)


def test_candidates_are_still_checked_when_the_budget_has_ended() -> None:
    expert = ScriptedExpert(lambda request: f"The answer is {request.sample_index}.")
    out, _ = outcome_of(
        asolve(
            "q?", kind="number", experts=[expert.value], strategy=OneByOne(), verifier=slow_check(30),
            aggregator="first_verified", budget=Budget(calls=4),
        )
    )  # fmt: skip
    assert out.stopped_by in ("budget", "verifier")
    assert (out.answer, out.chosen_by, len(out.candidates)) == ("2", "verified", 4)


@pytest.mark.parametrize("whole", [True, False])
def test_seconds_end_a_problem_with_what_it_has(whole: bool) -> None:
    expert = ScriptedExpert(lambda request: f"The answer is {request.sample_index}.", latency=1.0)

    async def work() -> Outcome:
        async with Orchestrator(experts=[expert.value], budget=Budget(seconds=5.5) if whole else None) as o:
            return await o.solve(
                "q?", kind="number", strategy=OneByOne(), budget=None if whole else Budget(seconds=5.5)
            )

    out, seconds = outcome_of(work())
    assert (out.stopped_by, len(out.candidates), out.answer) == ("budget", 5, "0")
    assert out.reason.endswith("ended: seconds=5.5")
    assert seconds == pytest.approx(5.5)


def test_after_its_seconds_a_wallet_admits_nothing_more() -> None:
    expert = ScriptedExpert(lambda request: "The answer is 1.", latency=1.0)

    async def work() -> list[Outcome]:
        async with Orchestrator(experts=[expert.value], budget=Budget(seconds=2.5), strategy="cot") as o:
            return [await o.solve(f"{i}?", kind="number") for i in range(4)]

    outs, seconds = run_virtual(work())
    assert [out.stopped_by for out in outs] == ["done", "done", "budget", "budget"]
    assert seconds == pytest.approx(2.5)


@dataclasses.dataclass(frozen=True)
class Asking:
    """An aggregator that asks the expert which candidate is best."""

    async def __call__(self, problem: Problem, scored: Any, run: Run) -> orchestrator.Choice:
        reply = await run.generate(problem.ask(PLAIN), purpose="vote", sample=99)
        return orchestrator.Choice(scored[int(reply.text)].candidate, 1.0, "judge")

    def estimate(self, problem: Problem, experts: int) -> orchestrator.Estimate:
        return orchestrator.Estimate(1, 1.0, 1, 1)


def asked(request: orchestrator.Request) -> str:
    if request.labels.purpose == "vote":
        return "1"
    return f"The answer is {min(request.sample_index, 1) + 5}."


@pytest.mark.parametrize(("calls", "answer", "by"), [(4, "6", "judge"), (5, "6", "judge"), (1, None, "none")])
async def test_the_calls_of_an_aggregator_are_planned_for(calls: int, answer: str | None, by: str) -> None:
    out = await asolve(
        "q?", kind="number", experts=[ScriptedExpert(asked).value], strategy="self_consistency(samples=10)",
        aggregator=Asking(), budget=Budget(calls=calls),
    )  # fmt: skip
    assert (out.answer, out.chosen_by) == (answer, by)
    assert out.usage.calls <= calls
    if answer is None:
        assert out.reason == "budget of problem 1 ended: calls=1; the next call needs calls=2"


async def test_an_aggregator_that_cannot_ask_gives_way_to_a_vote() -> None:
    out = await asolve(
        "q?", kind="number", experts=[ScriptedExpert(asked).value], strategy=OneByOne(), aggregator=Asking(),
        budget=Budget(calls=4),
    )  # fmt: skip
    assert (out.answer, out.chosen_by, out.stopped_by) == ("6", "vote", "budget")


async def test_experts_that_fail_leave_the_reason() -> None:
    refusing = ScriptedExpert(refused)
    out = await asolve("q?", kind="number", experts=[refusing.value], strategy="self_consistency(samples=3)")
    assert (out.answer, out.stopped_by, out.usage.refused) == (None, "failed", 3)
    assert "not allowed" in out.reason


def refused(request: orchestrator.Request) -> str:
    raise ContentFiltered("not allowed", expert=request.expert)
