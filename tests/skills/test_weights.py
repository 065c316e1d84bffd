"""Scores as chances: the published program's rule, and the paper's."""

from __future__ import annotations

import random
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.skills import shares, weights


def test_strengths_below_zero_are_lifted_and_squared() -> None:
    assert shares([120, 60, -10]) == pytest.approx([0.773, 0.227, 0.00005], abs=0.0005)
    assert shares([120, 60, -10])[2] == pytest.approx(0.000045, abs=1e-6)


def test_strengths_from_zero_up_are_not_lifted() -> None:
    assert shares([3, 1, 0]) == pytest.approx([0.9, 0.1, 0.0])


def test_temperature_is_the_inverse_power() -> None:
    assert shares([3, 1], temperature=1.0) == pytest.approx([0.75, 0.25])
    assert shares([3, 1], temperature=0.25) == pytest.approx([81 / 82, 1 / 82])


@pytest.mark.parametrize("strengths", [[0, 0, 0], [-7, -7, -7]], ids=["zero", "negative"])
def test_equal_strengths_are_equal_shares(strengths: list[float]) -> None:
    assert shares(strengths) == pytest.approx([1 / 3] * 3)


def test_large_counts_and_low_temperatures_do_not_overflow() -> None:
    assert shares([1e6, 1.0], temperature=0.01) == [1.0, 0.0]


def test_only_experts_with_a_local_score_above_zero_have_a_chance() -> None:
    assert weights([2, 0, -5], [1, 9, 9]) == [1.0, 0.0, 0.0]


def test_a_weight_is_local_score_times_share_of_strength() -> None:
    assert weights([1, 2], [3, 1]) == pytest.approx([9 / 11, 2 / 11])


def test_where_nobody_has_a_local_score_above_zero_all_scores_are_lifted() -> None:
    assert weights([-1, -3, -3], [1, 1, 1]) == pytest.approx([3 / 5, 1 / 5, 1 / 5])
    assert weights([0, 0], [3, 1]) == pytest.approx([0.9, 0.1])


def test_where_only_experts_without_strength_know_the_skills_the_skills_decide() -> None:
    assert weights([4, 1, 0], [0, 0, 5]) == pytest.approx([0.8, 0.2, 0.0])


def test_the_papers_rule_is_a_softmax_of_local_score_times_plain_share() -> None:
    first, second = exp(1 * 0.75 / 0.5), exp(2 * 0.25 / 0.5)
    whole = first + second + exp(-4 * 0.0 / 0.5)
    found = weights([1, 2, -4], [3, 1, 0], "paper", 0.5)
    assert found == pytest.approx([first / whole, second / whole, 1 / whole])


def test_the_papers_rule_takes_scores_of_any_size() -> None:
    assert weights([9000, -9000], [5, 5], "paper") == pytest.approx([1.0, 0.0])


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(-500, 500)), min_size=1, max_size=8),
    st.sampled_from(["code", "paper"]),
    st.sampled_from([0.1, 0.5, 1.0, 2.0]),
)
def test_weights_are_chances_whatever_the_scores(pairs: list[tuple[int, int]], rule: str, temperature: float) -> None:
    local, strengths = [s for s, _ in pairs], [g for _, g in pairs]
    found = weights(local, strengths, "paper" if rule == "paper" else "code", temperature)
    assert sum(found) == pytest.approx(1.0)
    assert min(found) >= 0
    order = list(range(len(pairs)))
    random.Random(0).shuffle(order)
    shuffled = weights([local[i] for i in order], [strengths[i] for i in order], rule, temperature)  # type: ignore[arg-type]
    assert shuffled == pytest.approx([found[i] for i in order])
