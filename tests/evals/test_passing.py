"""pass@k over verdicts."""

from __future__ import annotations

import pytest

from orchestrator.evals.judging import Judged
from orchestrator.evals.metrics import bootstrap_mean, wilson
from orchestrator.evals.passing import Passing
from orchestrator.evals.samples import Sample


def judged(problem: str, passed: bool | None, verdict: str = "", chosen: bool = False, **facts: object) -> Judged:
    recorded = facts.pop("recorded", None)
    sample = Sample(problem, "", "solution", chosen=chosen, recorded=recorded)  # type: ignore[arg-type]
    return Judged(sample, problem, verdict or ("passed" if passed else "failed"), passed, **facts)  # type: ignore[arg-type]


def passing(*found: Judged) -> Passing:
    row = Passing()
    for one in found:
        row.add(one)
    return row


def counts(**right_of: tuple[int, int]) -> Passing:
    """By problem, how many passed of how many."""
    return passing(*(judged(name, i < c) for name, (c, n) in right_of.items() for i in range(n)))


def test_the_mean_of_the_unbiased_estimates_is_told() -> None:
    row = counts(a=(1, 2), b=(2, 2), c=(0, 2))
    assert row.pass_at(1) == pytest.approx((0.5 + 1 + 0) / 3)
    assert row.pass_at(2) == pytest.approx((1 + 1 + 0) / 3)
    assert (row.problems, row.samples, row.passed, row.fewest) == (3, 6, 3, 2)


def test_pass_at_k_is_unknown_where_a_problem_has_fewer_samples() -> None:
    row = counts(a=(1, 5), b=(1, 4))
    assert (row.pass_at(5), row.interval(5)) == (None, None)
    assert row.pass_at(4) is not None
    assert (passing().pass_at(1), passing().interval(1), passing().fewest) == (None, None, 0)


def test_the_interval_is_wilsons_where_a_problem_is_right_or_wrong_and_drawn_otherwise() -> None:
    assert counts(a=(1, 1), b=(0, 1)).interval(1) == wilson(1, 2)
    assert counts(a=(1, 2), b=(0, 2)).interval(1) == bootstrap_mean([0.5, 0.0])
    assert counts(a=(1, 2), b=(0, 2)).interval(2) == wilson(1, 2)


def test_problems_that_are_all_alike_say_nothing_of_others() -> None:
    assert (counts(a=(1, 2), b=(1, 2)).pass_at(1), counts(a=(1, 2), b=(1, 2)).interval(1)) == (0.5, None)
    assert counts(a=(2, 2), b=(2, 2)).interval(1) == wilson(2, 2)


def test_what_cannot_be_graded_is_counted_apart() -> None:
    row = passing(judged("a", True), judged("b", None, "ungraded"))
    assert (row.samples, row.pass_at(1), row.verdicts) == (1, 1.0, {"passed": 1, "ungraded": 1})


def test_final_answers_are_no_samples() -> None:
    found = [judged("a", True, chosen=True, recorded=False), judged("b", False, chosen=True, recorded=False)]
    row = passing(judged("a", True), *found)
    assert row.accuracy is not None
    assert (row.accuracy.now, row.accuracy.recorded, row.accuracy.ci95) == (0.5, 0.0, wilson(1, 2))
    assert (row.samples, passing(judged("a", True)).accuracy) == (1, None)


def test_time_of_programs_that_were_run_is_counted_once() -> None:
    row = passing(judged("a", True, cpu_seconds=0.5), judged("a", True, cpu_seconds=0.5, cached=True))
    assert (row.cpu_seconds, row.cached) == (0.5, 1)
