"""What `generate` asks for, and what comes back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import MemoryJournal
from orchestrator.errors import (
    BadRequest,
    BudgetExceeded,
    ConfigError,
    ConnectionLost,
    ContentFiltered,
    ExpertError,
    NotRecorded,
    Stopped,
    Truncated,
)
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.run import Run
from orchestrator.types import (
    KINDS,
    Completion,
    Expert,
    Kind,
    Labels,
    Message,
    Problem,
    Prompt,
    Reply,
    Request,
    Sampling,
)

from . import stage
from .stage import PROBLEM, play, prompt, texts


def echo(**settings: object) -> ScriptedExpert:
    return ScriptedExpert(lambda request: f"{request.messages[-1].text} {request.sample_index}", **settings)  # type: ignore[arg-type]


def asked(expert: Expert, **settings: object) -> Request:
    """The one request that a question to this expert comes to."""
    scripted = echo()
    value = replace(expert, client="scripted", options=scripted.value.options)
    play(lambda run: run.generate(prompt(), **settings), value)  # type: ignore[arg-type]
    (request,) = scripted.requests
    return request


class TestSampling:
    def test_a_cap_on_tokens_is_always_sent(self) -> None:
        assert asked(Expert("e", "m")).sampling == Sampling(max_tokens=2048)
        assert asked(Expert("e", "m"), sampling=Sampling(0.5)).sampling == Sampling(0.5, max_tokens=2048)
        assert asked(Expert("e", "m"), sampling=Sampling(max_tokens=9)).sampling.max_tokens == 9

    def test_the_user_s_settings_of_an_expert_win_over_the_strategy_s(self) -> None:
        expert = Expert("e", "m", sampling=Sampling(0.0, stop=("A",), extra_body={"a": 1, "b": 1}))
        strategy = Sampling(0.7, 0.9, 300, ("B",), extra_body={"b": 2, "c": 2}, reasoning_effort="low")
        assert asked(expert, sampling=strategy).sampling == Sampling(
            0.0, 0.9, 300, ("A",), reasoning_effort="low", extra_body={"a": 1, "b": 1, "c": 2}
        )

    def test_tools_and_formats_are_passed_on(self) -> None:
        tools, form = ({"type": "function", "function": {"name": "f"}},), {"type": "json_object"}
        request = asked(Expert("e", "m"), tools=tools, response_format=form)
        assert (request.tools, request.response_format) == (tools, form)


class TestIdentity:
    def test_settings_that_were_changed_in_place_are_another_request(self) -> None:
        scripted, form = echo(), {"type": "json_object"}

        async def act(run: Run) -> None:
            await run.generate(prompt(), response_format=form)
            form["type"] = "text"
            await run.generate(prompt(), response_format=form)

        play(act, scripted)
        first, second = scripted.requests
        assert (first.key != second.key, second.response_format) == (True, {"type": "text"})

    def test_experts_of_one_id_are_each_asked_in_their_own_way(self) -> None:
        scripted = echo()
        poet = replace(scripted.value, persona="You are a poet.")

        async def act(run: Run) -> None:
            await run.generate(prompt())
            await run.generate(prompt(), expert=poet)

        play(act, scripted)
        assert [len(request.messages) for request in scripted.requests] == [1, 2]

    def test_a_request_names_expert_model_seed_and_what_it_is_for(self) -> None:
        request = asked(Expert("e", "m"), purpose="plan", sample=3)
        assert (request.expert, request.model, request.sample_index, request.salt) == ("e", "m", 3, "seed=0")
        assert request.labels == Labels("p", "plan", ())

    def test_a_persona_comes_first(self) -> None:
        poet = Expert("e", "m", persona="You are a poet.")
        assert asked(poet).messages == (Message("system", "You are a poet."), Message("user", "What is 2 + 2?"))

    def test_a_persona_joins_a_system_message_that_is_there(self) -> None:
        scripted = echo()
        talk = Prompt((Message("system", "Be brief."), Message("user", "Hello")))
        play(lambda run: run.generate(talk), replace(scripted.value, persona="You are a poet."))
        assert scripted.requests[0].messages == (
            Message("system", "You are a poet.\n\nBe brief."),
            Message("user", "Hello"),
        )

    def test_a_replay_expert_is_asked_by_problem_and_purpose(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It answers by them, so the same words for another problem or purpose are another request."""
        scripted = echo()
        monkeypatch.setattr(stage, "backend_of", lambda expert: scripted)

        async def asks(problem: Problem, run: Run) -> None:
            await run.generate(prompt("q"))
            await run.generate(prompt("q"), purpose="tests")

        async def act(run: Run) -> None:
            await asks(PROBLEM, run)
            await run.delegate(asks, replace(PROBLEM, id="other"))

        play(act, Expert("r", "m", client="replay"))
        assert [(r.salt, r.labels.problem, r.labels.purpose) for r in scripted.requests] == [
            (f"seed=0|{problem}|{purpose}", problem, purpose)
            for problem in ("p", "other")
            for purpose in ("answer", "tests")
        ]

    def test_the_reply_cites_its_request(self) -> None:
        scripted = echo()
        played = play(lambda run: run.generate(prompt()), scripted)
        assert played.result is not None
        assert played.result.id == scripted.requests[0].key.hex()
        assert played.events("call") == [()]


