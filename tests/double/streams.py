"""Answers in pieces: the same as whole ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from .plan import Plan

_SIZE = 40
"""Characters of a piece, where no log-probabilities say what a token is."""


def streamed(plan: Plan, body: Mapping[str, Any]) -> Plan:
    """The answer of a plan in pieces, where it was asked for so; its choices take turns."""
    if not body.get("stream") or plan.status != 200 or not plan.body.get("choices"):
        return plan
    head = {key: plan.body[key] for key in ("id", "created", "model", "system_fingerprint")}
    chat = plan.body["object"] == "chat.completion"
    head["object"] = "chat.completion.chunk" if chat else "text_completion"
    told = [list(_chat(choice) if chat else _text(choice)) for choice in plan.body["choices"]]
    pieces = [{**head, "choices": [piece]} for row in zip_longest(*told) for piece in row if piece is not None]
    if (body.get("stream_options") or {}).get("include_usage"):
        pieces.append({**head, "choices": [], "usage": plan.body["usage"]})
    return replace(plan, pieces=tuple(pieces))


def _chat(choice: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    said, whole = choice["message"], {"index": choice["index"], "finish_reason": None}
    yield {**whole, "delta": {"role": "assistant", "content": ""}}
    for part in _cut(said.get("reasoning_content") or ""):
        yield {**whole, "delta": {"reasoning_content": part}}
    spelled = [token["token"] for token in (choice["logprobs"] or {}).get("content", ())]
    for part, likely in _told(said["content"], spelled, choice["logprobs"]):
        yield {**whole, "delta": {"content": part}, "logprobs": likely}
    yield {**whole, "delta": {}, "finish_reason": choice["finish_reason"]}


def _text(choice: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    whole = {"index": choice["index"], "finish_reason": None}
    for part, likely in _told(choice["text"], (choice["logprobs"] or {}).get("tokens", ()), choice["logprobs"]):
        yield {**whole, "text": part, "logprobs": likely}
    yield {**whole, "text": "", "finish_reason": choice["finish_reason"]}


def _told(text: str, tokens: Any, likely: Mapping[str, list[Any]] | None) -> Iterator[tuple[str, Any]]:
    """The parts of a text, each with the log-probabilities of its token, where these were asked for."""
    if not likely:
        yield from ((part, None) for part in _cut(text))
        return
    for i, token in enumerate(tokens):
        yield token, {name: values[i : i + 1] for name, values in likely.items()}
    if rest := text[len("".join(tokens)) :]:
        yield rest, None


def _cut(text: str) -> list[str]:
    return [text[i : i + _SIZE] for i in range(0, len(text), _SIZE)]
