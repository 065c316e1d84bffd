"""How sure a trace was of itself, out of its tokens' log-probabilities (Fu et al., 2025).

A token's confidence is minus the mean log-probability of its likeliest alternatives: the higher, the surer. A group is
a window of tokens, and is as sure as its tokens are on average.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, TypeAlias

Measure: TypeAlias = Literal["mean", "lowest", "bottom", "tail"]
"""Of a trace: the mean of all tokens; the least sure group; the mean of the least sure tenth of the groups; the last
group."""

MEASURES: tuple[Measure, ...] = ("mean", "lowest", "bottom", "tail")
WINDOW = 2048
"""Tokens of a group."""

_BOTTOM = 0.1


def trace_score(confidences: Sequence[float], measure: Measure, window: int = WINDOW) -> float:
    """How sure a trace is; one that is no longer than a group has one group, and so one score by every measure."""
    if measure == "mean" or len(confidences) <= window:
        return math.fsum(confidences) / len(confidences)
    if measure == "tail":
        return math.fsum(confidences[-window:]) / window
    groups = group_confidences(confidences, window)
    if measure == "lowest":
        return min(groups)
    lowest = sorted(groups)[: max(1, int(len(groups) * _BOTTOM))]
    return math.fsum(lowest) / len(lowest)


def group_confidences(confidences: Sequence[float], window: int) -> list[float]:
    """The means of all windows of tokens, one for each token that a window can end with."""
    sums = [0.0, *accumulate(confidences)]
    return [(end - start) / window for start, end in zip(sums, sums[window:], strict=False)]


def weights_of(
    scores: Sequence[float | None], experts: Sequence[str], keep: float, first: int | None = None
) -> list[float | None]:
    """What the vote of each trace weighs; `None` for one that does not reach the bar, and so has no vote.

    Scores of different models do not compare: each is divided by the mean of its expert's, and a trace without a score
    weighs 1, as the average one does.

    Args:
        scores: by trace, in order; `None` where it has no log-probabilities.
        experts: ids of who wrote them.
        keep: share of the traces that the bar keeps.
        first: traces from the beginning that the bar is set by; `None`: all.
    """
    means = _means(scores[:first], experts)
    means = {**_means(scores, experts), **means}
    relative = [
        1.0 if score is None or not means[expert] else score / means[expert]
        for score, expert in zip(scores, experts, strict=True)
    ]
    setting = [weight for weight, score in zip(relative[:first], scores, strict=False) if score is not None]
    least = bar(setting, keep)
    return [weight if weight >= least else None for weight in relative]


def _means(scores: Sequence[float | None], experts: Sequence[str]) -> dict[str, float]:
    own: dict[str, list[float]] = defaultdict(list)
    for score, expert in zip(scores, experts, strict=False):
        if score is not None:
            own[expert].append(score)
    return {expert: math.fsum(found) / len(found) for expert, found in own.items()}


def bar(scores: Sequence[float], keep: float) -> float:
    """The score that the share `keep` of the traces reach: `keep=0.1` is a high bar, which one in ten reaches.

    The percentile 100 x (1 - keep), interpolated between neighbours. Minus infinity where there are no scores.
    """
    if not scores:
        return -math.inf
    ranked = sorted(scores)
    at = (len(ranked) - 1) * (1 - keep)
    below = math.floor(at + 1e-9)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (ranked[above] - ranked[below]) * max(0.0, at - below)
