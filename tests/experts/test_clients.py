"""By which client an expert is asked where nobody says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.experts.channel import library
from orchestrator.experts.clients import OLLAMA, OTHERS, PREFIXES, client_of
from orchestrator.experts.direct import DirectBackend
from orchestrator.experts.litellm import LiteLLMBackend
from orchestrator.experts.pool import read_pool, to_toml
from orchestrator.serving import backend_of
from orchestrator.types import Expert

NEAR, FAR = "http://127.0.0.1:8000/v1", "https://models.example.com/v1"


@pytest.mark.parametrize(
    ("model", "api_base", "usual"),
    [
        ("openai/m", NEAR, "direct"),
        ("hosted_vllm/m", "http://10.0.0.7:8000/v1", "direct"),
        ("Qwen/Qwen3-8B", NEAR, "direct"),
        ("qwen3:8b", NEAR, "direct"),
        ("ollama_chat/qwen3:8b", None, "direct"),
        ("ollama/qwen3:8b", "https://ollama.example.com", "direct"),
        ("openai/m", FAR, "litellm"),
        ("openai/gpt-x", None, "litellm"),
        ("lm_studio/m", None, "litellm"),
        ("gpt-4o-mini", None, "litellm"),
        ("anthropic/claude-x", NEAR, "litellm"),
        ("openai/m", "http://[broken", "litellm"),
    ],
)
def test_servers_near_by_and_ollama_are_asked_directly_and_all_others_through_litellm(
    model: str, api_base: str | None, usual: str
) -> None:
    assert client_of(Expert("e", model, api_base=api_base)) == usual


@pytest.mark.parametrize("named", ["litellm", "direct", "sim"])
@pytest.mark.parametrize("base", [NEAR, FAR])
def test_a_client_that_is_named_is_the_one(named: str, base: str) -> None:
    assert client_of(Expert("e", "openai/m", client=named, api_base=base)) == named


def test_a_backend_is_the_clients() -> None:
    assert isinstance(backend_of(Expert("e", "openai/m", api_base=NEAR)), DirectBackend)
    assert isinstance(backend_of(Expert("e", "openai/m", api_base=FAR)), LiteLLMBackend)
    assert isinstance(backend_of(Expert("e", "openai/m", client="litellm", api_base=NEAR)), LiteLLMBackend)


def test_a_pool_file_names_the_client_where_it_is_not_the_usual_one(tmp_path: Path) -> None:
    usual = Expert("e", "openai/m", api_base=NEAR)
    named = Expert("e", "openai/m", client="litellm", api_base=NEAR)
    assert "client" not in to_toml(usual)
    for expert in (usual, named):
        (tmp_path / "p.toml").write_text(to_toml(expert))
        assert read_pool(tmp_path / "p.toml") == (expert,)


def test_every_provider_of_litellm_is_known_here() -> None:
    known = OTHERS | PREFIXES | OLLAMA
    assert {str(getattr(name, "value", name)) for name in library().provider_list} <= known
