"""A share of every cluster: neighbours that are near, and not all alike (kNN-Embed; El-Kishky et al., 2022).

A text is a mixture over the clusters of a pool, smoothed with the mixtures of its neighbours; each cluster gives as
many of its nearest texts as its weight is worth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ._neighbours import Neighbour


def mixture(neighbours: Iterable[Neighbour], cluster_of: Sequence[int], clusters: int) -> list[float]:
    """The share of each cluster in the similarity of some neighbours; equal shares where nothing is similar."""
    sums = [0.0] * clusters
    for one in neighbours:
        sums[cluster_of[one.place]] += max(0.0, one.similarity)
    total = math.fsum(sums)
    return [weight / total for weight in sums] if total else [1 / clusters] * clusters


def smoothed(own: Sequence[float], others: Sequence[Sequence[float]], share: float) -> list[float]:
    """`share` of one's own mixture, and for the rest the mean of the others'; 1 smooths nothing."""
    if not others:
        return list(own)
    means = [math.fsum(column) / len(others) for column in zip(*others, strict=True)]
    return [share * ours + (1 - share) * mean for ours, mean in zip(own, means, strict=True)]


def slots(weights: Sequence[float], sizes: Sequence[int], k: int) -> list[int]:
    """How many of `k` places each cluster gets: by weight, what is left over by the largest remainders.

    Args:
        sizes: of the clusters; what a cluster cannot fill goes to the next by weight.
    """
    found = [min(math.floor(weight * k + 1e-9), size) for weight, size in zip(weights, sizes, strict=True)]
    by_remainder = sorted(range(len(weights)), key=lambda i: (round(found[i] - weights[i] * k, 9), -weights[i], i))
    by_weight = sorted(range(len(weights)), key=lambda i: (-weights[i], i))
    for i in by_remainder:
        if weights[i] * k > found[i] and sum(found) < k and found[i] < sizes[i]:
            found[i] += 1
    while sum(found) < min(k, sum(sizes)):
        found[next(i for i in by_weight if found[i] < sizes[i])] += 1
    return found
