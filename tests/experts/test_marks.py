"""Calls that begin as others do: marked where the provider keeps only what is marked."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrator.errors import BadRequest
from orchestrator.experts.network import NetworkBackend
from orchestrator.types import Mark, Message, Price, Sampling
from tests.double import Double
from tests.experts.serving import Canned, request

Doubles = Callable[..., Awaitable[Double]]
Cans = Callable[..., Awaitable[Canned]]
Serve = Callable[..., NetworkBackend]

TALK = (Message("system", "Be brief.\nBe right."), Message("user", "One line.\nAnother line\nand the question?"))


@pytest.mark.parametrize("client", ["direct"])
async def test_marks_cut_a_text_at_the_end_of_a_line_and_change_no_word(double: Doubles, served: Serve) -> None:
    server = await double(keep_bodies=True)
    backend, asked = served(server.base_url), [request(messages=TALK, sampling=Sampling(max_tokens=50))]
    plain = await backend.complete(asked)
    marks = (Mark(0, 19), Mark(1, 12, kept=False), Mark(1, 26))
    assert (await backend.complete_shared(asked, marks)).completions[0].text == plain.completions[0].text
    kept = {"type": "ephemeral"}
    assert server.requests[-1].body["messages"] == [
        {"role": "system", "content": [{"type": "text", "text": "Be brief.\nBe right.", "cache_control": kept}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "One line.\n"},
                {"type": "text", "text": "Another line\n", "cache_control": kept},
                {"type": "text", "text": "and the question?"},
            ],
        },
    ]


@pytest.mark.parametrize("client", ["litellm"])
async def test_litellm_hands_marks_on_in_anthropics_form_and_reads_what_was_cached(
    canned: Cans, served: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_KEY", "key-of-a-test")
    usage = {"input_tokens": 10, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 60, "output_tokens": 5}
    body = {
        "id": "m", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "42"}], "usage": usage,
    }  # fmt: skip
    server = await canned(200, body)
    backend = served(server.base_url.removesuffix("/v1"), model="anthropic/claude-sonnet-4-5", key_env="ANTHROPIC_KEY")
    response = await backend.complete_shared([request(messages=TALK)], (Mark(0, 19), Mark(1, 26)))
    sent = server.bodies[0]
    assert [block.get("cache_control") for block in sent["system"]] == [{"type": "ephemeral"}]
    assert [block.get("cache_control") for block in sent["messages"][0]["content"]] == [{"type": "ephemeral"}, None]
    assert (response.bill.prompt, response.bill.cached_prompt, response.bill.written_prompt) == (100, 60, 30)


async def test_where_system_messages_are_not_taken_nothing_is_marked(double: Doubles, served: Serve) -> None:
    server = await double(rejects=["system"], keep_bodies=True)
    await served(server.base_url).complete_shared([request(messages=TALK)], (Mark(0, 19), Mark(1, 26)))
    assert isinstance(server.requests[-1].body["messages"][0]["content"], str)
    with pytest.raises(BadRequest):
        await served((await double(rejects=["messages"], max_n=1, context=1)).base_url).complete([request()])


@pytest.mark.parametrize("client", ["litellm"])
async def test_what_anthropic_cached_is_read_of_a_streamed_answer_too(
    canned: Cans, served: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_KEY", "key-of-a-test")
    usage = {"input_tokens": 10, "cache_creation_input_tokens": 90, "cache_read_input_tokens": 0, "output_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "claude-x", "content": [], "usage": usage}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "It is 42"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {**usage, "output_tokens": 7}},
        {"type": "message_stop"},
    ]
    body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    server = await canned(200, body, {"content-type": "text/event-stream"})
    base = server.base_url.removesuffix("/v1")
    backend = served(
        base, model="anthropic/claude-sonnet-4-5", key_env="ANTHROPIC_KEY", price=Price(3e-6, 15e-6, 0.3e-6, 3.75e-6)
    )
    response = await backend.complete_shared([request(messages=TALK)], (Mark(1, 26),), lambda: None)
    assert server.bodies[0]["stream"] is True
    assert response.completions[0].text == "It is 42"
    bill = response.bill
    assert (bill.prompt, bill.completion, bill.cached_prompt, bill.written_prompt) == (100, 7, 0, 90)
    assert bill.usd == pytest.approx(10 * 3e-6 + 90 * 3.75e-6 + 7 * 15e-6)
