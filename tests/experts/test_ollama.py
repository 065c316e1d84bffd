"""Ollama in its own protocol: what it is asked, and what its answers come to."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from orchestrator.errors import (
    BadCompletion,
    BadRequest,
    ConnectionLost,
    ContextTooLong,
    ContextTruncated,
    ExpertError,
    UnknownModel,
)
from orchestrator.experts.network import NetworkBackend
from orchestrator.types import ImagePart, Message, TextPart, ToolCall
from tests.experts.serving import Canned, batch, request

Cans = Callable[..., Awaitable[Canned]]
Serve = Callable[..., NetworkBackend]
pytestmark = pytest.mark.parametrize("client", ["direct"])

MODEL = "ollama_chat/qwen3:8b"
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
TOP = [{"token": "4", "logprob": -0.1}, {"token": "5", "logprob": -2.5}]


def answer(content: str = "42", *, prompt: int = 20, reply: int = 10, **fields: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **fields.pop("message", {})}
    return {
        "model": "qwen3:8b",
        "created_at": "2025-01-01T00:00:00Z",
        "message": message,
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": prompt,
        "eval_count": reply,
        **fields,
    }


@pytest.fixture
def ollama(canned: Cans, served: Serve) -> Callable[..., Awaitable[tuple[Canned, NetworkBackend]]]:
    async def start(body: Any, status: int = 200, **fields: Any) -> tuple[Canned, NetworkBackend]:
        server = await canned(status, body)
        return server, served(server.base_url.removesuffix("/v1"), **{"model": MODEL, **fields})

    return start


Ollama = Callable[..., Awaitable[tuple[Canned, NetworkBackend]]]


async def test_an_answer_in_pieces_is_read_as_the_same_one_in_one(ollama: Ollama) -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 20, "eval_count": 10}
    near = [{"token": "42", "logprob": -0.1, "top_logprobs": TOP}]
    server, backend = await ollama(
        answer("It is 42", message={"thinking": "6 x 7", "tool_calls": [call, call]}, logprobs=near)
    )
    whole = await backend.complete([request(tools=(TOOL,))])
    messages = [{"thinking": "6 x"}, {"thinking": " 7"}, {"content": "It is"}, {"content": " 42"}]
    pieces: list[dict[str, Any]] = [{"message": {"role": "assistant", **said}, "done": False} for said in messages]
    pieces += [{"message": {"content": "", "tool_calls": [call]}, "done": False}] * 2
    pieces += [{"message": {"content": ""}, "logprobs": near, "done": False}, {"message": {"content": ""}, **end}]
    server.body = "".join(json.dumps({"model": "qwen3:8b", **piece}) + "\n" for piece in pieces)
    server.headers, told = {"content-type": "application/x-ndjson"}, list[int]()
    assert await backend.complete_shared([request(tools=(TOOL,))], (), lambda: told.append(1)) == whole
    assert ([body["stream"] for body in server.bodies], told) == ([False, True], [1])


async def test_a_text_that_goes_on_in_pieces_too(ollama: Ollama) -> None:
    lines = [{"response": "upon"}, {"response": " a time"}, {"response": "", "done": True, "eval_count": 3}]
    server, backend = await ollama("\n".join(json.dumps({"model": "m", **line}) for line in lines))
    server.headers = {"content-type": "application/x-ndjson"}
    (reply,) = (await backend.complete_shared([request("Once", mode="completion")], (), lambda: None)).completions
    assert (reply.text, server.paths) == ("upon a time", ["/api/generate"])


@pytest.mark.parametrize(
    ("last", "error"),
    [
        ("", ConnectionLost),
        ('{"message": {"content": " a ti', ConnectionLost),
        ('{"error": "the runner has died"}\n', BadCompletion),
        ("<html>\n", BadCompletion),
    ],
    ids=["cut", "cut inside", "error", "nonsense"],
)
async def test_pieces_that_break_off_are_no_answer(ollama: Ollama, last: str, error: type[ExpertError]) -> None:
    begun = json.dumps({"message": {"content": "It is"}, "done": False})
    server, backend = await ollama(f"{begun}\n{last}")
    server.headers = {"content-type": "application/x-ndjson"}
    with pytest.raises(error):
        await backend.complete_shared([request()], (), lambda: None)


async def test_settings_go_where_ollama_looks_for_them(ollama: Ollama) -> None:
    server, backend = await ollama(answer(), context=8192)
    schema = {"type": "object"}
    asked = request(
        temperature=0.5, top_p=0.9, stop=("END",), seed=3, reasoning_effort="high", top_logprobs=2,
        extra_body={"top_k": 5, "keep_alive": "1h"},
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    )  # fmt: skip
    response = await backend.complete([asked])
    (body,) = server.bodies
    seed = body["options"].pop("seed")
    assert isinstance(seed, int)
    assert body == {
        "model": "qwen3:8b",
        "stream": False,
        "truncate": False,
        "shift": False,
        "think": "high",
        "format": schema,
        "logprobs": True,
        "top_logprobs": 2,
        "keep_alive": "1h",
        "options": {
            "temperature": 0.5, "top_p": 0.9, "stop": ["END"], "num_predict": 500, "num_ctx": 8192, "top_k": 5,
        },
        "messages": [{"role": "user", "content": "What is 6 x 7?"}],
    }  # fmt: skip
    assert server.paths == ["/api/chat"]
    assert response.dropped == ()


async def test_an_answer_comes_back_with_its_tokens_thoughts_and_log_probabilities(ollama: Ollama) -> None:
    told = [{"token": "42", "logprob": -0.1, "top_logprobs": TOP}]
    _, backend = await ollama(answer(message={"thinking": "6 x 7 is 42."}, logprobs=told))
    response = await backend.complete([request(top_logprobs=2)])
    (reply,) = response.completions
    assert (reply.text, reply.reasoning, reply.finish, reply.model) == ("42", "6 x 7 is 42.", "stop", "qwen3:8b")
    assert (reply.tokens.prompt, reply.tokens.completion, response.counted) == (20, 10, True)
    assert (reply.logprobs, reply.confidences) == ((-0.1,), (1.3,))
    assert reply.alternatives == (("4", -0.1), ("5", -2.5))


async def test_samples_are_asked_for_one_by_one(ollama: Ollama) -> None:
    server, backend = await ollama(answer())
    assert backend.max_n == 1, "known before the first call"
    first = await backend.complete(batch(0, 1, 2))
    assert len(first.completions) == backend.max_n == 1
    assert "n" not in server.bodies[0]


async def test_the_window_that_the_user_names_for_a_call_wins(ollama: Ollama) -> None:
    server, backend = await ollama(answer(), context=8192)
    await backend.complete([request(extra_body={"num_ctx": 4096})])
    await backend.complete([request(extra_body={"options": {"num_ctx": 2048}})])
    assert [body["options"]["num_ctx"] for body in server.bodies] == [4096, 2048]


@pytest.mark.parametrize(
    ("fields", "context", "said"),
    [
        ({"prompt": 30, "reply": 70}, 100, "context window of 100 tokens"),
        ({"prompt": 30, "reply": 70, "done_reason": "length"}, 100, "context window of 100 tokens"),
        ({"prompt": 90, "reply": 70}, 100, "context window of 100 tokens"),
        ({"prompt": 30, "reply": 70, "done_reason": "length"}, None, "the server's context window"),
    ],
    ids=["full", "full and cut", "overrun", "below the cap"],
)
async def test_a_window_that_was_filled_is_an_error_that_says_what_to_do(
    fields: Mapping[str, Any], context: int | None, said: str, ollama: Ollama
) -> None:
    _, backend = await ollama(answer(**fields), context=context)
    with pytest.raises(ContextTruncated, match=f"{said}.*set a larger `context`") as caught:
        await backend.complete([request(max_tokens=500)])
    assert not caught.value.retried
    assert not caught.value.refunded


async def test_a_reply_that_met_its_cap_is_one(ollama: Ollama) -> None:
    _, backend = await ollama(answer(prompt=30, reply=70, done_reason="length"), context=1000)
    (reply,) = (await backend.complete([request(max_tokens=70)])).completions
    assert reply.finish == "length"


async def test_a_prompt_that_is_too_long_is_told_by_the_servers_words(ollama: Ollama) -> None:
    _, backend = await ollama({"error": "the input length exceeds the context length"}, 400)
    with pytest.raises(ContextTooLong):
        await backend.complete([request()])


async def test_tools_and_their_calls_go_there_and_come_back(ollama: Ollama) -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    server, backend = await ollama(answer("", message={"tool_calls": [call]}))
    talk = (
        Message("user", "Use f."),
        Message("assistant", "", tool_calls=(ToolCall("c1", "f", '{"a": 0}'),)),
        Message("tool", "0", tool_call_id="c1"),
    )
    (reply,) = (await backend.complete([request(messages=talk, tools=(TOOL,))])).completions
    assert (reply.finish, reply.tool_calls) == ("tool_calls", (ToolCall("call_0", "f", '{"a": 1}'),))
    assert server.bodies[0]["tools"] == [TOOL]
    assert server.bodies[0]["messages"][1:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"a": 0}}}],
        },
        {"role": "tool", "content": "0", "tool_call_id": "c1"},
    ]
    wrong = (*talk[:1], Message("assistant", "", tool_calls=(ToolCall("c1", "f", "nothing"),)))
    with pytest.raises(BadRequest, match="those of f are none"):
        await backend.complete([request(messages=wrong)])


async def test_images_go_as_data(ollama: Ollama) -> None:
    server, backend = await ollama(answer("A cat."))
    seen = Message("user", (TextPart("What is this?"), ImagePart("data:image/png;base64,QUJD")))
    await backend.complete([request(messages=(seen,))])
    assert server.bodies[0]["messages"] == [{"role": "user", "content": "What is this?", "images": ["QUJD"]}]
    far = Message("user", (TextPart("What is this?"), ImagePart("http://host/cat.png")))
    with pytest.raises(BadRequest, match="not as addresses"):
        await backend.complete([request(messages=(far,))])


@pytest.mark.parametrize(
    ("effort", "think"), [("none", False), ("minimal", "low"), ("medium", "medium"), ("xhigh", "high"), ("on", True)]
)
async def test_effort_is_told_in_ollamas_words(effort: str, think: bool | str, ollama: Ollama) -> None:
    server, backend = await ollama(answer())
    await backend.complete([request(reasoning_effort=effort)])
    assert server.bodies[0]["think"] == think


async def test_a_model_that_does_not_think_is_asked_without(ollama: Ollama) -> None:
    server, backend = await ollama({"error": '"qwen3:8b" does not support thinking'}, 400)
    with pytest.raises(BadRequest):
        await backend.complete([request(reasoning_effort="low")])
    assert ["think" in body for body in server.bodies] == [True, False]
    server.status, server.body = 200, '{"message": {"content": "42"}, "done": true}'
    assert (await backend.complete([request(reasoning_effort="low")])).dropped == ("reasoning_effort",)


async def test_a_model_that_only_knows_whether_to_think_is_asked_to(ollama: Ollama) -> None:
    server, backend = await ollama({"error": 'think value "low" is not supported for this model'}, 400)
    with pytest.raises(BadRequest):
        await backend.complete([request(reasoning_effort="low")])
    assert [body.get("think") for body in server.bodies] == ["low", True, None]


async def test_a_base_model_gets_a_plain_prompt(ollama: Ollama) -> None:
    body = {"model": "m", "response": "upon a time", "done": True, "done_reason": "stop", "eval_count": 3}
    server, backend = await ollama(body)
    (reply,) = (await backend.complete([request("Once", mode="completion")])).completions
    assert (reply.text, server.paths) == ("upon a time", ["/api/generate"])
    assert (server.bodies[0]["prompt"], server.bodies[0]["raw"]) == ("Once", True)


async def test_a_model_that_is_not_pulled_is_unknown(ollama: Ollama) -> None:
    _, backend = await ollama({"error": "model 'qwen3:8b' not found"}, 404)
    with pytest.raises(UnknownModel, match=r"model 'qwen3:8b' not found"):
        await backend.complete([request()])


ODD = [None, True, -1, 1.5, "", "x", [], {}, [None], [{}]]


@pytest.mark.parametrize("place", ["message", "done_reason", "eval_count", "prompt_eval_count", "logprobs", "model"])
async def test_an_odd_body_is_a_reply_or_a_bad_completion(place: str, ollama: Ollama) -> None:
    server, backend = await ollama("")
    for odd in ODD:
        await _whole_or_bad(server, backend, {**answer(), place: odd})
        await _whole_or_bad(server, backend, odd)


@pytest.mark.parametrize("place", ["content", "thinking", "tool_calls"])
async def test_an_odd_message_is_a_reply_or_a_bad_completion(place: str, ollama: Ollama) -> None:
    server, backend = await ollama("")
    for odd in [*ODD, [{"function": None}], [{"function": {"name": 1}}]]:
        await _whole_or_bad(server, backend, answer(message={place: odd}))


async def _whole_or_bad(server: Canned, backend: NetworkBackend, body: Any) -> None:
    server.body = json.dumps(body)
    try:
        (reply,) = (await backend.complete([request(max_tokens=10)])).completions
    except BadCompletion:
        return
    assert isinstance(reply.text, str)
    assert all(isinstance(part, str) for call in reply.tool_calls for part in (call.id, call.name, call.arguments))
