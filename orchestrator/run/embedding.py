"""From texts to vectors: what embedders are asked, and how their replies are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.errors import BadCompletion
from orchestrator.types import Completion, Message, Prompt, Sampling, unpacked

from .wanted import Wanted

TEXTS_A_CALL = 32
"""Texts that one call holds at the most; no server that we know of refuses so few."""
_BYTES = 128_000
"""And their UTF-8 bytes, which bound the tokens."""


def asked(texts: Sequence[str], settings: Sampling) -> list[Wanted]:
    """The calls for some texts, in their order.

    Args:
        settings: of the embedder; only a provider's own fields have a meaning here, such as `dimensions`.
    """
    sampling = Sampling(mode="embedding", extra_body=settings.extra_body)
    return [
        # Providers refuse an empty text, and with it all others of its call.
        Wanted(Prompt(tuple(Message("user", text if text.strip() else "-") for text in chunk)), sampling, "embed")
        for chunk in _chunks(texts)
    ]


def read(asked: Sequence[Wanted], replies: Sequence[Completion]) -> list[tuple[float, ...]]:
    """The vectors of all texts.

    Raises:
        BadCompletion: a reply does not hold one vector a text, or they are of different lengths.
    """
    vectors: list[tuple[float, ...]] = []
    for wanted, reply in zip(asked, replies, strict=True):
        try:
            found = unpacked(reply.text)
        except ValueError as error:
            raise BadCompletion(f"the reply does not hold vectors: {error}", expert=reply.expert) from None
        if len(found) != len(wanted.prompt.messages) or len({len(vector) for vector in (*vectors, *found)}) > 1:
            raise BadCompletion("the replies do not hold one vector of equal length a text", expert=reply.expert)
        vectors += found
    return vectors


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for text in texts:
        bytes_ = len(text.encode("utf-8", "surrogatepass"))
        if chunk and (len(chunk) == TEXTS_A_CALL or size + bytes_ > _BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(text)
        size += bytes_
    if chunk:
        yield chunk
