"""A paper's figures out of result lines."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from orchestrator.evals.metrics import wilson
from orchestrator.evals.recipe_measures import Measured, measured
from orchestrator.evals.results import CandidateLine, ResultLine, ScoreLine


def line(
    problem: str,
    candidates: Sequence[bool | None],
    correct: bool | None,
    row: str = "r",
    seed: int = 0,
    points: tuple[float, float] | None = None,
) -> ResultLine:
    return ResultLine(
        problem=problem, strategy=row, seed=seed, status="answered", answer="a", correct=correct, confidence=1.0,
        chosen=None, chosen_by="vote", stopped_by="done",
        candidates=tuple(
            CandidateLine(
                id=str(i), expert="e", answer="a", group=0, correct=right, passed=None, score=None, finish="stop"
            )
            for i, right in enumerate(candidates)
        ),
        score=None if points is None else ScoreLine(points=points[0], of=points[1]),
    )  # fmt: skip


LINES = [line("a", [True, False, False, False], False), line("b", [True] * 4, True), line("c", [False] * 2, False)]


def figure(measure: str, lines: Sequence[ResultLine] = LINES) -> Measured | None:
    return measured({"x": ("r", measure)}, lines)["x"]


@pytest.mark.parametrize(
    ("measure", "percent"),
    [
        ("accuracy", 100 / 3),
        ("any", 200 / 3),
        ("mean", 100 * (0.25 + 1 + 0) / 3),
        ("pass@1", 100 * (0.25 + 1 + 0) / 3),
        ("pass@2", 100 * (0.5 + 1 + 0) / 3),
        ("saved@8", 100 * (0.5 + 0.5 + 0.75) / 3),
        ("points", 100 / 3),
    ],
)
def test_each_measure_counts_as_it_says(measure: str, percent: float) -> None:
    found = figure(measure)
    assert found is not None
    assert found.value == pytest.approx(percent)
    assert found.low <= found.value <= found.high
    assert found.problems == 3


def test_missing_samples_count_as_wrong_and_are_told() -> None:
    found = figure("pass@4")
    assert found is not None
    assert (found.value, found.short) == (pytest.approx(100 * 2 / 3), 1)
    assert figure("pass@2").short == 0  # type: ignore[union-attr]


def test_points_are_summed_over_all_there_are() -> None:
    lines = [line("a", [True], False, points=(1, 4)), line("b", [True], True, points=(1, 1))]
    found = figure("points", lines)
    assert found is not None
    assert found.value == pytest.approx(100 * 2 / 5)
    assert (found.low, found.high) == (pytest.approx(25), pytest.approx(100))


def test_the_interval_is_that_of_a_proportion_where_each_problem_is_right_or_wrong() -> None:
    found = figure("accuracy")
    assert found is not None
    assert (found.low, found.high) == pytest.approx(tuple(100 * bound for bound in wilson(1, 3)))
    assert found.fits(40.0)
    assert not found.fits(99.0)


def test_seeds_of_a_problem_are_one_problem() -> None:
    found = figure("accuracy", [line("a", [True], True), line("a", [False], False, seed=1), line("b", [True], True)])
    assert found is not None
    assert (found.value, found.problems) == (75.0, 2)


def test_only_the_rows_own_lines_count() -> None:
    lines = [*LINES, line("a", [True], True, row="other")]
    found = measured({"x": ("r", "accuracy"), "y": ("other", "accuracy"), "z": ("none", "accuracy")}, lines)
    assert found["x"] is not None
    assert found["x"].value == pytest.approx(100 / 3)
    assert found["y"] is not None
    assert found["y"].value == 100
    assert found["z"] is None


def test_what_has_no_verdict_is_not_measured() -> None:
    assert figure("accuracy", [line("a", [None], None)]) is None
    assert figure("any", [line("a", [None, True], True)]) is None
    assert figure("none") is None


def test_a_measure_that_there_is_not_is_an_error() -> None:
    with pytest.raises(ValueError, match="no measure best"):
        figure("best")
