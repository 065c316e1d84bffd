"""Replies that break off, and those that do not come: what is asked again, and how a loss is counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import MemoryJournal
from orchestrator.errors import BadRequest, ConnectionLost, ContentFiltered, ExpertError, NotRecorded, Truncated
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import KINDS, Completion, Kind, Request, Sampling

from .stage import PROBLEM, echo, play, prompt, texts


def cut(request: Request, needed: int, text: str = "The answer is 4") -> Completion:
    """A reply that needs so many tokens before its text is there."""
    short = (request.sampling.max_tokens or 0) < needed
    return Completion("" if short else text, finish="length" if short else "stop")


def withheld(text: str) -> ScriptedExpert:
    """An expert whose replies a filter cuts after `text`."""
    return ScriptedExpert(lambda _: Completion(text, finish="content_filter"))


class TestWithheld:
    @pytest.mark.parametrize(
        ("kind", "purpose"),
        [("number", "answer"), ("text", "answer"), ("number", "plan")],
        ids=["unread", "prose", "plan"],
    )
    def test_a_reply_that_a_filter_cut_before_its_answer_is_refused_and_paid(self, kind: Kind, purpose: str) -> None:
        scripted = withheld("First we take two apples and")
        problem = replace(PROBLEM, kind=kind)
        played = play(lambda run: run.generate(prompt(), purpose=purpose), scripted, problem=problem)
        assert isinstance(played.error, ContentFiltered)
        assert "withheld the rest of the reply" in str(played.error)
        usage = played.table.meter.usage
        assert (usage.refused, usage.calls, played.wallet.spent.calls, len(scripted.requests)) == (1, 1, 1, 1)
        assert set(played.journal.replies) == {scripted.requests[0].key}

    @pytest.mark.parametrize("kind", ["number", "text"])
    def test_one_whose_answer_had_come_is_kept_and_says_how_it_ended(self, kind: Kind) -> None:
        problem = replace(PROBLEM, kind=kind)
        played = play(lambda run: run.generate(prompt()), withheld("The answer is 4. And"), problem=problem)
        assert played.result is not None
        assert played.result[0].finish == "content_filter"

    def test_a_cut_text_is_taken_where_a_filter_cuts_the_larger_one(self) -> None:
        def reply(request: Request) -> Completion:
            small = request.sampling.max_tokens == 2048
            return Completion("Once upon a time there", finish="length" if small else "content_filter")

        problem = replace(PROBLEM, kind="text")
        played = play(lambda run: run.generate(prompt()), ScriptedExpert(reply), problem=problem)
        assert played.result is not None
        assert (played.result[0].finish, played.table.meter.usage.refused) == ("length", 0)


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
