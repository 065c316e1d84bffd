"""Estimators over samples of problems, and an interval for a share.

`None` stands for undefined; zero is a value like any other. pass@k, majority@k and best-of-k are expectations over
random k-subsets of a problem's samples, so they understate a search whose early samples are its best ones.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from itertools import groupby

Z95 = 1.959963984540054
"""Normal quantile of a 95 % interval."""
_DRAWN_AT_ONCE = 200_000
"""Values of a bootstrap that are in memory together."""
_DRAWN = 200_000_000
"""Values that a bootstrap draws in all, a second or two of work, unless that leaves fewer than a thousand resamples."""
CURVE = (1, 2, 5, 10, 20, 50, 100, 200)
"""The k at which a pass@k curve is drawn."""


def wilson(correct: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval for `correct` successes out of `n`; (0, 1) for n = 0. Not for averages of pass@k."""
    if not 0 <= correct <= n:
        raise ValueError(f"{correct} successes out of {n}")
    if n == 0:
        return 0.0, 1.0
    p, z2 = correct / n, z * z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return (0.0 if correct == 0 else max(0.0, centre - half)), (1.0 if correct == n else min(1.0, centre + half))


def pass_at_k(n: int, c: int, k: int) -> float | None:
    """Chance that k of n samples, c of them correct, hold a correct one (Chen et al., 2021); `None` for k > n.

    The unbiased estimator 1 - C(n-c, k) / C(n, k) in its product form.
    """
    _check(n, c, k)
    if k > n:
        return None
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def padded_pass_at_k(n: int, c: int, k: int) -> float:
    """pass@k where the samples that are missing up to k count as wrong (Wang et al., 2024): for searches that end with
    as many programs as they happen to find."""
    value = pass_at_k(n, c, k)
    return float(c > 0) if value is None else value


def all_of_k(n: int, c: int, k: int) -> float | None:
    """Chance that all k of n samples are correct (pass^k); `None` for k > n."""
    _check(n, c, k)
    return None if k > n else math.comb(c, k) / math.comb(n, k)


def mean_pass_at_k(counts: Iterable[tuple[int, int]], k: int) -> float | None:
    """Mean pass@k over problems given as (n, c); `None` if there are none or one has fewer than k samples."""
    total, problems = 0.0, 0
    for n, c in counts:
        value = pass_at_k(n, c, k)
        if value is None:
            return None
        total, problems = total + value, problems + 1
    return total / problems if problems else None


def bootstrap_mean(values: Sequence[float], seed: int = 0, resamples: int | None = None) -> tuple[float, float]:
    """A 95 % percentile interval for the mean of `values`, which are drawn anew with replacement.

    All values the same give an interval without width, which says nothing about its certainty.

    Args:
        resamples: how often as many are drawn; by default 10,000 times, less often for more than 20,000 values.
    """
    import numpy

    if not values:
        raise ValueError("no values")
    if resamples is None:
        resamples = min(10_000, max(1_000, _DRAWN // len(values)))
    drawn, rng = numpy.asarray(values, dtype=float), numpy.random.default_rng(seed)
    means = numpy.empty(resamples)
    rows = max(1, _DRAWN_AT_ONCE // len(drawn))
    for start in range(0, resamples, rows):
        size = (min(rows, resamples - start), len(drawn))
        means[start : start + size[0]] = drawn[rng.integers(0, len(drawn), size=size)].mean(axis=1)
    low, high = numpy.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def interval_of_mean(values: Sequence[float]) -> tuple[float, float]:
    """A 95 % interval for the mean of estimates from 0 to 1: Wilson's where each is 0 or 1, else by bootstrap."""
    if all(value in (0.0, 1.0) for value in values):
        return wilson(sum(values), len(values))
    return bootstrap_mean(values)


def majority_at_k(counts: Sequence[int], correct: Collection[int], k: int, unparsed: int = 0) -> float | None:
    """Chance that a majority among k of the samples is right, ties split evenly; exact.

    Args:
        counts: samples of each different answer.
        correct: positions in `counts` of the right answers.
        unparsed: samples without an answer; they are drawn but do not vote.

    Returns:
        `None` for k above the number of samples, or where no sample has an answer.
    """
    n = sum(counts) + unparsed
    if k < 1 or min((*counts, unparsed)) < 0:
        raise ValueError("k must be positive and counts must not be negative")
    if k > n or not any(counts):
        return None
    wins = sum((_wins(counts, label, k, unparsed) for label in correct), Fraction(0))
    return float(wins / math.comb(n, k))


def _wins(counts: Sequence[int], label: int, k: int, unparsed: int) -> Fraction:
    """Number of k-subsets in which `label` has most votes, one of m tied at the top counted as 1/m."""
    others = [count for i, count in enumerate(counts) if i != label and count]
    total = Fraction(0)
    for votes in range(1, min(counts[label], k) + 1):
        ways = {(k - votes, 1): math.comb(counts[label], votes)}
        for count in others:
            ways = _draw(ways, count, votes)
        for (left, tied), number in ways.items():
            if left <= unparsed:
                total += Fraction(number * math.comb(unparsed, left), tied)
    return total


def _draw(ways: dict[tuple[int, int], int], count: int, most: int) -> dict[tuple[int, int], int]:
    """Ways by (samples left to draw, answers tied at `most` votes), after drawing at most `most` of `count` more."""
    after: dict[tuple[int, int], int] = {}
    for (left, tied), number in ways.items():
        for drawn in range(min(count, most, left) + 1):
            state = (left - drawn, tied + (drawn == most))
            after[state] = after.get(state, 0) + number * math.comb(count, drawn)
    return after


def best_of_k(scores: Sequence[float], correct: Sequence[bool], k: int) -> float | None:
    """Chance that the highest-scored of k samples is right; samples tied at the top share evenly, NaN is lowest.

    pass@k less this is what the verifier loses. `None` for k above the number of samples.
    """
    n = len(scores)
    if len(correct) != n or k < 1:
        raise ValueError("one verdict for each score, and k from 1 up")
    if k > n:
        return None
    ranked = sorted((-math.inf if math.isnan(s) else s, bool(y)) for s, y in zip(scores, correct, strict=True))
    value, below = Fraction(0), 0
    for _, tied in groupby(ranked, key=lambda pair: pair[0]):
        hits = [y for _, y in tied]
        upto = below + len(hits)
        value += (math.comb(upto, k) - math.comb(below, k)) * Fraction(sum(hits), len(hits))
        below = upto
    return float(value / math.comb(n, k))


def selection_efficiency(accuracy: float | None, oracle: float | None) -> float | None:
    """Share of the problems with a right candidate for which a right one was chosen."""
    return None if accuracy is None or not oracle else accuracy / oracle


def effective_number(counts: Iterable[int]) -> float | None:
    """Effective number of different answers: exp of the entropy of their shares.

    It is the Vendi score of order 1 (Friedman and Dieng, 2023) with exact match of answers as the kernel.
    """
    present = [count for count in counts if count > 0]
    total = sum(present)
    if not total:
        return None
    return math.exp(-math.fsum(count / total * math.log(count / total) for count in present))


def _check(n: int, c: int, k: int) -> None:
    if not 0 <= c <= n or k < 1:
        raise ValueError(f"pass@k needs 0 <= c <= n and k >= 1, not n={n} c={c} k={k}")
