"""A hierarchical normal model of scores in groups, and draws from what it predicts.

    score = alpha_j + sigma_y e,    alpha_j = mu + sigma_alpha e_j,    e, e_j standard normal

with mu normal around `mean`, and sigma_alpha and sigma_y half-normal. Given the two deviations all else is normal and
is integrated by formula; the deviations themselves are summed over a grid. So draws are independent and come from the
posterior itself, to the width of the grid, where a Markov chain would come near it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FINEST = 0.01
"""Scores are told to a hundredth. Without a floor equal scores would draw a deviation to 0, and its density beyond all
bounds."""
_STEPS = 48
_WIDEST = 4.0
"""How far the grid goes, in scales of the prior."""


@dataclass(frozen=True)
class Priors:
    """What is believed before any score."""

    mean: float = 0.5
    mean_sd: float = 0.2
    between: float = 0.2
    """Scale of the half-normal of sigma_alpha, between groups."""
    within: float = 0.3
    """Scale of the half-normal of sigma_y, within a group."""


@dataclass(frozen=True)
class MixedModel:
    """The model after the scores of some groups, each of which has at least one."""

    groups: tuple[tuple[float, ...], ...]
    priors: Priors = Priors()

    def predicted(self, rng: random.Random) -> tuple[list[float], float]:
        """A score that each group may bring next, and one of a group that is not there yet; one draw of them all."""
        cell = rng.choices(range(len(self._between)), cum_weights=self._cumulative)[0]
        between, within = float(self._between[cell]), float(self._within[cell])
        mu = rng.gauss(float(self._mu[cell]), math.sqrt(float(self._mu_variance[cell])))
        groups = [self._next(scores, mu, between, within, rng) for scores in self.groups]
        return groups, rng.gauss(rng.gauss(mu, between), within)

    @property
    def new_mean(self) -> float:
        """What a group that is not there yet brings on average."""
        return float((self._weights * self._mu).sum())

    @property
    def means(self) -> list[float]:
        """What each group brings on average."""
        found = []
        for scores in self.groups:
            own, shared = len(scores) / self._within**2, 1 / self._between**2
            alpha = (math.fsum(scores) / self._within**2 + self._mu * shared) / (own + shared)
            found.append(float((self._weights * alpha).sum()))
        return found

    def _next(self, scores: Sequence[float], mu: float, between: float, within: float, rng: random.Random) -> float:
        precision = 1 / between**2 + len(scores) / within**2
        mean = (mu / between**2 + math.fsum(scores) / within**2) / precision
        return rng.gauss(rng.gauss(mean, math.sqrt(1 / precision)), within)

    # -- the grid -----------------------------------------------------------------------

    @property
    def _grid(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        return _grid(self.priors.between, self.priors.within)

    @property
    def _between(self) -> NDArray[Any]:
        return self._grid[0]

    @property
    def _within(self) -> NDArray[Any]:
        return self._grid[1]

    @cached_property
    def _conditional(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """By cell: mean and variance of mu, and the logarithm of the cell's weight."""
        import numpy as np

        between, within, log_weight = self._grid
        precision = np.full_like(between, 1 / self.priors.mean_sd**2)
        weighted = precision * self.priors.mean
        squares = precision * self.priors.mean**2
        log = log_weight.copy()
        by_size: dict[int, list[tuple[float, ...]]] = {}
        for scores in self.groups:
            by_size.setdefault(len(scores), []).append(scores)
        for n, alike in by_size.items():
            averages = [math.fsum(scores) / n for scores in alike]
            pairs = zip(alike, averages, strict=True)
            spread = math.fsum((score - average) ** 2 for scores, average in pairs for score in scores)
            variance = between**2 + within**2 / n  # of each group's average around mu
            precision = precision + len(alike) / variance
            weighted = weighted + math.fsum(averages) / variance
            squares = squares + math.fsum(average**2 for average in averages) / variance
            log -= 0.5 * len(alike) * np.log(variance)
            log -= len(alike) * (n - 1) * np.log(within) + spread / (2 * within**2)
        mean = weighted / precision
        log -= 0.5 * np.log(precision) + 0.5 * (squares - precision * mean**2)
        return mean, 1 / precision, log

    @property
    def _mu(self) -> NDArray[Any]:
        return self._conditional[0]

    @property
    def _mu_variance(self) -> NDArray[Any]:
        return self._conditional[1]

    @cached_property
    def _weights(self) -> NDArray[Any]:
        import numpy as np

        weights: NDArray[Any] = np.exp(self._conditional[2] - self._conditional[2].max())
        weights /= weights.sum()
        return weights

    @cached_property
    def _cumulative(self) -> list[float]:
        cumulative: list[float] = self._weights.cumsum().tolist()
        return cumulative


@cache
def _grid(between: float, within: float) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Deviations between and within groups, a cell each, and the logarithm of the cell's weight in the prior.

    Args:
        between: scale of the half-normal of the one.
        within: scale of the other's.
    """
    import numpy as np

    def axis(scale: float) -> tuple[NDArray[Any], NDArray[Any]]:
        points = np.geomspace(_FINEST, _WIDEST * scale, _STEPS)
        return points, np.log(points) - points**2 / (2 * scale**2)  # a cell is as wide as its point is large

    (rows, a), (columns, b) = axis(between), axis(within)
    first, second = np.meshgrid(rows, columns, indexing="ij")
    return first.ravel(), second.ravel(), np.add.outer(a, b).ravel()
