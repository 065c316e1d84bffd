"""Token log-probabilities in what servers return: how sure a model was, and what else it might have said."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from .fields import field, needed

Alternatives: TypeAlias = tuple[tuple[str, float], ...]
"""Tokens that might have stood at a place, with their log-probabilities, the likeliest first."""

_UNLIKELY = -100.0
"""Servers write -9999 or minus infinity for what is too unlikely to tell."""
_DIGITS, _KEPT = 3, 6
"""Decimals of confidences and of log-probabilities: a journal keeps a number of both for each token."""


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """What the log-probabilities of one choice come to."""

    logprobs: tuple[float, ...] = ()
    """Of the tokens that were sampled; six decimals."""
    confidences: tuple[float, ...] = ()
    """Of each token, minus the mean log-probability of the alternatives that came; three decimals."""
    alternatives: Alternatives = ()
    """What the first visible token might have been."""


_NONE = Likelihoods()


def likelihoods_of(raw: Any, text: str, thoughts: Sequence[str] = ()) -> Likelihoods:
    """Of a chat choice (`content`) or a text choice (`token_logprobs`); empty where they cannot be read.

    Args:
        raw: the `logprobs` of a choice.
        text: its visible text.
        thoughts: what may stand before that among the tokens: hidden reasoning, and marks of its end.
    """
    if raw is None:
        return _NONE
    try:
        tokens = list(_chat(raw) if field(raw, "content") else _plain(raw))
        # Traces are long, and most of their tokens are equally sure: equal numbers are kept once.
        same: dict[float, float] = {}
        known = [_confidence(token.others) for token in tokens if token.others]
        return Likelihoods(
            tuple(round(token.logprob, _KEPT) for token in tokens if token.logprob is not None),
            tuple(same.setdefault(confidence, confidence) for confidence in known),
            _first_visible(tokens, text, thoughts),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return Likelihoods()  # they are an extra: the text is good without them


class _Token(NamedTuple):
    text: str
    logprob: float | None
    others: Sequence[Any]
    """Log-probabilities of its alternatives, as the server wrote them: a reply has thousands."""
    alternatives: Callable[[], Alternatives]


def _chat(raw: Any) -> Iterator[_Token]:
    for token in field(raw, "content"):
        others = field(token, "top_logprobs") or ()
        spelled = field(token, "token")
        yield _Token(
            "" if spelled is None else str(spelled),
            _number(needed(token, "logprob")),
            _logprobs(others),
            partial(_of_chat, others),
        )


def _logprobs(others: Sequence[Any]) -> list[Any]:
    try:
        return [other["logprob"] for other in others]  # of twenty a token, in JSON: nothing else is as quick
    except TypeError:
        return [needed(other, "logprob") for other in others]


def _of_chat(others: Sequence[Any]) -> Alternatives:
    return _ranked([(str(needed(o, "token")), _number(needed(o, "logprob"))) for o in others])


def _plain(raw: Any) -> Iterator[_Token]:
    """A prompt's own first token has no log-probability, and no alternatives."""
    logprobs: Sequence[Any] = field(raw, "token_logprobs") or ()
    tokens: Sequence[Any] = field(raw, "tokens") or [""] * len(logprobs)
    others: Sequence[Any] = field(raw, "top_logprobs") or [None] * len(logprobs)
    for text, logprob, there in zip(tokens, logprobs, others, strict=False):
        found = there if isinstance(there, Mapping) else {}
        number = None if logprob is None else _number(logprob)
        yield _Token(str(text), number, list(found.values()), partial(_of_plain, found))


def _of_plain(others: Mapping[Any, Any]) -> Alternatives:
    return _ranked([(str(token), _number(value)) for token, value in others.items()])


def _ranked(found: Sequence[tuple[str, float]]) -> Alternatives:
    return tuple(sorted(found, key=lambda pair: -pair[1]))


def _confidence(others: Sequence[Any]) -> float:
    try:
        total = math.fsum(others)
    except (OverflowError, TypeError, ValueError):
        total = math.inf  # not what a server should write, but perhaps numbers all the same
    if not (math.isfinite(total) and min(others) >= _UNLIKELY):
        total = math.fsum(map(_number, others))
    return round(-total / len(others), _DIGITS) + 0.0  # no minus zero


def _first_visible(tokens: Sequence[_Token], text: str, thoughts: Sequence[str]) -> Alternatives:
    """The alternatives of the token that the visible text begins with: behind thoughts, and behind blanks."""
    spelled = "".join(token.text for token in tokens)
    ends = [at + len(part) for part in thoughts if part and (at := spelled.rfind(part)) >= 0]
    start = spelled.find(text.strip(), max(ends, default=0))
    told = 0
    for token in tokens:
        told += len(token.text)
        if token.text.strip() and told > start:
            return token.alternatives()
    return ()


def _number(value: object) -> float:
    number = float(value)  # type: ignore[arg-type]
    if math.isnan(number) or number == math.inf:
        raise ValueError("no log-probability")
    return max(number, _UNLIKELY)
