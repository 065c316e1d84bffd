"""The paper's model that is closest to whom was asked."""

from __future__ import annotations

import pytest

from orchestrator.evals.recipe import Model
from orchestrator.evals.recipe_models import closest, is_model, plain_name

MINI = Model(name="GPT-4o-mini", ids=("openai/gpt-4o-mini-2024-07-18",))
FOUR = Model(name="GPT-4", ids=("openai/gpt-4-0613",), retired="2026", successors=("openai/gpt-5.4",))
CLAUDE = Model(name="Claude 3.5 Sonnet", ids=("anthropic/claude-3-5-sonnet-20240620",))
MODELS = (FOUR, MINI, CLAUDE)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("openai/gpt-4o-mini", MINI),
        ("azure/gpt-4o-mini-2024-07-18", MINI),
        ("openai/gpt-4-0314", FOUR),
        ("openai/gpt-5.4-2026-03-05", FOUR),
        ("anthropic/claude-sonnet-4-6", CLAUDE),
        ("sim:ada", FOUR),
    ],
)
def test_the_closest_is_the_model_then_its_heir_then_its_kin_then_the_first(asked: str, expected: Model) -> None:
    assert closest(MODELS, [asked]) is expected


def test_a_model_is_asked_whoever_serves_it_and_of_whatever_date() -> None:
    assert is_model(MINI, ["azure/gpt-4o-mini"])
    assert not is_model(MINI, ["openai/gpt-4o"])
    assert not is_model(MINI, ["openai/gpt-4o-mini", "openai/gpt-4o"])
    assert not is_model(Model(name="PaLM", retired="2025", successors=("x/y",)), [])


def test_models_that_were_asked_together_are_so_again() -> None:
    pool = Model(name="two", ids=("a/x", "b/y"))
    assert is_model(pool, ["c/y", "c/x"])
    assert not is_model(pool, ["c/x"])


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("openai/gpt-4o-2024-08-06", "gpt4o"),
        ("gpt-4-0613", "gpt4"),
        ("claude-3-5-sonnet-20240620", "claude35sonnet"),
        ("anthropic/claude-sonnet-latest", "claudesonnet"),
        ("deepinfra/openai/gpt-oss-120b", "gptoss120b"),
        ("ollama_chat/qwen3:8b", "qwen38b"),
    ],
)
def test_a_plain_name_has_no_provider_and_no_date(name: str, plain: str) -> None:
    assert plain_name(name) == plain
