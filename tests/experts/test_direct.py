"""What only the way without litellm has; what both have is in the tests that take a `client`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrator.errors import BadCompletion, BadRequest, ConfigError, ContextTruncated, RateLimited
from orchestrator.experts.hosts import near
from orchestrator.experts.network import NetworkBackend
from orchestrator.experts.routes import check, direct_route
from orchestrator.types import Expert, ImagePart, Message, TextPart
from tests.double import Double
from tests.experts.serving import Canned, batch, completion, request

Doubles = Callable[..., Awaitable[Double]]
Cans = Callable[..., Awaitable[Canned]]
Serve = Callable[..., NetworkBackend]
pytestmark = pytest.mark.parametrize("client", ["direct"])


def usage(prompt: int, reply: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": reply, "total_tokens": prompt + reply}


async def test_without_a_named_key_none_is_sent(canned: Cans, served: Serve) -> None:
    server = await canned(200, completion({"content": "42"}))
    await served(server.base_url).complete([request()])
    assert "authorization" not in server.heads[0]
    assert server.heads[0]["user-agent"] == "diverse-orchestrator"


async def test_a_header_that_cannot_be_one_is_said_in_one_line(served: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-mine\n")
    with pytest.raises(ConfigError, match="the key in MY_KEY has a line break") as caught:
        await served("http://127.0.0.1:9/v1", key_env="MY_KEY").complete([request()])
    assert "sk-mine" not in str(caught.value)
    with pytest.raises(ConfigError, match="the header 'X-Team' has a line break"):
        await served("http://127.0.0.1:9/v1", headers={"X-Team": "a\r\nb"}).complete([request()])


async def test_images_reach_the_server_whole_however_large(canned: Cans, served: Serve, recwarn: Any) -> None:
    server = await canned(200, completion({"content": "A cat."}))
    picture = ImagePart("data:image/png;base64," + "QUJD" * 500_000)
    talk = (Message("user", (TextPart("What is this?"), picture)),)
    await served(server.base_url).complete([request(messages=talk)])
    assert server.bodies[0]["messages"][0]["content"][1] == {"type": "image_url", "image_url": {"url": picture.url}}
    assert not recwarn.list


async def test_texts_that_are_no_unicode_are_sent_all_the_same(canned: Cans, served: Serve) -> None:
    server = await canned(200, completion({"content": "ä€😀"}))
    (reply,) = (await served(server.base_url).complete([request("half a pair: \ud83d, and ü")])).completions
    assert server.bodies[0]["messages"][0]["content"] == "half a pair: \ud83d, and ü"
    assert reply.text == "ä€😀"


async def test_what_is_no_json_is_a_bad_request_that_never_leaves(canned: Cans, served: Serve) -> None:
    server = await canned(200, completion({"content": "42"}))
    asked = request()
    object.__setattr__(asked.sampling, "extra_body", {"odd": {1, 2}})
    with pytest.raises(BadRequest, match="cannot be written as JSON"):
        await served(server.base_url).complete([asked])
    assert server.bodies == []


async def test_a_base_may_end_with_a_slash_or_carry_a_query(canned: Cans, served: Serve) -> None:
    server = await canned(200, completion({"content": "42"}))
    await served(f"{server.base_url}/").complete([request()])
    await served(f"{server.base_url}?version=2").complete([request()])
    assert server.paths == ["/v1/chat/completions", "/v1/chat/completions?version=2"]


@pytest.mark.parametrize("code", ["429", 429], ids=["text", "number"])
async def test_a_gateways_error_with_the_status_of_a_success_counts_as_what_it_says(
    code: Any, canned: Cans, served: Serve
) -> None:
    server = await canned(200, {"error": {"message": "Slow down.", "code": code}})
    with pytest.raises(RateLimited, match=r"429 Slow down\."):
        await served(server.base_url).complete([request()])


async def test_an_error_that_names_no_status_is_a_bad_completion_in_its_words(canned: Cans, served: Serve) -> None:
    server = await canned(200, {"error": "the model fell over"})
    with pytest.raises(BadCompletion, match="the model fell over"):
        await served(server.base_url).complete([request()])


async def test_blanks_before_a_body_keep_a_connection_alive_and_are_no_fault(canned: Cans, served: Serve) -> None:
    server = await canned(200, "\n \n" + json.dumps(completion({"content": "42"})))
    assert (await served(server.base_url).complete([request()])).completions[0].text == "42"


async def test_a_body_nested_without_end_is_a_bad_completion(canned: Cans, served: Serve) -> None:
    server = await canned(200, "[" * 100_000)
    with pytest.raises(BadCompletion, match="not JSON"):
        await served(server.base_url).complete([request()])


async def test_a_reply_that_filled_the_context_window_is_told_apart_from_one_that_met_its_cap(
    canned: Cans, served: Serve
) -> None:
    cut = {"content": "It follows that", "finish_reason": "length"}
    server = await canned(200, completion(cut, usage=usage(30, 70)))
    with pytest.raises(ContextTruncated, match=r"context window of 100 tokens .* 30 tokens of prompt and 70 of reply"):
        await served(server.base_url, context=100).complete([request(max_tokens=500)])
    (reply,) = (await served(server.base_url, context=200).complete([request(max_tokens=70)])).completions
    assert reply.finish == "length"
    (reply,) = (await served(server.base_url).complete([request(max_tokens=500)])).completions
    assert reply.finish == "length", "nothing is known of the window"


async def test_one_of_several_samples_that_fills_the_window_leaves_the_others(canned: Cans, served: Serve) -> None:
    cut = {"content": "It follows that " * 10, "finish_reason": "length"}
    server = await canned(200, completion(cut, {"content": "42"}, usage=usage(30, 72)))
    response = await served(server.base_url, context=100).complete(batch(0, 1))
    assert [reply.finish for reply in response.completions] == ["length", "stop"]


@pytest.mark.parametrize(
    ("model", "name", "compatible"),
    [
        ("openai/m", "m", True),
        ("hosted_vllm/org/m", "org/m", True),
        ("lm_studio/m", "m", True),
        ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B", True),
        ("anthropic/claude-x", "anthropic/claude-x", True),
        ("m", "m", True),
        ("ollama_chat/qwen3:8b", "qwen3:8b", False),
        ("ollama/qwen3:8b", "qwen3:8b", False),
    ],
)
def test_the_server_gets_its_own_name_of_the_model(client: str, model: str, name: str, compatible: bool) -> None:
    route = direct_route(Expert("e", model, client=client, api_base="http://h:1/v1"))
    assert (route.model, route.compatible) == (name, compatible)


@pytest.mark.parametrize(
    "base", ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/api", "http://h:1/api/chat"]
)
def test_ollama_is_found_whatever_is_copied_along(client: str, base: str) -> None:
    assert direct_route(Expert("e", "ollama_chat/m", client=client, api_base=base)).api_base == "http://h:1"


def test_ollama_is_on_this_machine_unless_the_environment_says_otherwise(
    client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expert = Expert("e", "ollama_chat/m", client=client)
    check(expert)
    assert direct_route(expert).api_base == "http://127.0.0.1:11434"
    monkeypatch.setenv("OLLAMA_API_BASE", "http://other:1")
    assert direct_route(expert).api_base == "http://other:1"


def test_a_server_that_nobody_names_is_said_before_the_first_call(client: str) -> None:
    with pytest.raises(ConfigError, match="give api_base"):
        check(Expert("e", "openai/m", client=client))
    with pytest.raises(ConfigError, match="MY_KEY is not set"):
        check(Expert("e", "openai/m", client=client, api_base="http://h/v1", key_env="MY_KEY"))
    with pytest.raises(ConfigError, match="is not a URL"):
        check(Expert("e", "openai/m", client=client, api_base="h:8000/v1"))


@pytest.mark.parametrize(
    ("url", "is_near"),
    [
        ("http://localhost:8000/v1", True),
        ("http://127.1.2.3:8000/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://10.1.2.3/v1", True),
        ("http://192.168.1.20:8000/v1", True),
        ("http://gpu.local:8000/v1", True),
        ("http://vllm:8000/v1", True),
        ("https://models.example.com/v1", False),
        ("http://8.8.8.8/v1", False),
        ("http://[2001:4860:4860::8888]/v1", False),
    ],
)
def test_what_is_near_is_this_machine_and_private_networks(client: str, url: str, is_near: bool) -> None:
    assert near(url) == is_near


async def test_a_proxy_of_the_environment_is_for_far_servers_only(
    canned: Cans, served: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = await canned(200, completion({"content": "by proxy"}))
    server = await canned(200, completion({"content": "straight"}))
    monkeypatch.setenv("http_proxy", proxy.base_url.removesuffix("/v1"))
    monkeypatch.delenv("no_proxy", raising=False)
    (reply,) = (await served(server.base_url).complete([request()])).completions
    assert reply.text == "straight"
    (reply,) = (await served("http://models.example.com/v1").complete([request()])).completions
    assert (reply.text, proxy.paths) == ("by proxy", ["http://models.example.com/v1/chat/completions"])
