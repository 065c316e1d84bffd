from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrator.errors import ConfigError, UnknownName
from orchestrator.experts.network import NetworkBackend
from orchestrator.experts.routes import KEYS, check, route, split_credentials
from orchestrator.types import Expert
from tests.experts.serving import Canned, completion, request

Cans = Callable[..., Awaitable[Canned]]
Serve = Callable[..., NetworkBackend]
PROVIDERS = frozenset({"openai", "anthropic", "ollama_chat", "hosted_vllm", "openrouter"})


def expert(model: str = "openai/m", **fields: Any) -> Expert:
    return Expert("e", model, **fields)


@pytest.mark.parametrize(
    ("model", "api_base", "provider", "name", "compatible"),
    [
        ("openai/gpt-x", None, "openai", "openai/gpt-x", False),
        ("openai/m", "http://h/v1", "openai", "m", True),
        ("hosted_vllm/m", "http://h/v1", "openai", "m", True),
        ("Qwen/Qwen3-8B", "http://h/v1", "openai", "Qwen/Qwen3-8B", True),
        ("m", "http://h/v1", "openai", "m", True),
        ("ollama_chat/qwen3:8b", "http://h:11434", "ollama_chat", "ollama_chat/qwen3:8b", False),
        ("openrouter/openai/gpt-x", None, "openrouter", "openrouter/openai/gpt-x", False),
        ("gpt-4o-mini", None, "openai", "gpt-4o-mini", False),
        ("nobody-knows-this", None, None, "nobody-knows-this", False),
    ],
)
def test_a_model_and_a_base_make_a_route(
    model: str, api_base: str | None, provider: str | None, name: str, compatible: bool
) -> None:
    found = route(expert(model, api_base=api_base), PROVIDERS)
    assert (found.provider, found.model, found.compatible) == (provider, name, compatible)


def test_a_key_goes_along_only_where_it_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-theirs")
    monkeypatch.setenv("MY_KEY", "mine")
    assert route(expert(), PROVIDERS).key is None
    assert route(expert(api_base="http://h/v1"), PROVIDERS).key == "none"
    assert route(expert(api_base="http://h/v1", key_env="MY_KEY"), PROVIDERS).key == "mine"
    assert route(expert(key_env="MY_KEY"), PROVIDERS).key == "mine"


@pytest.mark.parametrize(
    "fields", [{}, {"mode": "completion"}, {"tools": ({"type": "function", "function": {"name": "f"}},)}]
)
async def test_the_providers_key_never_reaches_another_host(
    fields: dict[str, Any], canned: Cans, served: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "HOSTED_VLLM_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_ORGANIZATION"):
        monkeypatch.setenv(name, "sk-theirs-and-secret")
    body = completion({"content": "42"})
    body["choices"][0]["text"] = "42"
    server = await canned(200, body)
    await served(server.base_url).complete([request(**fields)])
    assert server.heads[0].get("authorization", "Bearer none") == "Bearer none"
    assert "sk-theirs" not in str(server.heads)


