"""Answers that come as they are written, put together again: for the sake of their first token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orchestrator.errors import BadCompletion
from orchestrator.types import Request

_SHAPING = frozenset({"n", "logprobs", "top_logprobs", "tools", "functions", "modalities", "audio", "stream"})
"""Fields that a user may send along, and that ask for more than one text."""


def streamable(batch: Sequence[Request]) -> bool:
    """Whether nothing is lost of an answer that comes in pieces: one text, without calls of tools and probabilities."""
    first = batch[0]
    plain = first.sampling.mode == "chat" and first.sampling.top_logprobs is None
    return plain and len(batch) == 1 and not first.tools and _SHAPING.isdisjoint(first.sampling.extra_body)


async def streamed(litellm: Any, arguments: Mapping[str, Any], began: Callable[[], None], expert: str) -> Any:
    """litellm's answer to one call, as it would have come whole.

    Args:
        litellm: the library.
        arguments: of the call.
        began: called with the first token, one of hidden reasoning too.
        expert: whose it is.

    Raises:
        BadCompletion: it ended without its end.
    """
    pieces: list[Any] = []
    told = False
    options = {"stream": True, "stream_options": {"include_usage": True}}
    stream = await litellm.acompletion(**arguments, **options)
    try:
        async for piece in stream:
            if not told and any(map(_begun, piece.choices)):
                told = True
                began()
            pieces.append(piece)
    finally:
        await stream.aclose()
    if getattr(stream, "received_finish_reason", "there") is None:
        raise BadCompletion("the answer broke off", expert=expert)
    answer = litellm.stream_chunk_builder(pieces, messages=arguments["messages"])
    if not any(getattr(piece, "usage", None) for piece in getattr(stream, "chunks", pieces)):
        answer.usage = None  # the server told none: litellm has counted by itself, and says the same of it
    return answer


def _begun(choice: Any) -> bool:
    """Whether a choice has begun; litellm makes an end of nothing where the server sends no pieces."""
    return choice.finish_reason is None or bool(choice.delta.content)
