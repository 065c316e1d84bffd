"""The engine's policy beside others on chains of calls, in a simulation: within 5 % of the best that is known."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import pytest

from .schedules import PUBLISHED, chains, makespan, ours, randomised

SPREADS = (0.3, 0.6, 1.0, 2.0)


def ratios(seeds: Sequence[int], trials: int, declared: bool, models: int = 16) -> list[float]:
    """By seed, seconds of the policy to those of the best of the others and of `trials` randomised ones."""
    found = []
    for seed in seeds:
        work = chains(seed, models=models)
        best = min(makespan(work, order) for order in PUBLISHED.values())
        for i in range(trials):
            best = min(best, makespan(work, randomised(f"{seed} {i}", SPREADS[i % len(SPREADS)])))
        mine = makespan(work, ours(declared))
        found.append(mine / min(best, mine))
    return found


@pytest.mark.parametrize("declared", [False, True], ids=["unknown", "declared"])
def test_chains_over_four_models_take_hardly_longer_than_by_the_best_order(declared: bool) -> None:
    assert statistics.median(ratios(range(1000, 1005), 20, declared)) <= 1.05


@pytest.mark.slow
@pytest.mark.parametrize("declared", [False, True], ids=["unknown", "declared"])
def test_chains_over_four_models_against_two_hundred_orders(declared: bool) -> None:
    """Seeds 1000 to 1014."""
    assert statistics.median(ratios(range(1000, 1015), 200, declared)) <= 1.05


def test_the_simulation_knows_its_bounds() -> None:
    one = [(("m0", 1.0), ("m1", 3.0))]
    assert makespan(one, ours(declared=False)) == 2 + 1 + 2 + 3
    many = [(("m0", 1.0),)] * 20
    assert makespan(many, ours(declared=False)) == 2 + 3
