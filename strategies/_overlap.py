"""How much texts have in common."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from math import fsum
from typing import TYPE_CHECKING, Literal

from orchestrator.types import Candidate

if TYPE_CHECKING:
    from orchestrator.run import Run

Utility = Literal["auto", "plain", "exact", "f1", "embedding", "execution"]
"""How alike two answers are told to be; see the aggregator `mbr`."""

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[^\w\s]|_")
_UNSAID = frozenset(("a", "an", "the", *".,;:!?\"'`*#()"))
"""Tokens that say nothing of what is meant."""
_LONGEST = 20_000
_QUICK = 100_000
"""Characters in all pairs that are compared in a few milliseconds."""


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


async def mean_overlaps(texts: Sequence[str]) -> list[float]:
    """The mean token F1 of each text with all of them, itself included."""
    if sum(min(len(text), _LONGEST) for text in texts) * len(texts) < _QUICK:
        return _mean_overlaps(texts)
    return await asyncio.to_thread(_mean_overlaps, texts)


async def mean_cosines(texts: Sequence[str], run: Run) -> list[float]:
    """The mean cosine of each text's vector with all of them, itself included; opposite ones count as 0.

    Raises:
        ConfigError: nobody has the role `embedder`.
        ExpertError: it gave no vectors.
    """
    vectors = await run.embed(texts)
    return _means([[max(0.0, fsum(x * y for x, y in zip(a, b, strict=True))) for b in vectors] for a in vectors])


def _mean_overlaps(texts: Sequence[str]) -> list[float]:
    bags = [bag(text) for text in texts]
    shared = [[1.0] * len(bags) for _ in bags]
    for i, a in enumerate(bags):
        for j in range(i):
            shared[i][j] = shared[j][i] = token_f1(a, bags[j])
    return _means(shared)


def _means(rows: Sequence[Sequence[float]]) -> list[float]:
    # Rounded, so that texts that are equally alike tie whatever the last bits say.
    return [round(min(1.0, fsum(row) / len(row)), 9) for row in rows]
