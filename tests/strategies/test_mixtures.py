"""A share of every cluster."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.strategies._mixtures import mixture, slots, smoothed
from orchestrator.strategies._neighbours import Neighbour

MANY = [100, 100, 100]


def test_a_mixture_is_smoothed_with_the_mean_of_its_neighbours() -> None:
    found = smoothed((0.7, 0.3, 0.0), [(0.5, 0.5, 0.0), (0.2, 0.3, 0.5)], 0.8)
    assert found == pytest.approx([0.63, 0.32, 0.05])
    assert slots(found, MANY, 10) == [6, 3, 1]


def test_a_share_of_one_smooths_nothing_and_so_do_no_neighbours() -> None:
    assert smoothed((0.7, 0.3), [(0.0, 1.0)], 1.0) == [0.7, 0.3]
    assert smoothed((0.7, 0.3), [], 0.5) == [0.7, 0.3]


def test_places_that_a_cluster_cannot_fill_go_to_the_next_by_weight() -> None:
    assert slots((0.6, 0.3, 0.1), [1, 100, 100], 10) == [1, 8, 1]
    assert slots((0.6, 0.3, 0.1), [0, 2, 100], 10) == [0, 2, 8]
    assert slots((0.5, 0.5), [2, 1], 10) == [2, 1]


def test_equal_weights_are_served_in_their_order() -> None:
    assert slots((0.25, 0.25, 0.25, 0.25), [9] * 4, 6) == [2, 2, 1, 1]


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=6), st.lists(st.integers(0, 8), min_size=6), st.integers(0, 12)
)
def test_as_many_places_as_there_are_texts_for_are_given(parts: list[int], sizes: list[int], k: int) -> None:
    weights = [part / (sum(parts) or 1) for part in parts]
    found = slots(weights, sizes[: len(parts)], k)
    assert sum(found) == min(k, sum(sizes[: len(parts)]))
    assert all(0 <= one <= size for one, size in zip(found, sizes, strict=False))


def test_a_mixture_is_the_share_of_each_cluster_in_the_similarity() -> None:
    near = [Neighbour(0, 0.6), Neighbour(1, 0.3), Neighbour(2, 0.3), Neighbour(3, -0.5)]
    assert mixture(near, [0, 1, 0, 2], 3) == pytest.approx([0.75, 0.25, 0.0])
    assert mixture([Neighbour(0, 0.0)], [0], 2) == [0.5, 0.5]
