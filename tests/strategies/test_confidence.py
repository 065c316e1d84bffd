"""How sure a trace was: windows, measures, and the share that a bar keeps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.strategies._confidence import bar, group_confidences, trace_score, weights_of

TRACE = [4.0, 4.0, 1.0, 1.0, 4.0, 8.0]
"""Windows of two: 4, 2.5, 1, 2.5, 6."""


def test_groups_are_all_windows() -> None:
    assert group_confidences(TRACE, 2) == [4.0, 2.5, 1.0, 2.5, 6.0]
    assert group_confidences(TRACE, 7) == []


@pytest.mark.parametrize(("measure", "score"), [("mean", 22 / 6), ("lowest", 1.0), ("bottom", 1.0), ("tail", 6.0)])
def test_measures_of_a_trace(measure: str, score: float) -> None:
    assert trace_score(TRACE, measure, 2) == pytest.approx(score)  # type: ignore[arg-type]


def test_the_bottom_is_a_tenth_of_the_groups() -> None:
    trace = [float(i) for i in range(31)]
    assert trace_score(trace, "bottom", 2) == pytest.approx((0.5 + 1.5 + 2.5) / 3)


@pytest.mark.parametrize("measure", ["mean", "lowest", "bottom", "tail"])
def test_a_trace_no_longer_than_a_window_has_its_mean_by_every_measure(measure: str) -> None:
    assert trace_score([1.0, 2.0, 6.0], measure, 3) == 3.0  # type: ignore[arg-type]


@given(st.lists(st.floats(0, 30), min_size=1, max_size=40), st.integers(1, 50))
def test_the_lowest_group_is_no_surer_than_the_bottom_nor_that_than_the_surest(trace: list[float], window: int) -> None:
    lowest, bottom = (trace_score(trace, measure, window) for measure in ("lowest", "bottom"))  # type: ignore[arg-type]
    assert lowest <= bottom + 1e-9
    assert min(trace) - 1e-6 <= lowest <= max(trace) + 1e-6


class TestBar:
    """The percentile is the share that is kept, not the share that goes."""

    SCORES = tuple(float(i) for i in range(1, 17))

    @pytest.mark.parametrize(("keep", "reach"), [(0.1, 2), (0.5, 8), (0.9, 14), (1.0, 16)])
    def test_so_many_of_sixteen_reach_it(self, keep: float, reach: int) -> None:
        assert sum(score >= bar(self.SCORES, keep) for score in self.SCORES) == reach

    def test_low_is_a_high_bar_and_high_a_low_one(self) -> None:
        assert bar(self.SCORES, 0.1) == pytest.approx(14.5)
        assert bar(self.SCORES, 0.9) == pytest.approx(2.5)

    @pytest.mark.parametrize("keep", [0.1, 0.9, 1.0])
    def test_equal_scores_all_reach_it(self, keep: float) -> None:
        assert bar([2.7] * 7, keep) == 2.7

    def test_of_one_trace_it_is_that_trace_and_of_none_nothing(self) -> None:
        assert bar([3.0], 0.1) == 3.0
        assert bar([], 0.1) == -math.inf

    @given(st.lists(st.floats(0, 30), min_size=1, max_size=40), st.floats(0.01, 1))
    def test_somebody_always_reaches_it(self, scores: list[float], keep: float) -> None:
        assert any(score >= bar(scores, keep) for score in scores)


class TestWeights:
    def test_a_score_counts_over_the_mean_of_its_experts(self) -> None:
        weights = weights_of([2.0, 6.0, 20.0, 60.0], ["a", "a", "b", "b"], keep=1.0)
        assert weights == [0.5, 1.5, 0.5, 1.5]

    def test_a_trace_without_a_score_weighs_one(self) -> None:
        assert weights_of([2.0, None, 6.0], ["a", "a", "a"], keep=1.0) == [0.5, 1.0, 1.5]

    def test_who_does_not_reach_the_bar_has_none(self) -> None:
        assert weights_of([1.0, 3.0, 3.0, 1.0], ["a"] * 4, keep=0.5) == [None, 1.5, 1.5, None]

    def test_the_first_traces_alone_set_the_bar_and_the_scale(self) -> None:
        weights = weights_of([2.0, 4.0, 1.0, 9.0, 3.0], ["a"] * 5, keep=0.5, first=2)
        assert weights == [None, 4 / 3, None, 3.0, 1.0]

    def test_scores_of_zero_weigh_one(self) -> None:
        assert weights_of([0.0, 0.0], ["a", "a"], keep=0.9) == [1.0, 1.0]
