"""Answers without reasoning: a letter, and the probabilities that the model gave to all letters in its place."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.types import LETTERS, Answer, Candidate, Completion, Problem

from ._options import Order

_LEAST = 0.2
"""Share of the probability that letters must have; else the model was about to say something else."""
_LETTER = re.compile(r"\W*([A-Z])\W*")


def letter_shares(alternatives: Sequence[tuple[str, float]], options: int) -> tuple[float, ...] | None:
    """The probability of each option's letter, of all that letters have; `None` where that is too little.

    Args:
        alternatives: tokens that might have come first, with their log-probabilities.
    """
    sums = [0.0] * options
    for token, logprob in alternatives:
        match = _LETTER.fullmatch(token)
        if match and (place := LETTERS.index(match[1])) < options:
            sums[place] += math.exp(logprob)
    total = math.fsum(sums)
    return None if total < _LEAST else tuple(share / total for share in sums)


def direct_answer(problem: Problem, order: Order, reply: Completion) -> Answer:
    """The likeliest letter of a reply to the reordered question, by the letters of the question itself.

    It abstains where there are no probabilities of letters. Those that there are go with it, as the `alternatives` of
    its candidate, by the question's own letters too.
    """
    shown = letter_shares(reply.alternatives, len(order))
    if shown is None:
        return Answer(reply.text, source=reply)
    shares = sorted(((LETTERS[option], share) for option, share in zip(order, shown, strict=True)), key=_likeliest)
    letter = shares[0][0]
    known = tuple((letter, math.log(share)) for letter, share in shares if share > 0)
    text = f"{reply.text.strip()}\n\nBy its probability, and by the letters of the question, the answer is ({letter})."
    return Answer(text, letter, letter, replace(reply, alternatives=known))


def shares_of(candidate: Candidate, options: int) -> tuple[float, ...] | None:
    """The probability of each option that a direct candidate carries; `None` for one that reasoned."""
    said = candidate.text.partition("\n")[0]
    return letter_shares(candidate.alternatives, options) if _LETTER.fullmatch(said) else None


def _likeliest(share: tuple[str, float]) -> tuple[float, str]:
    return -share[1], share[0]
