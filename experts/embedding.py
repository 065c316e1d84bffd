"""Embeddings: the fields of a call that asks for them, and its answer as a completion."""

from __future__ import annotations

from typing import Any

from orchestrator.errors import BadCompletion
from orchestrator.types import Completion, Expert, Request, Response, Tokens, packed

from .fields import counted, field, needed


def texts_of(request: Request) -> dict[str, object]:
    """What is asked for: a vector of each message. A provider's own fields, such as `dimensions`, go as they are."""
    return {"input": [message.text for message in request.messages], **request.sampling.extra_body}


def vectors_of(raw: Any, expert: Expert, request: Request) -> Response:
    """The vectors of an answer as one completion, in the order of the messages; see `orchestrator.types.packed`.

    Raises:
        BadCompletion: not one vector a message, or not the shape of an answer.
    """
    try:
        rows = sorted(map(_row, needed(raw, "data")))
        if [index for index, _ in rows] != list(range(len(request.messages))):
            raise ValueError(f"{len(rows)} vectors for {len(request.messages)} texts")
        text = packed([vector for _, vector in rows])
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        why = f"{type(error).__name__}: {error}"
        raise BadCompletion(f"the body has not the shape of embeddings ({why})", expert=expert.id) from None
    told = counted(field(raw, "usage"), "prompt_tokens")
    prompt = told or -(-request.size // 4)
    bill = Tokens(prompt, usd=expert.price.of(prompt, 0) if expert.price else 0.0)
    model = str(field(raw, "model") or "")
    return Response((Completion(text, tokens=bill, model=model, expert=expert.id),), bill, counted=told > 0)


def _row(row: Any) -> tuple[int, list[float]]:
    return int(needed(row, "index")), [float(x) for x in needed(row, "embedding")]
