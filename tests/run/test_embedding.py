"""`Run.embed`: vectors are asked for, kept and paid like any reply."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from orchestrator.budget import Budget
from orchestrator.engine import MemoryJournal
from orchestrator.errors import BadCompletion, BudgetExceeded, ConfigError, ConnectionLost, NotRecorded
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.ledger import Amount
from orchestrator.protocols import Embedder
from orchestrator.run import Run
from orchestrator.types import Completion, Expert, Price, Request, Sampling, Tokens, packed

from .stage import Played, play

Vectors = list[tuple[float, ...]]


def lengths(request: Request) -> str:
    """A vector that tells how long a text is."""
    assert request.sampling.mode == "embedding"
    return packed([(float(len(message.text)), 1.0) for message in request.messages])


def embedder(script: object = lengths, **settings: object) -> ScriptedExpert:
    return ScriptedExpert(script, id="embedder", **settings)  # type: ignore[arg-type]


SOLVER = ScriptedExpert(lambda _: "4", id="solver").value


def embed(texts: list[str], expert: ScriptedExpert | Expert, **settings: object) -> Played[Vectors]:
    value = expert.value if isinstance(expert, ScriptedExpert) else expert

    async def act(run: Run) -> Vectors:
        found: Embedder = run
        return [tuple(vector) for vector in await found.embed(texts)]

    return play(act, SOLVER, roles={"embedder": value}, **settings)  # type: ignore[arg-type]


def test_vectors_come_in_the_order_of_the_texts_from_the_expert_of_the_role() -> None:
    played = embed(["a", "bbb", "cc"], embedder())
    assert played.result == [pytest.approx((n / (n * n + 1) ** 0.5, 1 / (n * n + 1) ** 0.5)) for n in (1, 3, 2)]
    assert played.events("call") == [()]


def test_many_texts_are_asked_for_at_once_thirty_two_a_call() -> None:
    expert = embedder(latency=1.0)
    played = embed([str(i) for i in range(70)], expert)
    assert [len(request.messages) for request in expert.requests] == [32, 32, 6]
    assert (played.seconds, played.run.stage, played.scope.spent.calls) == (1.0, 1, 3)
    assert played.result is not None
    assert len(played.result) == 70


def test_long_texts_share_no_call() -> None:
    expert = embedder()
    embed(["x" * 100_000, "y" * 100_000, "z"], expert)
    assert [len(request.messages) for request in expert.requests] == [1, 2]


def test_no_texts_are_no_call() -> None:
    expert = embedder()
    played = embed([], expert)
    assert (played.result, expert.requests, played.run.stage) == ([], [], 0)


def test_an_empty_text_is_not_sent_as_providers_refuse_it() -> None:
    expert = embedder()
    embed(["", " \n", "a"], expert)
    assert [message.text for message in expert.requests[0].messages] == ["-", "-", "a"]


def test_only_a_providers_own_fields_of_an_embedders_settings_are_sent() -> None:
    expert = embedder()
    own = Sampling(0.5, max_tokens=9, stop=("END",), extra_body={"dimensions": 64})
    embed(["a"], replace(expert.value, persona="A poet.", sampling=own))
    (request,) = expert.requests
    assert request.sampling == Sampling(mode="embedding", extra_body={"dimensions": 64})
    assert [message.role for message in request.messages] == ["user"]


def test_no_completion_tokens_are_reserved() -> None:
    texts = ["a" * 100] * 3
    at_most = 3 * 100 + 4 * 16
    assert embed(texts, embedder(), budget=Budget(tokens=at_most)).error is None
    refused = embed(texts, embedder(), budget=Budget(tokens=at_most - 1))
    assert isinstance(refused.error, BudgetExceeded)


def test_a_vector_is_paid_at_the_price_of_its_prompt() -> None:
    def billed(request: Request) -> Completion:
        return Completion(lengths(request), tokens=Tokens(10, usd=10e-6))

    expert = embedder(billed, price=Price(1e-6, 1.0))
    played = embed(["a"], expert, wallet=Budget(usd=1e-4))
    assert played.wallet.spent.usd == pytest.approx(10e-6)
    assert played.table.meter.usage.usd == pytest.approx(10e-6)


@pytest.mark.parametrize("salt", ["seed=0", "seed=1"])
def test_texts_once_embedded_are_not_paid_again_whatever_the_seed(salt: str) -> None:
    journal, expert = MemoryJournal(), embedder()
    embed(["a", "b"], expert, journal=journal)
    again = embed(["a", "b"], expert, journal=journal, salt=salt)
    assert len(expert.requests) == 1
    assert (again.scope.spent.calls, again.wallet.spent.calls) == (1, 0)


def test_a_lost_connection_is_tried_again() -> None:
    expert = embedder(failures={0: ConnectionLost("reset")})
    assert embed(["a"], expert).error is None
    assert len(expert.requests) == 2


def test_a_failure_waits_for_the_other_calls_which_are_paid() -> None:
    async def answer(request: Request) -> str:
        if request.messages[0].text == "bad":
            raise NotRecorded("not that one")
        await asyncio.sleep(1)
        return lengths(request)

    played = embed(["bad", *["x"] * 32], embedder(answer))
    assert isinstance(played.error, NotRecorded)
    assert (played.seconds, len(played.journal.replies)) == (1.0, 1)
    assert played.table.meter.usage.failed == 1


def test_the_vectors_of_a_fallback_would_not_fit_so_it_is_not_asked() -> None:
    def lost(request: Request) -> str:
        raise NotRecorded("gone")

    other = ScriptedExpert(lengths, id="other")
    value = replace(embedder(lost).value, fallback="other")

    async def act(run: Run) -> Vectors:
        return await run.embed(["a"])

    played = play(act, value, other, roles={"embedder": value})
    assert isinstance(played.error, NotRecorded)
    assert other.requests == []


@pytest.mark.parametrize(
    "reply",
    ["I am a chat model.", packed([(1.0,)]), packed([(1.0,), (1.0,), (1.0,)])],
    ids=["words", "too few", "too many"],
)
def test_a_reply_that_does_not_hold_a_vector_of_each_text_is_an_experts_failure(reply: str) -> None:
    assert isinstance(embed(["a", "b"], embedder(lambda _: reply)).error, BadCompletion)


def test_calls_that_give_vectors_of_different_lengths_are_an_experts_failure() -> None:
    def uneven(request: Request) -> str:
        return packed([(1.0,) * len(request.messages)] * len(request.messages))

    assert isinstance(embed(["a"] * 40, embedder(uneven)).error, BadCompletion)


def test_without_the_role_nobody_is_asked() -> None:
    async def act(run: Run) -> Vectors:
        assert run.embedder is None
        return await run.embed(["a"])

    played = play(act, SOLVER)
    assert isinstance(played.error, ConfigError)
    assert "--role embedder=" in str(played.error)


def test_what_branches_are_taken_to_need_is_not_learnt_from_calls_for_vectors() -> None:
    forecast = embed(["a"], embedder(), budget=Budget(tokens=500)).table.forecast
    assert (forecast.asked, forecast.came_to) == (Amount(1), Amount(1))