@pytest.mark.parametrize(
    "model", ["anthropic/m", "ollama_chat/m", "openrouter/m", "mistral/m", "deepinfra/m", "gemini/m"]
)
async def test_nor_does_any_other_providers(
    model: str, canned: Cans, served: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    for names in KEYS.values():
        for name in names:
            monkeypatch.setenv(name, "sk-theirs-and-secret")
    server = await canned(429, {"error": {"message": "later"}})
    with pytest.raises(Exception, match="later"):
        await served(server.base_url, model=model).complete([request()])
    assert len(server.bodies) == 1
    assert "theirs" not in str(server.heads)


async def test_a_named_key_is_sent(canned: Cans, served: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "mine")
    server = await canned(200, completion({"content": "42"}))
    await served(server.base_url, key_env="MY_KEY").complete([request()])
    assert server.heads[0]["authorization"] == "Bearer mine"


@pytest.mark.parametrize("fields", [{}, {"tools": ({"type": "function", "function": {"name": "f"}},)}])
async def test_credentials_in_the_url_become_a_header(fields: dict[str, Any], canned: Cans, served: Serve) -> None:
    server = await canned(200, completion({"content": "42"}))
    base = server.base_url.replace("http://", "http://me:p%40ss@")
    await served(base).complete([request(**fields)])
    assert server.heads[0]["authorization"] == "Basic bWU6cEBzcw=="
    assert server.heads[0]["host"].startswith("127.0.0.1")


async def test_credentials_never_reach_an_error(canned: Cans, served: Serve) -> None:
    server = await canned(401, {"error": {"message": "no me:p@sswort, no bWU6cEBzc3dvcnQ=, no hush-hush"}})
    base = server.base_url.replace("http://", "http://me:p%40sswort@")
    with pytest.raises(Exception, match="401") as caught:
        await served(base, headers={"X-Token": "hush-hush"}).complete([request()])
    assert not any(secret in str(caught.value) for secret in ("sswort", "bWU6", "hush"))


def test_an_authorization_header_of_the_users_wins() -> None:
    assert split_credentials("https://h:8/v1") == ("https://h:8/v1", None)
    assert split_credentials("https://u:p@h:8/v1") == ("https://h:8/v1", "Basic dTpw")


async def test_the_users_authorization_header_replaces_the_placeholder(canned: Cans, served: Serve) -> None:
    server = await canned(200, completion({"content": "42"}))
    await served(server.base_url, headers={"Authorization": "Token abc"}).complete([request()])
    assert server.heads[0]["authorization"] == "Token abc"


@pytest.mark.parametrize(
    "base", ["localhost:8000/v1", "ftp://host/v1", "http://", "http://host:port/v1", "http://h:99999"]
)
def test_a_base_that_is_no_url_is_said_before_the_first_call(base: str) -> None:
    with pytest.raises(ConfigError, match="is not a URL"):
        check(expert(api_base=base))


def test_a_bad_base_is_shown_without_its_password() -> None:
    with pytest.raises(ConfigError) as caught:
        check(expert(api_base="ftp://me:hush@host/v1"))
    assert "hush" not in str(caught.value)


def test_a_missing_key_is_found_before_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"no key: set OPENAI_API_KEY, .*--key-env") as caught:
        check(expert("openai/gpt-x"))
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="set ANTHROPIC_API_KEY"):
        check(expert("anthropic/claude-x"))
    with pytest.raises(ConfigError, match="set OPENAI_API_KEY"):
        check(expert("gpt-4o-mini"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    check(expert("openai/gpt-x"))


def test_a_named_variable_must_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="environment variable MY_KEY is not set"):
        check(expert(api_base="http://h/v1", key_env="MY_KEY"))
    monkeypatch.setenv("MY_KEY", "x")
    check(expert(api_base="http://h/v1", key_env="MY_KEY"))


async def test_a_named_variable_that_went_away_is_said_at_the_call(served: Serve) -> None:
    with pytest.raises(ConfigError, match="MY_KEY is not set"):
        await served("http://127.0.0.1:9/v1", key_env="MY_KEY").complete([request()])


@pytest.mark.parametrize("model", ["ollama_chat/qwen3:8b", "openai/m"])
def test_servers_of_ones_own_need_no_key(model: str) -> None:
    check(expert(model, api_base="http://127.0.0.1:1/v1"))
    check(expert("ollama/qwen3"))
    check(Expert("r", "x", client="replay"))


def test_a_provider_that_litellm_alone_knows_is_asked_of_it() -> None:
    with pytest.raises(ConfigError, match="REPLICATE"):
        check(expert("replicate/meta/llama"))


def test_a_slip_in_a_name_gets_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="did you mean 'openai'"):
        check(expert("opnai/gpt-4o"))
    with pytest.raises(UnknownName, match="did you mean 'gpt-4o"):
        check(expert("gpt4o-mini"))
    with pytest.raises(ConfigError, match="write PROVIDER/MODEL"):
        check(expert("zzzz/qqqq"))
