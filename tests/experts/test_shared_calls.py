"""Calls that begin as others do, and go before them: streamed for their first token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any

import pytest

from orchestrator.errors import BadCompletion, BadRequest, ConnectionLost, ExpertError, ExpertTimeout, RateLimited
from orchestrator.experts.network import NetworkBackend
from orchestrator.types import Price, Request, Response
from tests.double import Double
from tests.double.client import until
from tests.experts.serving import Canned, batch, completion, request

Doubles = Callable[..., Awaitable[Double]]
Cans = Callable[..., Awaitable[Canned]]
Serve = Callable[..., NetworkBackend]

THOUGHTFUL: dict[str, Any] = {"reasoning": (0, 9), "show_reasoning": "field", "answers": {"42": 1}}


async def whole_and_led(backend: NetworkBackend, asked: Any) -> tuple[Response, Response, list[int]]:
    """The same request as others are made, and as one that leads; and how often a first token was told of."""
    told: list[int] = []
    whole = await backend.complete(asked)
    led = await backend.complete_shared(asked, (), lambda: told.append(1))
    return whole, led, told


@pytest.mark.parametrize("settings", [{"answers": {"42": 1}}, THOUGHTFUL, {"cache": 128, "cache_least": 8}])
async def test_what_leads_is_answered_as_it_would_have_been(
    double: Doubles, served: Serve, settings: dict[str, Any]
) -> None:
    server = await double(**settings)
    whole, led, told = await whole_and_led(served(server.base_url), [request("x" * 5000)])
    assert [(c.text, c.reasoning, c.finish) for c in led.completions] == [
        (c.text, c.reasoning, c.finish) for c in whole.completions
    ]
    assert (led.bill.prompt, led.bill.completion, led.bill.reasoning) == (
        whole.bill.prompt, whole.bill.completion, whole.bill.reasoning,
    )  # fmt: skip
    assert (led.completions[0].model, led.counted) == ("m", True)
    assert led.bill.cached_prompt == server.stats.delivered.cached
    assert told == [1]


async def test_the_first_token_is_told_of_long_before_the_reply(double: Doubles, served: Serve) -> None:
    server, began = await double(latency=600.0), asyncio.Event()
    leading = asyncio.create_task(served(server.base_url).complete_shared([request()], (), began.set))
    async with asyncio.timeout(10):
        await began.wait()
    assert not leading.done()
    leading.cancel()
    await asyncio.wait([leading])
    await until(lambda: server.stats.client_aborts == 1)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("429", RateLimited), ("500", ExpertError), ("reset", ExpertError), ("truncated", ExpertError),
     ("empty", BadCompletion), ("invalid_json", ExpertError)],
)  # fmt: skip
async def test_faults_of_a_streamed_answer_are_those_of_a_whole_one(
    double: Doubles, served: Serve, fault: str, error: type[ExpertError]
) -> None:
    server = await double(faults={fault: 1})
    backend = served(server.base_url)
    with pytest.raises(error) as streamed:
        await backend.complete_shared([request()], (), lambda: None)
    with pytest.raises(error) as whole:
        await backend.complete([request()])
    assert streamed.value.retried == whole.value.retried
    assert server.stats.requests == 2, "nothing is sent twice"


async def test_an_answer_that_breaks_off_is_no_answer(canned: Cans, served: Serve) -> None:
    piece = '{"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [{"index": 0, '
    piece += '"delta": {"role": "assistant", "content": "It is"}, "finish_reason": null}]}'
    server = await canned(200, f"data: {piece}\n\n", {"content-type": "text/event-stream"})
    with pytest.raises((BadCompletion, ConnectionLost)):
        await served(server.base_url).complete_shared([request()], (), lambda: None)


@pytest.mark.parametrize("refused", ["stream", "stream_options"])
async def test_a_server_that_streams_nothing_is_asked_at_once_without(
    double: Doubles, served: Serve, refused: str
) -> None:
    server = await double(rejects=[refused], answers={"42": 1})
    backend = served(server.base_url)
    for _ in range(2):
        assert (await backend.complete_shared([request()], (), lambda: None)).completions[0].text
    assert server.stats.rejected == {refused: 1}


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Streaming is not supported for this model."),
        (400, "n > 1 is not available with stream=true"),
        (422, "Extra inputs are not permitted: stream_options"),
        (501, "Streaming is not implemented."),
    ],
)
async def test_a_refusal_to_stream_is_understood_in_any_words(
    canned: Cans, served: Serve, status: int, message: str
) -> None:
    server = await canned(status, {"error": {"message": message, "type": "invalid_request_error"}})
    backend = served(server.base_url)
    with pytest.raises(BadRequest):
        await backend.complete_shared([request()], (), lambda: None)
    assert [bool(body.get("stream")) for body in server.bodies] == [True, False]
    assert not backend.capabilities.takes("stream")
    assert backend.capabilities.takes("n")


@pytest.mark.parametrize("client", ["litellm"])
async def test_by_litellm_several_samples_tools_and_probabilities_come_whole(double: Doubles, served: Serve) -> None:
    server = await double(answers={"42": 1}, keep_bodies=True)
    backend = served(server.base_url)
    shaped = request(extra_body={"logprobs": True})
    for asked in (batch(0, 1), [request(top_logprobs=3)], [shaped], [request(mode="completion")]):
        await backend.complete_shared(asked, (), lambda: None)
    assert not any(seen.body.get("stream") for seen in server.requests)


@pytest.mark.parametrize("client", ["direct"])
@pytest.mark.parametrize(
    "asked",
    [
        batch(0, 1, 2),
        [request(top_logprobs=3)],
        batch(0, 1, top_logprobs=2),
        [request(mode="completion")],
        batch(0, 1, mode="completion", top_logprobs=2),
        [request(max_tokens=3)],
    ],
    ids=["samples", "probabilities", "both", "text", "both of texts", "cut"],
)
async def test_by_the_direct_client_they_come_in_pieces_and_are_the_same(
    double: Doubles, served: Serve, asked: list[Request]
) -> None:
    server = await double(answers={"42": 0.5, "41": 0.5}, keep_bodies=True)
    whole, led, told = await whole_and_led(served(server.base_url, price=Price(1e-6, 2e-6)), asked)
    assert [bool(seen.body.get("stream")) for seen in server.requests] == [False, True]
    assert (led, told) == (whole, [1])
    assert len(led.completions) == len(asked)


@pytest.mark.parametrize("client", ["direct"])
async def test_a_server_that_falls_silent_behind_its_last_word_is_not_waited_for(canned: Cans, served: Serve) -> None:
    body = streamed({"content": "It is 42"}, usage=USED)
    server = await canned(200, body, {"content-type": "text/event-stream", "content-length": "99999"})
    reply = await served(server.base_url, timeout=60).complete_shared([request()], (), lambda: None)
    assert reply.completions[0].text == "It is 42"


@pytest.mark.parametrize("client", ["direct"])
@pytest.mark.parametrize("body", ["data: {nonsense}\n\n", "data: [DONE]\n\n", "<html>busy</html>"])
async def test_pieces_that_cannot_be_read_are_asked_for_once(canned: Cans, served: Serve, body: str) -> None:
    server = await canned(200, body, {"content-type": "text/event-stream"})
    backend = served(server.base_url)
    with pytest.raises(ExpertError) as caught:
        await backend.complete_shared([request()], (), lambda: None)
    assert (caught.value.retried, caught.value.refunded) == (True, False)
    if not isinstance(caught.value, BadCompletion):
        with pytest.raises(ConnectionLost, match="broke off"):
            await backend.complete_shared([request()], (), lambda: None)
    server.body, server.headers = json.dumps(completion({"content": "It is 42"})), {}
    assert (await backend.complete_shared([request()], (), lambda: None)).completions[0].text == "It is 42"
    assert not server.bodies[-1].get("stream")


async def test_an_answer_in_pieces_has_the_time_of_a_whole_one(double: Doubles, served: Serve) -> None:
    server, told = await double(latency=600.0), list[int]()
    with pytest.raises(ExpertTimeout):
        await served(server.base_url, timeout=0.5).complete_shared([request()], (), lambda: told.append(1))
    await until(lambda: server.stats.client_aborts == 1)
    assert told == [1]


def streamed(*deltas: dict[str, Any], finish: str = "stop", usage: dict[str, Any] | None = None) -> str:
    """The body of a streamed chat completion."""
    whole = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m"}
    ends = [(delta, None) for delta in deltas] + [({}, finish)]
    pieces = [{**whole, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in ends]
    pieces += [{**whole, "choices": [], "usage": usage}] if usage else []
    return "".join(f"data: {json.dumps(piece)}\n\n" for piece in pieces) + "data: [DONE]\n\n"


USED = {
    "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60}, "completion_tokens_details": {"reasoning_tokens": 7},
}  # fmt: skip


@pytest.mark.parametrize(
    ("deltas", "message", "finish", "usage"),
    [
        ([{"reasoning_content": "hm "}, {"reasoning_content": "yes"}, {"content": "42"}],
         {"content": "42", "reasoning_content": "hm yes"}, "stop", USED),
        ([{"content": "<think>hm"}, {"content": " yes</think>"}, {"content": " 42\n"}],
         {"content": "<think>hm yes</think> 42\n"}, "stop", USED),
        ([{"reasoning_content": "a long"}, {"reasoning_content": " story"}],
         {"content": "", "reasoning_content": "a long story"}, "length", USED),
        ([{"content": "It is"}], {"content": "It is"}, "content_filter", USED),
        ([{"content": "It "}, {"content": "is 42"}], {"content": "It is 42"}, "stop", None),
    ],
    ids=["reasoning apart", "thoughts in the text", "cut while it thought", "filtered", "no usage told"],
)  # fmt: skip
async def test_an_answer_in_pieces_is_read_as_the_same_one_in_one(
    canned: Cans, served: Serve, deltas: list[Any], message: dict[str, Any], finish: str, usage: dict[str, Any] | None
) -> None:
    whole = await canned(200, completion({**message, "finish_reason": finish}, usage=usage))
    pieces = await canned(200, streamed(*deltas, finish=finish, usage=usage), {"content-type": "text/event-stream"})
    price = Price(1e-6, 2e-6, 1e-7)
    one = await served(whole.base_url, price=price).complete([request()])
    other = await served(pieces.base_url, price=price).complete_shared([request()], (), lambda: None)
    assert pieces.bodies[0]["stream"] is True
    assert other == one


@pytest.mark.parametrize("told", [USED, None], ids=["told", "not told"])
async def test_where_only_a_whole_answer_may_tell_its_tokens_it_comes_whole_from_then_on(
    canned: Cans, served: Serve, told: dict[str, Any] | None
) -> None:
    events = {"content-type": "text/event-stream"}
    server = await canned(200, streamed({"content": "It is 42"}, usage=told), events)
    backend = served(server.base_url)
    first = await backend.complete_shared([request()], (), lambda: None)
    if told is None:
        server.body, server.headers = json.dumps(completion({"content": "It is 42"}, usage=USED)), {}
    second = await backend.complete_shared([request()], (), lambda: None)
    assert (first.counted, second.counted) == (told is not None, True)
    assert [bool(body.get("stream")) for body in server.bodies] == [True, told is not None]


async def test_a_server_that_answers_in_one_piece_all_the_same_is_asked_for_pieces_once(
    canned: Cans, served: Serve, client: str
) -> None:
    server = await canned(200, completion({"content": "It is 42"}, usage=USED))
    backend, told = served(server.base_url), list[int]()
    with nullcontext() if client == "direct" else pytest.raises(BadCompletion):  # litellm finds no text in it
        await backend.complete_shared([request()], (), lambda: told.append(1))
    for _ in range(2):
        reply = await backend.complete_shared([request()], (), lambda: told.append(1))
        assert reply.completions[0].text == "It is 42"
    assert ([bool(body.get("stream")) for body in server.bodies], told) == ([True, False, False], [])


@pytest.mark.parametrize(
    "error",
    [
        {"message": "The server is overloaded.", "code": 503},
        {"message": "Slow down.", "code": 429},
        {"message": "The engine fell over.", "code": 500},
        {"message": "The engine fell over."},
    ],
    ids=["503", "429", "500", "no code"],
)
async def test_an_error_behind_the_first_token_is_tried_again_and_not_refunded(
    canned: Cans, served: Serve, error: dict[str, Any]
) -> None:
    begun = streamed({"content": "It is"}).split("\n\n")[0]
    body = f"{begun}\n\ndata: {json.dumps({'error': error})}\n\ndata: [DONE]\n\n"
    server = await canned(200, body, {"content-type": "text/event-stream"})
    with pytest.raises(ExpertError, match=error["message"].rstrip(".")) as caught:
        await served(server.base_url).complete_shared([request()], (), lambda: None)
    assert (caught.value.retried, caught.value.refunded) == (True, False)


@pytest.mark.parametrize("client", ["direct"])
@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
async def test_a_refusal_told_where_an_answer_should_be_is_learned_from(canned: Cans, served: Serve, kind: str) -> None:
    refused = {"error": {"message": "Unsupported parameter: 'temperature'", "param": "temperature", "code": 400}}
    told = json.dumps(refused)
    server = await canned(200, told if "json" in kind else f"data: {told}\n\n", {"content-type": kind})
    with pytest.raises(BadRequest):
        await served(server.base_url).complete_shared([request(temperature=0.7)], (), lambda: None)
    assert ["temperature" in body for body in server.bodies] == [True, False]
