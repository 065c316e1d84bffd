"""How much of a prompt a server read from its cache, or wrote into it: every maker has its own name for it."""

from __future__ import annotations

from typing import Any

from .fields import counted, field

_READ = ("cached_tokens", "cache_read_input_tokens", "cache_read_tokens")
"""OpenAI, vLLM, SGLang, llama.cpp, Gemini by litellm; Anthropic; some gateways."""
_READ_BESIDE = ("cache_read_input_tokens", "prompt_cache_hit_tokens", "cached_tokens", "cached_content_token_count")
"""Beside the details: Anthropic by litellm, DeepSeek, Moonshot, Gemini."""
_WRITTEN = ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")
_WRITTEN_BESIDE = ("cache_creation_input_tokens", "cache_write_tokens")


def cached_of(raw: Any, usage: Any, prompt: int) -> tuple[int, int, int]:
    """Tokens of the prompt, of these those read from a cache, and those written into one.

    Where these come to more than the prompt has, the server counts them beside it, as Anthropic does by itself.

    Args:
        raw: the whole answer.
        usage: its `usage`.
        prompt: tokens of the prompt, as told, or else estimated.
    """
    details = None if usage is None else field(usage, "prompt_tokens_details")
    read = _first(details, _READ) or _first(usage, _READ_BESIDE) or _reused(raw)
    written = _first(details, _WRITTEN) or _first(usage, _WRITTEN_BESIDE)
    if read + written > prompt:
        prompt = read + written + counted(usage, "prompt_tokens")
    return prompt, read, written


def _reused(raw: Any) -> int:
    """llama.cpp tells it among the times, where it is older than the field of OpenAI's."""
    return counted(field(raw, "timings"), "cache_n")


def _first(holder: Any, names: tuple[str, ...]) -> int:
    if not holder:
        return 0
    return next((found for name in names if (found := counted(holder, name))), 0)
