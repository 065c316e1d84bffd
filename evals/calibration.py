"""How far confidence can be trusted: reliability bins, expected calibration error, Brier score."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

FEW = 50
"""Below so many answers a calibration error says little; report the Brier score alone."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of about the same confidence."""

    n: int
    confidence: float
    """Their mean confidence."""
    accuracy: float

    @property
    def gap(self) -> float:
        return abs(self.accuracy - self.confidence)


def equal_width(confidence: Sequence[float], correct: Sequence[bool], bins: int = 10) -> list[Bin]:
    """Bins (l, u] of equal width, the first with 0; empty ones are left out."""
    groups: dict[int, list[tuple[float, bool]]] = {}
    for share, right in _pairs(confidence, correct):
        groups.setdefault(bin_of(share, bins), []).append((share, right))
    return [_bin(groups[number]) for number in sorted(groups)]


def equal_mass(confidence: Sequence[float], correct: Sequence[bool], bins: int = 10) -> list[Bin]:
    """Bins with as equal a number of answers as can be, by rising confidence."""
    ranked = sorted(_pairs(confidence, correct), key=lambda pair: pair[0])
    n = len(ranked)
    size, longer = divmod(n, bins)
    starts = [i * size + min(i, longer) for i in range(bins + 1)]
    return [_bin(ranked[a:b]) for a, b in pairwise(starts) if b > a]


def bin_of(confidence: float, bins: int) -> int:
    """Number of the bin (l, u] of equal width; a value on an edge up to rounding belongs below it."""
    return max(0, math.ceil(confidence * bins - 1e-12) - 1)


def expected_calibration_error(bins: Iterable[Bin]) -> float | None:
    """Mean gap between accuracy and confidence, weighted by the bins' sizes."""
    bins = list(bins)
    total = sum(b.n for b in bins)
    return math.fsum(b.n * b.gap for b in bins) / total if total else None


def maximum_calibration_error(bins: Iterable[Bin]) -> float | None:
    return max((b.gap for b in bins), default=None)


def brier(confidence: Sequence[float], correct: Sequence[bool]) -> float | None:
    """Mean squared distance of confidence from 1 where right, from 0 where wrong."""
    pairs = _pairs(confidence, correct)
    return math.fsum((share - right) ** 2 for share, right in pairs) / len(pairs) if pairs else None


class Reliability:
    """Confidence and correctness as they stream in; memory does not grow with their number.

    Bins are the confidences themselves while these are few, as vote shares are, else ten of equal width.
    """

    _VALUES = 32
    _BINS = 10

    def __init__(self) -> None:
        self.n = 0
        self._squares = 0.0
        self._by_value: dict[float, list[float]] | None = {}
        self._by_width: dict[int, list[float]] = {}

    def add(self, confidence: float, correct: bool) -> None:
        if not 0 <= confidence <= 1:
            raise ValueError(f"a confidence lies from 0 to 1, not {confidence}")
        self.n += 1
        self._squares += (confidence - correct) ** 2
        _count(self._by_width.setdefault(bin_of(confidence, self._BINS), [0, 0, 0]), confidence, correct)
        if self._by_value is not None:
            _count(self._by_value.setdefault(round(confidence, 9), [0, 0, 0]), confidence, correct)
            if len(self._by_value) > self._VALUES:
                self._by_value = None

    @property
    def bins(self) -> list[Bin]:
        groups = self._by_width.values() if self._by_value is None else self._by_value.values()
        bins = [Bin(int(n), confidence / n, right / n) for n, confidence, right in groups]
        return sorted(bins, key=lambda b: b.confidence)

    @property
    def ece(self) -> float | None:
        """Expected calibration error; `None` below 50 answers."""
        return expected_calibration_error(self.bins) if self.n >= FEW else None

    @property
    def brier(self) -> float | None:
        return self._squares / self.n if self.n else None


def _count(sums: list[float], confidence: float, correct: bool) -> None:
    sums[0] += 1
    sums[1] += confidence
    sums[2] += correct


def _bin(group: Sequence[tuple[float, bool]]) -> Bin:
    n = len(group)
    return Bin(n, math.fsum(share for share, _ in group) / n, sum(right for _, right in group) / n)


def _pairs(confidence: Sequence[float], correct: Sequence[bool]) -> list[tuple[float, bool]]:
    for share in confidence:
        if not 0 <= share <= 1:
            raise ValueError(f"a confidence lies from 0 to 1, not {share}")
    return list(zip(confidence, correct, strict=True))
