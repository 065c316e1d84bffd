"""Embeddings over loopback, through the real litellm and without it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrator.errors import BadCompletion, ExpertTimeout, UnknownModel
from orchestrator.experts.network import NetworkBackend
from orchestrator.types import Message, Price, Request, Sampling, unpacked
from tests.double import Double
from tests.experts.serving import Canned

Doubles = Callable[..., Awaitable[Double]]
Cans = Callable[..., Awaitable[Canned]]
Serve = Callable[..., NetworkBackend]


def texts(*texts: str, **extra: Any) -> Request:
    """A request for their vectors, as a run makes it."""
    messages = tuple(Message("user", text) for text in texts)
    return Request("e", "openai/m", messages, Sampling(mode="embedding", extra_body=extra))


def body(*rows: object, **fields: object) -> dict[str, object]:
    return {"object": "list", "model": "m", "data": list(rows), **fields}


def row(index: object, *numbers: object) -> dict[str, object]:
    return {"object": "embedding", "index": index, "embedding": list(numbers)}


async def test_a_reply_holds_a_unit_vector_of_each_text_and_its_bill(double: Doubles, served: Serve) -> None:
    server = await double(embed_dim=16, keep_bodies=True)
    backend = served(server.base_url, price=Price(1e-6, 5.0))
    response = await backend.complete([texts("one plan", "another plan", "one plan")])
    (reply,) = response.completions
    first, second, third = unpacked(reply.text)
    assert sum(x * x for x in first) == pytest.approx(1.0)
    assert first == third != second
    assert (reply.model, reply.expert, reply.tokens) == ("m", "e", response.bill)
    assert (reply.tokens.prompt, reply.tokens.completion) == (server.stats.delivered.prompt, 0)
    assert reply.tokens.usd == pytest.approx(reply.tokens.prompt * 1e-6)
    assert [seen.body for seen in server.requests] == [
        {"model": "m", "input": ["one plan", "another plan", "one plan"]}
    ]


async def test_a_providers_own_field_is_sent_along(double: Doubles, served: Serve) -> None:
    server = await double(embed_dim=16, keep_bodies=True)
    response = await served(server.base_url).complete([texts("one plan", dimensions=8)])
    assert [len(vector) for vector in unpacked(response.completions[0].text)] == [8]
    assert server.requests[0].body["dimensions"] == 8


async def test_ollama_is_asked_in_its_own_way(canned: Cans, served: Serve) -> None:
    server = await canned(200, {"model": "m", "embeddings": [[3.0, 4.0], [0.0, 1.0]], "prompt_eval_count": 5})
    backend = served(server.base_url.removesuffix("/v1"), model="ollama/nomic-embed-text")
    response = await backend.complete([texts("a", "b")])
    assert unpacked(response.completions[0].text) == [pytest.approx((0.6, 0.8)), (0.0, 1.0)]
    assert (server.paths, response.bill.prompt) == (["/api/embed"], 5)
    assert server.bodies[0]["input"] == ["a", "b"]


async def test_vectors_that_come_in_another_order_are_put_in_that_of_the_texts(canned: Cans, served: Serve) -> None:
    server = await canned(200, body(row(1, 0.0, 2.0), row(0, 3.0, 0.0), usage={"prompt_tokens": 7, "total_tokens": 7}))
    response = await served(server.base_url).complete([texts("a", "b")])
    assert unpacked(response.completions[0].text) == [(1.0, 0.0), (0.0, 1.0)]
    assert (response.bill.prompt, response.counted) == (7, True)


async def test_tokens_that_nobody_counted_are_estimated(canned: Cans, served: Serve) -> None:
    server = await canned(200, body(row(0, 1.0)))
    response = await served(server.base_url).complete([texts("twelve bytes")])
    assert (response.bill.prompt, response.counted) == (3, False)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row(0, 1.0)],
        [row(0, 1.0), row(0, 2.0)],
        [row(0, 1.0), row(1, 2.0), row(2, 3.0)],
        [row(0, 1.0), row(1, 2.0, 3.0)],
        [row(0), row(1)],
        [row(0, 1.0), row(1, "x")],
        [row(0, 1.0), row(None, 1.0)],
    ],
    ids=["none", "too few", "twice", "too many", "uneven", "empty", "no number", "no index"],
)
async def test_what_is_not_one_vector_a_text_is_a_bad_completion(
    canned: Cans, served: Serve, rows: list[object]
) -> None:
    server = await canned(200, body(*rows))
    with pytest.raises(BadCompletion):
        await served(server.base_url).complete([texts("a", "b")])


async def test_a_refusal_is_told_in_our_own_words(canned: Cans, served: Serve) -> None:
    server = await canned(404, {"error": {"message": "no such model"}})
    with pytest.raises(UnknownModel, match="404 no such model"):
        await served(server.base_url).complete([texts("a")])
    assert len(server.bodies) == 1


async def test_a_server_that_does_not_answer_in_time_is_left(double: Doubles, served: Serve) -> None:
    server = await double(latency=30.0)
    with pytest.raises(ExpertTimeout):
        await served(server.base_url, timeout=0.05).complete([texts("a")])
