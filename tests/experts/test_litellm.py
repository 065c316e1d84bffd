"""What only the way through litellm has: providers that it knows, over loopback."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from orchestrator.experts.network import NetworkBackend
from tests.double import Double
from tests.experts.serving import Canned, batch, request

Doubles = Callable[..., Awaitable[Double]]
Cans = Callable[..., Awaitable[Canned]]
Serve = Callable[..., NetworkBackend]
pytestmark = pytest.mark.parametrize("client", ["litellm"])


async def test_a_provider_that_knows_no_n_is_never_asked_for_it(canned: Cans, served: Serve) -> None:
    server = await canned(429, {"error": {"message": "later", "type": "x"}})
    backend = served(server.base_url, model="anthropic/some-model")
    with pytest.raises(Exception, match="later"):
        await backend.complete(batch(0, 1, seed=None, temperature=0.5))
    assert backend.max_n == 1
    assert "n" not in server.bodies[0]
    assert server.bodies[0]["max_tokens"] == 500


async def test_a_providers_own_host_gets_the_key_of_its_variable(
    double: Doubles, served: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await double(rules={".": "sample {i}"}, api_key="sk-mine", keep_bodies=True)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    response = await served(None, model="openai/gpt-4o-mini").complete(batch(0, 1))
    assert [c.text for c in response.completions] == ["sample 0", "sample 1"]
    assert server.requests[0].body["model"] == "gpt-4o-mini"
    assert server.requests[0].body["max_tokens"] == 500


async def test_what_litellm_itself_refuses_for_a_model_is_learned_without_a_call(
    double: Doubles, served: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await double(answers={"42": 1}, rejects=["temperature", "max_tokens"], keep_bodies=True)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    response = await served(None, model="openai/gpt-5-mini").complete([request(temperature=0.7)])
    assert response.dropped == ("temperature",)
    assert server.stats.status == {"200": 1}
    assert server.requests[0].body["max_completion_tokens"] == 500
