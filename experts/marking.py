"""Marks in messages: up to where a provider is asked to keep a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.types import Mark

_KEPT = {"type": "ephemeral"}
"""For five minutes from the last time that it was read."""


def marked(messages: Sequence[dict[str, Any]], marks: Sequence[Mark]) -> list[dict[str, Any]]:
    """Messages whose texts are cut at the marks, with a `cache_control` on each piece that ends with one that is kept.

    A text is cut behind the last line break before its mark, or else the last space, where one is near; requests that
    share what is before a mark are cut at the same place.
    """
    told = list(messages)
    for number in {mark.message for mark in marks}:
        here = [mark for mark in marks if mark.message == number]
        told[number] = {**told[number], "content": _pieces(told[number]["content"], here)}
    return told


def _pieces(text: str, marks: Sequence[Mark]) -> list[dict[str, Any]]:
    pieces: list[dict[str, Any]] = []
    begin = 0
    for mark in marks:
        end = _cut(text, mark.end)
        if text[begin:end].strip():
            pieces.append({"type": "text", "text": text[begin:end]})
            begin = end
        if mark.kept and pieces:
            pieces[-1]["cache_control"] = dict(_KEPT)
    if text[begin:].strip() or not pieces:
        pieces.append({"type": "text", "text": text[begin:]})
    else:
        pieces[-1]["text"] += text[begin:]
    return pieces


def _cut(text: str, end: int) -> int:
    if end >= len(text):
        return len(text)
    near = end - end // 4
    return text.rfind("\n", near, end) + 1 or text.rfind(" ", near, end) + 1 or end
