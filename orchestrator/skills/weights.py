"""How scores become chances of being recruited."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import Literal

Weighting = Literal["code", "paper"]
"""The published program's rule, or the one that the paper states."""


def shares(strengths: Sequence[float], temperature: float = 0.5) -> list[float]:
    """Strengths as shares of 1: lifted above 0 where one is below, and to the power `1 / temperature`."""
    low = min(strengths)
    lifted = [one + 1 - low for one in strengths] if low < 0 else list(strengths)
    # Divided by the largest first: powers of large counts overflow.
    high = max(lifted)
    if high <= 0:
        return [1 / len(lifted)] * len(lifted)
    return _normalised([(one / high) ** (1 / temperature) for one in lifted])


def weights(
    local: Sequence[float], strengths: Sequence[float], weighting: Weighting = "code", temperature: float = 0.5
) -> list[float]:
    """The chance of each expert, given how well each does with a question's skills and all in all.

    `code`: local score times share of strength, over those with a local score above 0; where nobody has one, all
    scores are lifted so that the lowest is 1. `paper`: a softmax over the products of local score and plain share.
    """
    if weighting == "paper":
        products = [s * g / temperature for s, g in zip(local, shares(strengths, 1.0), strict=True)]
        high = max(products)
        return _normalised([exp(one - high) for one in products])
    scores = [max(one, 0.0) for one in local]
    if not any(scores):
        scores = [one - min(local) + 1 for one in local]
    products = [s * g for s, g in zip(scores, shares(strengths, temperature), strict=True)]
    # Only experts without any strength may be those that know the skills: then the skills alone count.
    return _normalised(products if any(products) else scores)


def _normalised(values: Sequence[float]) -> list[float]:
    whole = sum(values)
    return [one / whole for one in values]
