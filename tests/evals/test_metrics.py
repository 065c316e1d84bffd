"""Golden values were computed with published packages or by independent enumeration."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.evals.metrics import (
    all_of_k,
    best_of_k,
    bootstrap_mean,
    effective_number,
    interval_of_mean,
    majority_at_k,
    mean_pass_at_k,
    padded_pass_at_k,
    pass_at_k,
    selection_efficiency,
    wilson,
)


def near(value: float) -> object:
    return pytest.approx(value, abs=1e-9)


class TestWilson:
    @pytest.mark.parametrize(
        ("correct", "n", "low", "high"),
        [
            (0, 10, 0, 0.277532799863),
            (5, 10, 0.236593090513, 0.763406909487),
            (10, 10, 0.722467200137, 1),
            (1, 30, 0.005908590382, 0.166703909914),
            (22, 30, 0.555520383048, 0.858173366804),
            (82, 100, 0.733326416137, 0.882997745011),
            (127, 164, 0.704564100518, 0.831656214965),
        ],
    )
    def test_golden(self, correct: int, n: int, low: float, high: float) -> None:
        assert wilson(correct, n) == (near(low), near(high))

    def test_no_trial_says_nothing(self) -> None:
        assert wilson(0, 0) == (0.0, 1.0)

    def test_the_ends_are_exact(self) -> None:
        assert wilson(0, 7)[0] == 0.0
        assert wilson(7, 7)[1] == 1.0

    @pytest.mark.parametrize(("correct", "n"), [(-1, 5), (6, 5), (math.nan, 5)])
    def test_impossible_counts_are_refused(self, correct: float, n: int) -> None:
        with pytest.raises(ValueError, match="successes out of"):
            wilson(correct, n)


class TestPassAtK:
    @pytest.mark.parametrize(
        ("n", "c", "k", "value"),
        [
            (10, 3, 1, 0.3),
            (10, 3, 5, 11 / 12),
            (10, 0, 5, 0),
            (10, 10, 1, 1),
            (5, 1, 5, 1),
            (200, 13, 1, 0.065),
            (200, 13, 10, 0.497551114731),
            (200, 13, 100, 0.999919497199),
            (1000, 1, 999, 0.999),
        ],
    )
    def test_golden(self, n: int, c: int, k: int, value: float) -> None:
        assert pass_at_k(n, c, k) == near(value)

    @pytest.mark.parametrize(("n", "c", "k", "value"), [(5, 1, 2, 0.4), (3, 1, 5, 1), (3, 0, 5, 0), (0, 0, 1, 0)])
    def test_where_samples_are_missing_they_may_count_as_wrong(self, n: int, c: int, k: int, value: float) -> None:
        """Regression test 4."""
        assert padded_pass_at_k(n, c, k) == near(value)

    def test_more_than_there_is_cannot_be_estimated(self) -> None:
        assert pass_at_k(5, 2, 6) is None
        assert all_of_k(5, 2, 6) is None

    @pytest.mark.parametrize(("n", "c", "k"), [(5, 6, 1), (5, -1, 1), (5, 1, 0)])
    def test_impossible_counts_are_refused(self, n: int, c: int, k: int) -> None:
        with pytest.raises(ValueError, match="pass@k needs"):
            pass_at_k(n, c, k)

    @given(st.integers(1, 12), st.data())
    def test_it_is_the_share_of_subsets_with_a_hit(self, n: int, data: st.DataObject) -> None:
        c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
        subsets = list(combinations([i < c for i in range(n)], k))
        assert pass_at_k(n, c, k) == near(sum(map(any, subsets)) / len(subsets))
        assert all_of_k(n, c, k) == near(sum(map(all, subsets)) / len(subsets))

    @pytest.mark.parametrize(("n", "c", "k", "value"), [(10, 3, 1, 0.3), (10, 8, 3, 7 / 15), (10, 8, 5, 2 / 9)])
    def test_all_of_k_golden(self, n: int, c: int, k: int, value: float) -> None:
        assert all_of_k(n, c, k) == near(value)

    def test_the_mean_is_over_problems(self) -> None:
        assert mean_pass_at_k([(10, 0), (10, 3), (10, 10)], 5) == near(0.638888888889)

    def test_a_k_that_one_problem_cannot_serve_is_left_out(self) -> None:
        assert mean_pass_at_k([(10, 3), (4, 1)], 5) is None
        assert mean_pass_at_k([], 1) is None


class TestMajority:
    @pytest.mark.parametrize(
        ("correct", "k", "value"),
        [
            (0, 1, 0.4),
            (0, 2, 0.4),
            (0, 3, 0.433333333333),
            (0, 5, 0.476190476190),
            (0, 10, 1),
            (1, 1, 0.3),
            (1, 2, 0.3),
            (1, 3, 0.283333333333),
            (1, 5, 0.261904761905),
            (1, 10, 0),
        ],
    )
    def test_golden(self, correct: int, k: int, value: float) -> None:
        assert majority_at_k((4, 3, 3), {correct}, k) == near(value)

    def test_samples_without_an_answer_are_drawn_but_do_not_vote(self) -> None:
        assert majority_at_k((1,), {0}, 1, unparsed=3) == near(0.25)
        assert majority_at_k((1,), {0}, 4, unparsed=3) == 1

    def test_undefined(self) -> None:
        assert majority_at_k((), set(), 1, unparsed=4) is None
        assert majority_at_k((2, 1), {0}, 4) is None

    @given(st.lists(st.integers(0, 4), min_size=1, max_size=3), st.integers(0, 2), st.data())
    def test_it_is_the_mean_over_all_subsets(self, counts: list[int], unparsed: int, data: st.DataObject) -> None:
        votes = [label for label, count in enumerate(counts) for _ in range(count)] + [None] * unparsed
        if not any(counts):
            return
        k = data.draw(st.integers(1, len(votes)))
        correct = data.draw(st.sets(st.integers(0, len(counts) - 1)))
        subsets = list(combinations(votes, k))
        expected = sum(wins(subset, correct) for subset in subsets) / len(subsets)
        assert majority_at_k(counts, correct, k, unparsed) == near(expected)

    def test_many_samples_are_exact_too(self) -> None:
        assert majority_at_k((120, 80), {0}, 199) == 1
        assert 0.6 < (majority_at_k((120, 80), {0}, 51) or 0) < 1


def wins(votes: tuple[int | None, ...], correct: set[int]) -> float:
    counts = Counter(vote for vote in votes if vote is not None)
    top = [label for label, count in counts.items() if count == max(counts.values())]
    return sum(label in correct for label in top) / len(top) if top else 0.0


class TestBestOfK:
    SCORES, CORRECT = (0.9, 0.8, 0.8, 0.5, 0.1), (False, True, False, True, True)

    @pytest.mark.parametrize(("k", "value"), [(1, 3 / 5), (2, 7 / 20), (3, 1 / 5), (4, 1 / 10), (5, 0)])
    def test_golden(self, k: int, value: float) -> None:
        assert best_of_k(self.SCORES, self.CORRECT, k) == near(value)

    def test_a_constant_verifier_gives_pass_at_one(self) -> None:
        for k in range(1, 6):
            assert best_of_k([0.5] * 5, self.CORRECT, k) == near(pass_at_k(5, 3, 1) or 0)

    def test_a_perfect_verifier_gives_pass_at_k(self) -> None:
        for k in range(1, 6):
            assert best_of_k([float(y) for y in self.CORRECT], self.CORRECT, k) == near(pass_at_k(5, 3, k) or 0)

    def test_a_score_that_is_no_number_never_wins_unless_alone(self) -> None:
        assert best_of_k((math.nan, 0.0), (True, False), 2) == 0
        assert best_of_k((math.nan, 0.0), (True, False), 1) == near(0.5)
        assert best_of_k((math.nan,), (True,), 1) == 1

    def test_undefined(self) -> None:
        assert best_of_k((), (), 1) is None
        assert best_of_k((0.5,), (True,), 2) is None

    @given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=7), st.data())
    def test_it_is_the_mean_over_all_subsets(self, samples: list[tuple[float, bool]], data: st.DataObject) -> None:
        k = data.draw(st.integers(1, len(samples)))
        values = []
        for subset in combinations(samples, k):
            top = [right for score, right in subset if score == max(s for s, _ in subset)]
            values.append(sum(top) / len(top))
        scores, correct = zip(*samples, strict=True)
        assert best_of_k(scores, correct, k) == near(sum(values) / len(values))


def test_selection_efficiency_is_what_was_chosen_of_what_was_there() -> None:
    assert selection_efficiency(0.6, 0.8) == near(0.75)
    assert selection_efficiency(0.0, 0.0) is None
    assert selection_efficiency(None, None) is None


class TestEffectiveNumber:
    @pytest.mark.parametrize(
        ("counts", "value"),
        [((5,), 1), ((1, 1, 1), 3), ((2, 1), 1.889881574842), ((3, 1), 1.754765), ((3, 2), 1.960132), ((4, 0), 1)],
    )
    def test_golden(self, counts: tuple[int, ...], value: float) -> None:
        assert effective_number(counts) == pytest.approx(value, abs=1e-6)

    def test_it_depends_on_shares_alone(self) -> None:
        for a, b in product(range(1, 5), repeat=2):
            assert effective_number((a, b)) == near(effective_number((3 * a, 3 * b)) or 0)

    def test_nothing_has_no_number(self) -> None:
        assert effective_number(()) is None


class TestIntervalOfAMean:
    def test_golden(self) -> None:
        # Differences of two answers' correctness, resampled 10,000 times with numpy's default_rng(0).
        right, other = (1, 1, 0, 1, 0, 1, 1, 1, 0, 1), (1, 0, 0, 1, 0, 0, 1, 1, 0, 0)
        low, high = bootstrap_mean([a - b for a, b in zip(right, other, strict=True)])
        assert (low, high) == (near(0.0), near(0.6))

    def test_parts_that_fit_into_memory_draw_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        values = [i / 12 for i in range(13)]
        whole = bootstrap_mean(values, resamples=1000)
        monkeypatch.setattr("orchestrator.evals.metrics._DRAWN_AT_ONCE", 100)
        assert bootstrap_mean(values, resamples=1000) == whole

    def test_many_values_are_drawn_less_often_but_never_less_than_a_thousand_times(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        values = [i / 12 for i in range(13)]
        monkeypatch.setattr("orchestrator.evals.metrics._DRAWN", 13 * 2000)
        assert bootstrap_mean(values) == bootstrap_mean(values, resamples=2000)
        monkeypatch.setattr("orchestrator.evals.metrics._DRAWN", 13)
        assert bootstrap_mean(values) == bootstrap_mean(values, resamples=1000)

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 9))
    def test_it_lies_among_the_values_and_is_the_same_every_time(self, values: list[float], seed: int) -> None:
        low, high = bootstrap_mean(values, seed, resamples=200)
        assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
        assert bootstrap_mean(values, seed, resamples=200) == (low, high)

    def test_without_values_there_is_none(self) -> None:
        with pytest.raises(ValueError, match="no values"):
            bootstrap_mean([])

    def test_where_each_value_is_a_success_or_a_failure_it_is_wilsons(self) -> None:
        assert interval_of_mean([1.0] * 127 + [0.0] * 37) == wilson(127, 164)
        assert interval_of_mean([0.5, 1.0, 0.0]) == bootstrap_mean([0.5, 1.0, 0.0])
