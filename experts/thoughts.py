"""Hidden reasoning, taken apart from the text that a parser, a vote or a later prompt may see."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"<think>(.*?)</think>", re.DOTALL)
CLOSE = "</think>"
"""What ends hidden reasoning that stands in the text."""
_OPEN = "<think>"


def split_thoughts(text: str) -> tuple[str, str]:
    """The text without its `<think>` blocks, and what stood in them.

    A block that never closes lasts to the end; a close without an open ends a block that began before the text did, as
    where a chat template has already written the opening tag.
    """
    if _OPEN not in text and CLOSE not in text:
        return text, ""
    thoughts: list[str] = []
    head, close, tail = text.partition(CLOSE)
    if close and _OPEN not in head:
        thoughts.append(head)
        text = tail
    thoughts += _BLOCK.findall(text)
    text = _BLOCK.sub("", text)
    text, opened, rest = text.partition(_OPEN)
    if opened:
        thoughts.append(rest)
    return text.replace(CLOSE, "").strip(), "\n\n".join(t.strip() for t in thoughts if t.strip())
