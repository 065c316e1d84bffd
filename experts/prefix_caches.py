"""Which providers keep the beginnings of prompts, for whom one call should go before the others, and how."""

from __future__ import annotations

from orchestrator.types import Expert, PrefixCache

from .prices import listed

LEAST = 2048
"""Tokens of the shortest beginning for which a call goes before the others."""

_MARKED = frozenset({"anthropic", "bedrock", "bedrock_converse", "vertex_ai-anthropic_models"})
"""litellm's names of providers that keep only what is marked; litellm puts the mark where each of them wants it.

OpenAI, Azure, DeepSeek, Gemini, xAI and others keep what they are asked without a mark. Gemini knows marks too: litellm
would make a stored cache of them, which is paid by the hour, so that none is put.
"""


def prefix_cache_of(expert: Expert) -> PrefixCache | None:
    """How an expert's provider keeps the beginnings of prompts; `None` where no call should go before the others.

    By itself where reading them again is known to cost less, be the server near by: it may be a gateway to one that is
    paid. Servers that run a model themselves have no such price, and would gain nothing. vLLM has the first of several
    calls read a prompt for all that come with it, from when it plans to, and SGLang from its next step on; the slots of
    llama.cpp and Ollama share nothing with one that is at work. The others would only wait for their turn elsewhere.
    """
    if expert.prefix_cache == "off":
        return None
    cheaper = expert.price is not None and expert.price.caches
    if expert.prefix_cache == "auto" and not cheaper:
        return None
    known = listed(expert.model)
    marked = known.get("litellm_provider") in _MARKED and bool(known.get("cache_creation_input_token_cost"))
    if marked and not cheaper:
        return None  # what is written into the cache costs more, and nobody knows that it comes back
    shortest = known.get("prompt_cache_min_tokens")
    return PrefixCache(max(LEAST, int(shortest) if isinstance(shortest, int | float) else 0), marked=marked)
