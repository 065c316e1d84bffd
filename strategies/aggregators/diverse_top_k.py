"""Several good answers that differ."""

from __future__ import annotations

import asyncio
import math
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.types import Candidate, Choice, Estimate, Problem, Scored

from ._votes import NOTHING, Class, best_first, classes_of, score_of

if TYPE_CHECKING:
    from orchestrator.run import Run

_Vector: TypeAlias = Mapping[int, float]
_TOKEN = re.compile(r"\w+|[^\w\s]")
_LONGEST = 20_000
_PASSED = {0: "verified", 1: "cooperative"}
_QUICK = 30_000
"""Characters in all that are compared in less than a few milliseconds."""


@dataclass(frozen=True, slots=True)
class DiverseTopK:
    """Ranks the `k` best candidates with different answers, each as unlike those before it as its quality allows.

    Maximal marginal relevance (Carbonell and Goldstein, 1998): the next is the one of greatest
    `balance * quality - (1 - balance) * similarity` to the most similar one already chosen. Quality is the verifier's
    score, or the answer's share of the votes where nothing was scored; similarity is the cosine of hashed runs of
    `shingle` words of the texts. The first is the one of highest quality, and is the answer. Who passed a check comes
    before who was not checked, and who failed one after both. Ties go to lineage order.

    Raises:
        ValueError: a field is out of its range.
    """

    k: int = 5
    balance: float = 0.5
    """1: quality alone; 0: unlikeness alone, after the first."""
    shingle: int = 3

    def __post_init__(self) -> None:
        if self.k < 1 or self.shingle < 1 or not 0 <= self.balance <= 1:
            raise ValueError("k and shingle are at least 1, and balance goes from 0 to 1")

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice:
        classes = await classes_of(problem, scored)
        if not classes:
            return NOTHING
        voters = sum(len(members) for members in classes)
        judged = any(one.verdict is not None for members in classes for one in members)
        items = [_item(members, judged, voters) for members in classes]
        if sum(min(len(item.candidate.text), _LONGEST) for item in items) < _QUICK:
            ranking = self._ranked(items)
        else:
            ranking = await asyncio.to_thread(self._ranked, items)
        first = ranking[0]
        chosen_by = _PASSED.get(first.tier, "score" if judged else "vote")
        return Choice(first.candidate, min(1.0, first.quality), chosen_by, tuple(item.candidate for item in ranking))

    def _ranked(self, items: Sequence[_Item]) -> list[_Item]:
        left = sorted(items, key=lambda item: (item.tier, -item.quality))
        vectors = {item.candidate.id: _vector(item.candidate.text, self.shingle) for item in left}
        nearest = dict.fromkeys(vectors, 0.0)
        chosen: list[_Item] = []
        while left and len(chosen) < self.k:
            best = max(left, key=lambda item: (-item.tier, self._worth(item, nearest) if chosen else item.quality))
            left.remove(best)
            chosen.append(best)
            for item in left:
                likeness = _cosine(vectors[item.candidate.id], vectors[best.candidate.id])
                nearest[item.candidate.id] = max(nearest[item.candidate.id], likeness)
        return chosen

    def _worth(self, item: _Item, nearest: Mapping[str, float]) -> float:
        return self.balance * item.quality - (1 - self.balance) * nearest[item.candidate.id]

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(0, 0.0, 0, 0)


@dataclass(frozen=True, slots=True)
class _Item:
    candidate: Candidate
    quality: float
    tier: int
    """0: passed a check; 1: passed one that it could have deceived; 2: not checked; 3: failed one."""


def _item(members: Class, judged: bool, voters: int) -> _Item:
    best = best_first(members)[0]
    quality = score_of(best) if judged else len(members) / voters
    failed = best.verdict is not None and best.verdict.passed is False
    tier = 0 if best.verified else 1 if best.passed else 3 if failed else 2
    return _Item(best.candidate, quality, tier)


def _vector(text: str, shingle: int) -> _Vector:
    """Counts of hashed runs of words, of length 1 when divided by their norm."""
    words = _TOKEN.findall(text[:_LONGEST].casefold())
    runs = [" ".join(words[i : i + shingle]) for i in range(max(1, len(words) - shingle + 1))] if words else []
    counts = Counter(zlib.crc32(run.encode("utf-8", "replace")) for run in runs)
    norm = math.sqrt(sum(n * n for n in counts.values()))
    return {run: n / norm for run, n in counts.items()}


def _cosine(a: _Vector, b: _Vector) -> float:
    """1 for two empty texts, 0 for an empty one beside any other."""
    if not a or not b:
        return 1.0 if not a and not b else 0.0
    small, large = (a, b) if len(a) <= len(b) else (b, a)
    product = math.fsum(weight * large[run] for run, weight in small.items() if run in large)
    return round(min(1.0, product), 9)  # copies are equally alike, whatever the last bits say
