"""What a strategy, verifier or aggregator may also have is told quickly, and as `isinstance` tells it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.protocols import (
    Begins,
    Declares,
    Estimates,
    EstimatesOver,
    begins,
    declares,
    estimates,
    estimates_over,
)
from orchestrator.registry import load, names
from orchestrator.registry.spec import Group

GROUPS: tuple[Group, ...] = ("strategies", "verifiers", "aggregators")


class Without:
    """Says that it cannot tell."""

    estimate = None


@pytest.mark.parametrize(
    ("has", "protocol"),
    [(begins, Begins), (declares, Declares), (estimates, Estimates), (estimates_over, EstimatesOver)],
    ids=["begins", "declares", "estimates", "estimates_over"],
)
def test_it_is_told_of_all_that_is_shipped(has: Callable[[object], bool], protocol: type) -> None:
    made = [
        object.__new__(maker)
        for group in GROUPS
        for name in names(group)
        if isinstance(maker := load(group, name), type)
    ]
    told = [has(one) for one in (*made, Without(), None)]
    assert told == [isinstance(one, protocol) for one in (*made, Without(), None)]
    assert len(set(told)) == 2
