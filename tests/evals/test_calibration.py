from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.evals.calibration import (
    Reliability,
    bin_of,
    brier,
    equal_mass,
    equal_width,
    expected_calibration_error,
    maximum_calibration_error,
)

CONFIDENCE = (0.95, 0.9, 0.8, 0.8, 0.6, 0.6, 0.4, 0.4, 0.2, 1.0)
CORRECT = tuple(map(bool, (1, 1, 1, 0, 1, 0, 0, 1, 0, 1)))


@pytest.mark.parametrize("bins", [5, 10])
def test_equal_width_golden(bins: int) -> None:
    found = equal_width(CONFIDENCE, CORRECT, bins)
    assert expected_calibration_error(found) == pytest.approx(0.135, abs=1e-9)
    assert maximum_calibration_error(found) == pytest.approx(0.3, abs=1e-9)


def test_equal_mass_golden() -> None:
    found = equal_mass(CONFIDENCE, CORRECT, 5)
    assert [b.n for b in found] == [2, 2, 2, 2, 2]
    assert expected_calibration_error(found) == pytest.approx(0.275, abs=1e-9)
    assert maximum_calibration_error(found) == pytest.approx(0.5, abs=1e-9)


def test_brier_golden() -> None:
    assert brier(CONFIDENCE, CORRECT) == pytest.approx(0.17725, abs=1e-12)


@pytest.mark.parametrize(
    ("confidence", "number"), [(0.0, 0), (0.2, 0), (0.2000001, 1), (0.8, 3), (0.6000000000000001, 2), (1.0, 4)]
)
def test_an_edge_belongs_to_the_bin_below_it(confidence: float, number: int) -> None:
    assert bin_of(confidence, 5) == number


def test_nothing_has_no_error() -> None:
    assert expected_calibration_error([]) is None
    assert maximum_calibration_error([]) is None
    assert brier((), ()) is None
    assert Reliability().brier is None
    assert Reliability().ece is None


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_confidence_lies_from_nought_to_one(value: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        brier((value,), (True,))
    with pytest.raises(ValueError, match="confidence"):
        Reliability().add(value, True)


def streamed(confidence: list[float], correct: list[bool]) -> Reliability:
    found = Reliability()
    for share, right in zip(confidence, correct, strict=True):
        found.add(share, right)
    return found


def test_few_different_confidences_are_their_own_bins() -> None:
    found = streamed([0.6] * 40 + [0.65] * 40, [True] * 40 + [False] * 40)
    assert [b.n for b in found.bins] == [40, 40]
    assert found.ece == pytest.approx((0.4 + 0.65) / 2)


def test_many_different_confidences_share_ten_bins() -> None:
    rng = random.Random(7)
    confidence = [rng.random() for _ in range(500)]
    correct = [rng.random() < share for share in confidence]
    found = streamed(confidence, correct)
    assert len(found.bins) == 10
    assert found.ece == pytest.approx(expected_calibration_error(equal_width(confidence, correct, 10)), abs=1e-9)


def test_fewer_than_fifty_answers_have_a_brier_score_alone() -> None:
    found = streamed([0.5] * 49, [True] * 49)
    assert found.ece is None
    assert found.brier == pytest.approx(0.25)
    found.add(0.5, True)
    assert found.ece == pytest.approx(0.5)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80))
def test_streaming_agrees_with_the_whole(samples: list[tuple[float, bool]]) -> None:
    confidence, correct = [s for s, _ in samples], [y for _, y in samples]
    found = streamed(confidence, correct)
    assert found.brier == pytest.approx(brier(confidence, correct))
    assert sum(b.n for b in found.bins) == len(samples)
