"""What is in Anthropic's message batches is what litellm sends one by one, and answers are read as those are."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrator.errors import ContentFiltered, ExpertError
from orchestrator.experts.litellm import LiteLLMBackend
from orchestrator.types import ImagePart, Message, TextPart, ToolCall
from tests.experts.batch_anthropic import NEW, OLD, expert, request, served
from tests.experts.batch_calls import TOKEN, results, sent
from tests.experts.serving import Canned

TOOL = {
    "type": "function",
    "function": {
        "name": "look.up",
        "description": "Looks a word up.",
        "parameters": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
    },
}
FORM = {
    "type": "json_schema",
    "json_schema": {
        "name": "reply",
        "schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
        "strict": True,
    },
}
TALK = (
    Message("system", "Be brief."),
    Message("user", "Look up 'owl'."),
    Message("assistant", "", tool_calls=(ToolCall("call_1", "look.up", '{"word": "owl"}'),)),
    Message("tool", "A bird.", tool_call_id="call_1"),
)
IMAGE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Erk"
    "Jggg=="
)
REQUESTS = {
    "plain": request(),
    "sampled": request(temperature=0.3, top_p=0.9, stop=("END", "STOP")),
    "system": request(messages=(Message("system", "Be brief."), Message("user", "Hm?"))),
    "prefilled": request(messages=(Message("user", "Go on."), Message("assistant", "Once upon"))),
    "tools": request(messages=TALK, tools=(TOOL,)),
    "json by a tool": request(response_format=FORM),
    "json": request(model=NEW, response_format=FORM),
    "thinking": request(model=NEW, reasoning_effort="low", max_tokens=4000),
    "image": request(messages=(Message("user", (TextPart("What is this?"), ImagePart(IMAGE))),)),
    "own fields": request(extra_body={"top_k": 3}),
    "seed": request(seed=5),
}


@pytest.mark.parametrize("name", list(REQUESTS))
async def test_a_request_is_in_a_batch_as_it_would_be_sent_at_once(name: str) -> None:
    asked = REQUESTS[name]
    async with served(asked.model, keep_bodies=True) as (double, batches):
        live = LiteLLMBackend(expert(double.base_url, asked.model))
        await live.complete([asked])
        await live.aclose()
        await sent(batches, [asked])
        assert double.message_desk is not None
        (batch,) = double.message_desk.made
    (at_once,) = double.requests
    assert batch.requests == [{"custom_id": TOKEN + asked.key.hex(), "params": at_once.body}]
    assert batch.betas == at_once.headers.get("anthropic-beta", "")


SAID: dict[str, tuple[str, list[dict[str, Any]], str]] = {
    "text": ("plain", [{"type": "text", "text": "42"}], "end_turn"),
    "cut": ("plain", [{"type": "text", "text": "4"}], "max_tokens"),
    "stopped": ("sampled", [{"type": "text", "text": "so "}], "stop_sequence"),
    "prefilled": ("prefilled", [{"type": "text", "text": " a time"}], "end_turn"),
    "thoughts": (
        "thinking",
        [{"type": "thinking", "thinking": "6 x 7", "signature": "c2ln"}, {"type": "text", "text": "42"}],
        "end_turn",
    ),
    "hidden thoughts": (
        "thinking",
        [{"type": "redacted_thinking", "data": "c2ln"}, {"type": "text", "text": "42"}],
        "end_turn",
    ),
    "a tool": (
        "tools",
        [
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {"word": "owl"}},
        ],
        "tool_use",
    ),
    "json by a tool": (
        "json by a tool",
        [{"type": "tool_use", "id": "toolu_1", "name": "json_tool_call", "input": {"a": 42}}],
        "tool_use",
    ),
    "json": ("json", [{"type": "text", "text": '{"a": 42}'}], "end_turn"),
    "a refusal": ("plain", [], "refusal"),
    "half a refusal": ("plain", [{"type": "text", "text": "I"}], "refusal"),
    "nothing": ("plain", [], "end_turn"),
    "the window is full": ("plain", [{"type": "text", "text": "4"}], "model_context_window_exceeded"),
}
USAGE = {
    "input_tokens": 50,
    "output_tokens": 20,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 0},
    "service_tier": "batch",
}


def message(model: str, content: list[dict[str, Any]], stop: str) -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": model.partition("/")[2], "content": content,
        "stop_reason": stop, "stop_sequence": None, "usage": USAGE,
    }  # fmt: skip


@pytest.mark.parametrize("name", list(SAID))
async def test_an_answer_is_read_as_that_of_a_call_at_once(name: str, canned: Callable[..., Awaitable[Canned]]) -> None:
    """Texts, thoughts, tool calls, cached tokens, how it ended, and faults: all of the response is the same."""
    kind, content, stop = SAID[name]
    asked = REQUESTS[kind]
    said = message(asked.model, content, stop)
    server = await canned(200, json.dumps(said))
    live = LiteLLMBackend(expert(server.base_url, asked.model))
    try:
        at_once: Any = await live.complete([asked])
    except ExpertError as error:
        at_once = error
    await live.aclose()
    async with served(asked.model) as (double, batches):
        id_ = await sent(batches, [asked])
        assert double.message_desk is not None
        batch = double.message_desk.made[0]
        await batches.look(id_)
        batch.results[:] = [{**batch.results[0], "result": {"type": "succeeded", "message": said}}]
        result = (await results(batches, id_, [asked]))[asked.key]
    if isinstance(at_once, ExpertError):
        assert (type(result.error), str(result.error)) == (type(at_once), str(at_once))
        assert result.bill.completion == USAGE["output_tokens"]  # it was generated, and is billed
    else:
        assert result.response == at_once
        assert result.bill == at_once.bill


async def test_what_an_earlier_process_asked_in_json_is_read_without_its_request() -> None:
    """A model that is made to answer in JSON by a tool has no text; whoever asks later must find one."""
    asked = REQUESTS["json by a tool"]
    said = message(OLD, SAID["json by a tool"][1], "tool_use")
    async with served() as (double, batches):
        id_ = await sent(batches, [asked])
        assert double.message_desk is not None
        standing = await batches.look(id_)
        batch = double.message_desk.made[0]
        batch.results[:] = [{**batch.results[0], "result": {"type": "succeeded", "message": said}}]
        (result,) = await batches.results(standing, {})
    assert result.response is not None
    assert json.loads(result.response.completions[0].text) == {"a": 42}
    assert result.response.completions[0].tool_calls == ()


async def test_a_refusal_is_withheld_and_billed() -> None:
    asked = request()
    async with served() as (double, batches):
        id_ = await sent(batches, [asked])
        await batches.look(id_)
        assert double.message_desk is not None
        batch = double.message_desk.made[0]
        said = message(OLD, [], "refusal")
        batch.results[:] = [{**batch.results[0], "result": {"type": "succeeded", "message": said}}]
        result = (await results(batches, id_, [asked]))[asked.key]
    assert isinstance(result.error, ContentFiltered)
    assert result.bill.completion == USAGE["output_tokens"]


async def test_what_was_cached_of_a_withheld_answer_is_billed_as_of_any_other() -> None:
    asked = [request("Yes?"), request("No?")]
    cached = {**USAGE, "cache_read_input_tokens": 9000, "cache_creation_input_tokens": 700}
    async with served() as (double, batches):
        id_ = await sent(batches, asked)
        await batches.look(id_)
        assert double.message_desk is not None
        batch = double.message_desk.made[0]
        bodies = [message(OLD, [{"type": "text", "text": "42"}], "end_turn"), message(OLD, [], "refusal")]
        for line, body in zip(batch.results, bodies, strict=True):
            line["result"] = {"type": "succeeded", "message": {**body, "usage": cached}}
        good, withheld = (await results(batches, id_, asked)).values()
    assert {type(good.error), type(withheld.error)} == {type(None), ContentFiltered}
    assert good.bill == withheld.bill
