"""What litellm makes of every way in which a call can fail, seen over loopback; and the words that reach people."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from typing import Any

import pytest

from orchestrator.engine import Engine, MemoryJournal, Seat
from orchestrator.errors import (
    BadCompletion,
    BadRequest,
    ConnectionFailed,
    ConnectionLost,
    ContentFiltered,
    ContextTooLong,
    ExpertError,
    ExpertLost,
    ExpertTimeout,
    RateLimited,
    ServerBusy,
    UnknownModel,
    WebPage,
    WrongKey,
)
from orchestrator.experts.failures import one_line, pause
from orchestrator.experts.network import NetworkBackend
from orchestrator.experts.provider_errors import causes
from orchestrator.ledger import Scope
from orchestrator.serving import backend_of
from orchestrator.types import Expert, Price
from tests.double import Double, unused_url
from tests.experts.serving import Canned, completion, request

Doubles = Callable[..., Awaitable[Double]]
Cans = Callable[..., Awaitable[Canned]]
Serve = Callable[..., NetworkBackend]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
WAYS = {"chat": {}, "tools": {"tools": (TOOL,)}, "completion": {"mode": "completion"}}
"""litellm takes another path for each of these."""


def said(message: str, **fields: Any) -> Mapping[str, Any]:
    return {"error": {"message": message, **fields}}


ANSWERS: list[tuple[int, Any, type[ExpertError]]] = [
    (400, said("The request is odd.", type="invalid_request_error"), BadRequest),
    (501, said("Streaming is not implemented."), BadRequest),
    (400, said("This model's maximum context length is 4096 tokens.", code="context_length_exceeded"), ContextTooLong),
    (400, {"object": "error", "message": "This model's maximum context length is 9 tokens."}, ContextTooLong),
    (400, said("prompt is too long: 210000 tokens > 200000 maximum"), ContextTooLong),
    (400, said("the request exceeds the available context size, try increasing it", code=400), ContextTooLong),
    (400, said("Your request was rejected by our safety system.", code="content_policy_violation"), ContentFiltered),
    (400, said("Your credit balance is too low."), ExpertLost),
    (401, said("Incorrect API key provided."), WrongKey),
    (403, said("No access."), WrongKey),
    (402, said("Pay first."), ExpertLost),
    (404, said("The model `m` does not exist.", code="model_not_found"), UnknownModel),
    (404, "404 page not found", UnknownModel),
    (408, said("Too slow."), ExpertTimeout),
    (413, said("Request too large."), ContextTooLong),
    (422, {"detail": [{"type": "missing", "loc": ["body", "messages"], "msg": "Field required"}]}, BadRequest),
    (429, said("Slow down."), RateLimited),
    (429, said("You exceeded your current quota.", code="insufficient_quota"), ExpertLost),
    (500, said("Boom."), ServerBusy),
    (500, "<html>Internal error</html>", ServerBusy),
    (502, "<html>Bad gateway</html>", ConnectionLost),
    (503, said("Loading model."), ServerBusy),
    (504, "gateway timeout", ConnectionLost),
    (529, said("Overloaded.", type="overloaded_error"), ServerBusy),
    (200, "<html>Hello</html>", ExpertLost),
    (200, '{"choices": [{"ind', BadCompletion),
    (200, "", BadCompletion),
    (200, "null", BadCompletion),
    (200, [], BadCompletion),
    (200, {"choices": []}, BadCompletion),
    (200, {"detail": "nothing"}, BadCompletion),
    (200, completion({"content": "", "finish_reason": "content_filter"}), ContentFiltered),
]


@pytest.mark.parametrize("way", ["chat", "tools"])
@pytest.mark.parametrize(("status", "body", "kind"), ANSWERS)
async def test_an_answer_that_is_none_is_told_by_its_status_and_words(
    status: int, body: Any, kind: type[ExpertError], way: str, canned: Cans, served: Serve
) -> None:
    server = await canned(status, body)
    with pytest.raises(ExpertError) as caught:
        await served(server.base_url).complete([request(**WAYS[way])])
    assert type(caught.value) is kind, str(caught.value)
    assert caught.value.expert == "e"
    assert len(server.bodies) == 1, "it was sent more than once"


@pytest.mark.parametrize(
    ("status", "kind"), [(401, WrongKey), (429, RateLimited), (500, ServerBusy), (200, BadCompletion)]
)
async def test_a_plain_completion_fails_in_the_same_ways(
    status: int, kind: type[ExpertError], canned: Cans, served: Serve
) -> None:
    server = await canned(status, said("No.") if status != 200 else "{")
    with pytest.raises(kind):
        await served(server.base_url).complete([request(mode="completion")])
    assert len(server.bodies) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("500", ServerBusy),
        ("503", ServerBusy),
        ("429", RateLimited),
        ("429-bare", RateLimited),
        ("reset", ConnectionLost),
        ("truncated", ConnectionLost),
        ("invalid_json", BadCompletion),
        ("wrong_shape", BadCompletion),
        ("empty", BadCompletion),
    ],
)
async def test_every_fault_is_told_apart_and_nothing_is_sent_twice(
    fault: str, kind: type[ExpertError], way: str, double: Doubles, served: Serve
) -> None:
    server = await double(answers={"42": 1}, faults={fault: 1.0})
    with pytest.raises(ExpertError) as caught:
        await served(server.base_url).complete([request(**WAYS[way])])
    assert type(caught.value) is kind, str(caught.value)
    assert server.stats.requests == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_server_that_is_not_there_is_no_connection(way: str, served: Serve) -> None:
    with pytest.raises(ConnectionFailed, match="is the server running") as caught:
        await served(unused_url()).complete([request(**WAYS[way])])
    assert caught.value.refunded
    assert "0x" not in str(caught.value)


async def test_a_server_that_hangs_up_is_a_lost_connection(served: Serve) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionLost):
            await served(f"http://127.0.0.1:{port}/v1").complete([request()])


async def test_a_body_with_an_error_and_status_200_is_told_by_its_code(canned: Cans, served: Serve) -> None:
    server = await canned(200, {"error": {"message": "Provider overloaded", "code": 503}})
    with pytest.raises(ServerBusy, match="Provider overloaded"):
        await served(server.base_url).complete([request()])


@pytest.mark.parametrize("way", WAYS)
async def test_redirects_are_not_followed(way: str, canned: Cans, served: Serve) -> None:
    elsewhere = await canned(200, completion({"content": "stolen"}))
    server = await canned(307, "", {"location": f"{elsewhere.base_url}/chat/completions"})
    with pytest.raises(ExpertLost, match=r"redirects to http://127\.0\.0\.1") as caught:
        await served(server.base_url).complete([request(**WAYS[way])])
    assert elsewhere.bodies == []
    assert not caught.value.retried


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"Retry-After": formatdate(2_000_000_000, usegmt=True)}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
async def test_the_servers_wish_to_wait_is_kept(
    headers: Mapping[str, str], seconds: float | None, way: str, canned: Cans, served: Serve
) -> None:
    server = await canned(429, said("Slow down."), headers)
    with pytest.raises(RateLimited) as caught:
        await served(server.base_url).complete([request(**WAYS[way])])
    if "Retry-After" in headers:
        assert caught.value.retry_after is not None
        assert caught.value.retry_after > 1000
    else:
        assert caught.value.retry_after == seconds


def test_pauses_are_read_in_every_dialect() -> None:
    now = 1_700_000_000.0
    assert pause({"retry-after-ms": "250"}, now) == 0.25
    assert pause({"retry-after": " 3 "}, now) == 3.0
    assert pause({"retry-after": formatdate(now + 90, usegmt=True)}, now) == pytest.approx(90, abs=1)
    assert pause({"retry-after": formatdate(now - 90, usegmt=True)}, now) == 0.0
    ahead = {"retry-after": formatdate(now + 3605, usegmt=True), "date": formatdate(now + 3600, usegmt=True)}
    assert pause(ahead, now) == 5.0, "the server's clock is an hour ahead"
    assert pause({"retry-after": "-4"}, now) == 0.0
    assert pause({"retry-after": ""}, now) is None
    assert pause({"retry-after-ms": "many", "retry-after": "1"}, now) == 1.0


@pytest.mark.parametrize("way", WAYS)
async def test_a_refused_key_is_never_repeated(
    way: str, double: Doubles, served: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await double(api_key="the-right-one", echo_key=True)
    monkeypatch.setenv("MY_KEY", "tok_4f9d2e7a81")
    backend = served(server.base_url, key_env="MY_KEY")
    with pytest.raises(WrongKey, match="check the key in MY_KEY") as caught:
        await backend.complete([request(**WAYS[way])])
    assert "tok_4f9d2e7a81" not in str(caught.value)
    assert "***" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("litellm.BadRequestError: OpenAIException - It is odd.", "It is odd."),
        ("litellm.RateLimitError: RateLimitError: Hosted_vllmException - Slow down.", "Slow down."),
        ("two\nlines  and\tblanks", "two lines and blanks"),
        ("key sk-proj-abcdef123456 refused", "key *** refused"),
        ("header Bearer abcdefgh", "header Bearer ***"),
        ("at http://me:pass@host/v1?api_key=abc", "at http://***@host/v1?api_key=***"),
        ("my secret token", "my *** token"),
    ],
)
def test_messages_are_one_line_without_secrets(message: str, line: str) -> None:
    assert one_line(message, ["secret"]) == line


def test_messages_are_short_and_keep_their_advice() -> None:
    line = one_line("x" * 5000, advice="; check the key")
    assert len(line) == 300
    assert line.endswith("…; check the key")
    assert one_line("short", advice="; do it") == "short; do it"
    assert one_line("A sentence.", advice="; do it") == "A sentence; do it"


PAGE = (
    "<!DOCTYPE html>\n<html><head><title>{0}</title><style>h1 {{ color: red }}</style></head>"
    "<body><h1>{0}</h1></body></html>"
)


async def test_a_web_page_in_the_place_of_an_answer_says_where_to_look(canned: Cans, served: Serve) -> None:
    server = await canned(200, PAGE.format("Welcome &amp; hello"))
    told = r"answers with a web page \(Welcome & hello\), not with JSON; is api_base right\?"
    with pytest.raises(ExpertLost, match=told):
        await served(server.base_url).complete([request()])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("content", ["text/html; charset=utf-8", "application/json"])
async def test_where_nobody_ever_answered_a_web_page_ends_the_expert(
    content: str, way: str, canned: Cans, served: Serve
) -> None:
    server = await canned(200, PAGE.format("Grüezi"), {"content-type": content})
    with pytest.raises(ExpertLost, match=r"web page \(Grüezi\)") as caught:
        await served(server.base_url).complete([request(**WAYS[way])])
    assert (caught.value.refunded, caught.value.retried, len(server.bodies)) == (True, False, 1)


async def test_of_an_expert_that_has_answered_a_web_page_is_tried_again(canned: Cans, served: Serve) -> None:
    server = await canned(200, completion({"content": "42"}))
    backend = served(server.base_url)
    await backend.complete([request()])
    server.body, server.headers = PAGE.format("Back in a minute"), {"content-type": "text/html"}
    with pytest.raises(WebPage, match="Back in a minute") as caught:
        await backend.complete([request(sample=1)])
    assert (caught.value.refunded, caught.value.retried) == (False, True)


@pytest.mark.parametrize("model", ["openai/m", "ollama_chat/m"])
async def test_a_web_page_is_told_where_pieces_were_asked_for(model: str, canned: Cans, served: Serve) -> None:
    server = await canned(200, PAGE.format("Hello"), {"content-type": "text/html"})
    with pytest.raises(ExpertLost, match=r"web page \(Hello\)"):
        await served(server.base_url, model=model).complete_shared([request()], (), lambda: None)
    assert len(server.bodies) == 1


async def test_a_wrong_address_costs_one_request_and_no_money(
    canned: Cans, client: str, litellm_is_there: None
) -> None:
    server = await canned(200, PAGE.format("Hello"), {"content-type": "text/html"})
    expert = Expert(id="e", model="openai/m", client=client, api_base=server.base_url, price=Price(1.0, 1.0))
    scope = Scope("run", paid=True)
    async with Engine({"e": expert}, backend_of, MemoryJournal()) as engine:
        for sample in range(2):
            with pytest.raises(ExpertLost, match="is api_base right"):
                await engine.ask(request(sample=sample), Seat(scope))
    assert (scope.spent.usd, scope.reserved.usd, len(server.bodies)) == (0.0, 0.0, 1)


@pytest.mark.parametrize(
    ("message", "advised"),
    [
        (
            "maximum context length is 300 tokens. You requested 2096 (48 in the messages, 2048 in the completion).",
            True,
        ),
        ("prompt is too long: 210000 tokens > 200000 maximum", False),
    ],
    ids=["with the reply", "prompt alone"],
)
async def test_where_the_room_for_the_reply_is_what_does_not_fit_that_is_said(
    canned: Cans, served: Serve, message: str, advised: bool
) -> None:
    server = await canned(400, said(message))
    with pytest.raises(ContextTooLong) as caught:
        await served(server.base_url).complete([request()])
    assert caught.value.message.endswith("leaves the prompt more room") is advised


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PAGE.format("502 Bad Gateway"), "502 Bad Gateway"),
        ("<html><style>p { x: y }</style><p>Too\nbusy</p></html>", "502 Too busy"),
        ("upstream < 1 s", "502 upstream < 1 s"),
    ],
    ids=["titled", "untitled", "text"],
)
async def test_of_a_page_with_an_error_its_title_is_told(canned: Cans, served: Serve, text: str, told: str) -> None:
    server = await canned(502, text)
    with pytest.raises(ConnectionLost) as caught:
        await served(server.base_url).complete([request()])
    assert caught.value.message == told


def test_a_chain_of_causes_that_bites_its_tail_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert list(causes(first)) == [first, second]


async def test_a_long_error_page_becomes_one_short_line(canned: Cans, served: Serve) -> None:
    server = await canned(502, "<html>\n" + "<p>Bad gateway</p>\n" * 500)
    with pytest.raises(ConnectionLost) as caught:
        await served(server.base_url).complete([request()])
    assert len(caught.value.message) <= 300
    assert "\n" not in str(caught.value)
    json.dumps(str(caught.value))