class TestSamples:
    def test_n_asks_consecutive_indices_in_one_attempt_and_returns_them_in_order(self) -> None:
        scripted = echo(latency="exp:1")
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
        assert isinstance(play(lambda run: run.generate(prompt(), n=n, sample=sample), echo()).error, ConfigError)

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
        scripted = echo(max_n=1, latency=1)
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
        scripted = echo()

        async def act(run: Run) -> list[str]:
            return [(await run.generate(prompt("q"), sample=i)).text for i in (0, 1, 0)]

        assert play(act, scripted).result == ["q 0", "q 1", "q 0"]
        assert [r.sample_index for r in scripted.requests] == [0, 1]


class TestTurn:
    def test_stage_counts_the_replies_awaited_along_a_path(self) -> None:
        async def act(run: Run) -> list[int]:
            stages = [run.stage]
            await run.generate(prompt("a"), n=3)
            stages.append(run.stage)

            async def branch(depth: int, inner: Run) -> None:
                for i in range(depth):
                    await inner.generate(prompt(f"{depth} {i}"))

            await run.map(branch, [1, 4, 2])
            return [*stages, run.stage]

        assert play(act, echo()).result == [0, 1, 5]

    def test_a_delegate_s_replies_are_along_the_path_too(self) -> None:
        async def twice(problem: Problem, run: Run) -> None:
            await run.generate(prompt("a"))
            await run.generate(prompt("b"))

        async def act(run: Run) -> int:
            await run.generate(prompt("first"))
            await run.delegate(twice)
            return run.stage

        assert play(act, echo()).result == 3

    def test_a_role_has_the_expert_that_was_given_for_it(self) -> None:
        judge, worker = echo(id="judge"), echo(id="worker")

        async def act(run: Run) -> tuple[str, str]:
            return run.role("judge").id, run.role("tagger").id

        assert play(act, worker, roles={"judge": judge.value}).result == ("judge", "worker")

    def test_the_budget_is_the_caps_whatever_is_spent(self) -> None:
        async def act(run: Run) -> tuple[Budget, Budget]:
            before = run.budget
            await run.generate(prompt())
            return before, run.budget

        caps = Budget(calls=7, seconds=60)
        assert play(act, echo(), budget=caps).result == (caps, caps)


def cut(request: Request, needed: int, text: str = "The answer is 4") -> Completion:
    """A reply that needs so many tokens before its text is there."""
    short = (request.sampling.max_tokens or 0) < needed
    return Completion("" if short else text, finish="length" if short else "stop")


