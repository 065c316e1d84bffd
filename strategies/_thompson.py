"""Beliefs about a score, and what they are worth drawn at random (Thompson sampling)."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Belief(Protocol):
    """What is believed of the scores that something brings."""

    def seen(self, scores: Sequence[float]) -> Belief:
        """The belief after these scores."""
        ...

    def draw(self, rng: random.Random) -> float:
        """A mean score that may well be the true one."""
        ...

    @property
    def mean(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Gaussian:
    """Scores are normal, mean and variance unknown: normal-inverse-chi-square."""

    m: float = 0.0
    """Mean that is expected."""
    kappa: float = 1.0
    """Scores that this expectation counts for."""
    nu: float = 1.0
    """Scores that the expected variance counts for."""
    tau2: float = 0.1
    """Variance that is expected."""

    def seen(self, scores: Sequence[float]) -> Gaussian:
        if not scores:
            return self
        n = len(scores)
        average = math.fsum(scores) / n
        squares = math.fsum((score - average) ** 2 for score in scores)
        kappa, nu = self.kappa + n, self.nu + n
        shift = n * self.kappa * (self.m - average) ** 2 / kappa
        return Gaussian(
            (self.kappa * self.m + n * average) / kappa, kappa, nu, (self.nu * self.tau2 + squares + shift) / nu
        )

    def draw(self, rng: random.Random) -> float:
        variance = (self.nu * self.tau2 / 2) / rng.gammavariate(self.nu / 2, 1.0)
        return rng.gauss(self.m, math.sqrt(variance / self.kappa))

    @property
    def mean(self) -> float:
        return self.m


@dataclass(frozen=True, slots=True)
class Beta:
    """Scores are shares of successes."""

    a: float = 0.5
    b: float = 0.5

    def seen(self, scores: Sequence[float]) -> Beta:
        return Beta(self.a + math.fsum(scores), self.b + math.fsum(1 - score for score in scores))

    def draw(self, rng: random.Random) -> float:
        return rng.betavariate(self.a, self.b)

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)


def ucb1(scores: Sequence[float], total: int) -> float:
    """The mean and what is still unknown about it; what was never tried comes before all else (Auer et al., 2002)."""
    if not scores:
        return math.inf
    return math.fsum(scores) / len(scores) + math.sqrt(2 * math.log(total) / len(scores))


def greatest(values: Sequence[float]) -> int:
    """The place of the greatest; of equals the first."""
    return max(range(len(values)), key=lambda i: values[i])
