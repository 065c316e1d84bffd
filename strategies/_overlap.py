"""How much two texts have in common."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import fsum

from orchestrator.types import Candidate

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[^\w\s]|_")
_UNSAID = frozenset(("a", "an", "the", *".,;:!?\"'`*#()"))
"""Tokens that say nothing of what is meant."""
_LONGEST = 20_000


def bag(text: str) -> Counter[str]:
    """The tokens of a text with how often each stands there: words and numbers in lower case, signs that mean much."""
    counted = Counter(_TOKEN.findall(text[:_LONGEST].casefold()))
    return Counter({token: n for token, n in counted.items() if token not in _UNSAID}) or counted


def token_f1(a: Counter[str], b: Counter[str]) -> float:
    """Harmonic mean of the shares of their tokens that two bags have in common: 1 for equal ones, 0 for none."""
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else 1.0


def said(candidate: Candidate) -> str:
    """What a candidate is compared by: its answer, or the whole reply where none was read."""
    return candidate.answer or candidate.text


def mean_overlaps(texts: Sequence[str]) -> list[float]:
    """The mean token F1 of each text with all others; 1 for one that is alone."""
    bags = [bag(text) for text in texts]
    shared = [[0.0] * len(bags) for _ in bags]
    for i, a in enumerate(bags):
        for j in range(i):
            shared[i][j] = shared[j][i] = token_f1(a, bags[j])
    return [fsum(row) / (len(bags) - 1) if len(bags) > 1 else 1.0 for row in shared]