class TestTruncation:
    def test_it_is_asked_once_more_with_four_times_the_cap(self) -> None:
        scripted = ScriptedExpert(lambda request: cut(request, 5000))
        played = play(lambda run: run.generate(prompt(), sample=2), scripted)
        assert played.result is not None
        assert played.result.text == "The answer is 4"
        small, large = scripted.requests
        assert (small.sampling.max_tokens, large.sampling.max_tokens) == (2048, 8192)
        assert replace(large, sampling=small.sampling) == small
        assert small.key != large.key

    def test_both_replies_are_kept_and_both_are_counted(self) -> None:
        scripted = ScriptedExpert(lambda request: cut(request, 5000))
        played = play(lambda run: run.generate(prompt()), scripted)
        assert set(played.journal.replies) == {request.key for request in scripted.requests}
        assert played.table.meter.usage.calls == played.scope.spent.calls == played.wallet.spent.calls == 2
        assert played.table.meter.usage.truncated == 0
        assert played.events("truncated") == [()]

    def test_a_larger_cap_that_does_not_do_either_is_truncated_and_counted(self) -> None:
        scripted = ScriptedExpert(lambda request: cut(request, 10**6))
        played = play(lambda run: run.generate(prompt(), sampling=Sampling(max_tokens=100)), scripted)
        assert isinstance(played.error, Truncated)
        assert "no answer within 400 tokens" in str(played.error)
        assert [r.sampling.max_tokens for r in scripted.requests] == [100, 400]
        assert (played.table.meter.usage.truncated, played.table.meter.usage.calls) == (1, 2)

    def test_a_reply_whose_answer_can_be_read_is_taken_as_it_is(self) -> None:
        scripted = ScriptedExpert(lambda _: Completion("The answer is 4. And moreover", finish="length"))
        played = play(lambda run: run.generate(prompt()), scripted)
        assert played.result is not None
        assert played.result[0].finish == "length"
        assert len(scripted.requests) == 1

    @pytest.mark.parametrize(
        ("needed", "budget", "caps", "ends"),
        [
            (5000, Budget(), [2048, 8192], "whole"),
            (10**6, Budget(), [2048, 8192], "cut at 8192"),
            (5000, Budget(calls=1), [2048], "cut at 2048"),
            (5000, Budget(seconds=60), [2048], "cut at 2048"),
        ],
        ids=["asked again", "the longer beginning", "no call left", "no time to lose"],
    )
    def test_prose_that_breaks_off_is_asked_for_again_and_kept_where_more_does_not_come(
        self, needed: int, budget: Budget, caps: list[int], ends: str
    ) -> None:
        def essay(request: Request) -> Completion:
            cap = request.sampling.max_tokens or 0
            return Completion(
                "An essay, whole" if cap >= needed else f"An essay, cut at {cap}",
                finish="stop" if cap >= needed else "length",
            )

        scripted = ScriptedExpert(essay)
        played = play(
            lambda run: run.generate(prompt()), scripted, problem=replace(PROBLEM, kind="text"), budget=budget
        )
        assert played.result is not None
        assert played.result.text == f"An essay, {ends}"
        assert [request.sampling.max_tokens for request in scripted.requests] == caps

    def test_a_short_answer_that_is_marked_in_prose_is_enough(self) -> None:
        scripted = ScriptedExpert(lambda _: Completion("Final answer: Paris\nAnd moreover", finish="length"))
        played = play(lambda run: run.generate(prompt()), scripted, problem=replace(PROBLEM, kind="text"))
        assert played.error is None
        assert len(scripted.requests) == 1

    def test_a_step_on_the_way_has_no_answer_so_it_must_be_whole(self) -> None:
        def answer(request: Request) -> Completion:
            whole = (request.sampling.max_tokens or 0) > 5000
            return Completion("1. The answer is 4", finish="stop" if whole else "length")

        scripted = ScriptedExpert(answer)
        played = play(lambda run: run.generate(prompt(), purpose="plan"), scripted)
        assert len(scripted.requests) == 2
        assert played.error is None

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_empty_reply_has_no_answer_of_any_kind(self, kind: Kind) -> None:
        problem = replace(PROBLEM, kind=kind, options=("a", "b"), schema={})
        scripted = ScriptedExpert(lambda _: Completion(" \n", finish="length"))
        played = play(lambda run: run.generate(prompt()), scripted, problem=problem)
        assert isinstance(played.error, Truncated)
        assert len(scripted.requests) == 2

    def test_nothing_is_asked_anew_over_a_journal_that_has_both(self) -> None:
        scripted, journal = ScriptedExpert(lambda request: cut(request, 5000)), MemoryJournal()
        first = play(lambda run: run.generate(prompt()), scripted, journal=journal)
        again = play(lambda run: run.generate(prompt()), scripted, journal=journal)
        assert first.result == again.result
        assert len(scripted.requests) == 2
        assert (again.table.meter.usage.calls, again.table.meter.usage.cached_calls) == (2, 2)
        assert (again.scope.spent.calls, again.wallet.spent.calls) == (2, 0)

    def test_only_the_samples_that_were_cut_are_asked_again(self) -> None:
        scripted = ScriptedExpert(lambda request: cut(request, 5000 if request.sample_index == 1 else 1))
        played = play(lambda run: run.generate(prompt(), n=3), scripted)
        assert played.error is None
        assert [[(r.sample_index, r.sampling.max_tokens) for r in batch] for batch in scripted.batches] == [
            [(0, 2048), (1, 2048), (2, 2048)],
            [(1, 8192)],
        ]


class TestLosses:
    @pytest.mark.parametrize(
        ("error", "counted"),
        [(BadRequest("x"), "failed"), (ContentFiltered("x"), "refused"), (Truncated("x"), "truncated")],
        ids=["failed", "refused", "truncated"],
    )
    def test_each_is_counted_by_its_kind(self, error: ExpertError, counted: str) -> None:
        played = play(lambda run: run.generate(prompt()), echo(failures={0: error}))
        usage = played.table.meter.usage
        assert played.error is error
        assert {name: getattr(usage, name) for name in ("failed", "refused", "truncated")} == {
            "failed": 0, "refused": 0, "truncated": 0, counted: 1,
        }  # fmt: skip
        assert played.events("lost") == [()]

    def test_an_attempt_that_may_be_made_again_is(self) -> None:
        scripted = echo(failures={0: ConnectionLost("reset")})
        played = play(lambda run: run.generate(prompt("q")), scripted)
        assert played.result is not None
        assert len(scripted.batches) == 2
        assert (played.table.meter.usage.failed, played.table.meter.usage.calls) == (0, 1)

    def test_what_is_not_recorded_is_asked_once(self) -> None:
        scripted = ScriptedExpert([])
        played = play(lambda run: run.generate(prompt()), scripted)
        assert isinstance(played.error, NotRecorded)
        assert texts(scripted.requests) == ["What is 2 + 2?"]
