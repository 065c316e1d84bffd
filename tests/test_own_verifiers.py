"""Verifiers that are functions of the user's own."""

from __future__ import annotations

import re
from typing import Any

import pytest

from orchestrator import Candidate, ConfigError, Problem, Run, Verdict, asolve

from .cycling import cycling


async def even(problem: Problem, candidate: Candidate, run: Run) -> bool:
    return candidate.answer is not None and int(candidate.answer) % 2 == 0


async def larger_is_better(problem: Problem, candidate: Candidate, run: Run) -> float:
    return int(candidate.answer or 0) / 10


async def broken(problem: Problem, candidate: Candidate, run: Run) -> Verdict:
    raise KeyError("oops")


async def nonsense(problem: Problem, candidate: Candidate, run: Run) -> float:
    return float("nan")


NUMBERS = [f"The answer is {n}." for n in (3, 5, 8, 5)]


async def test_a_check_of_the_users_picks_the_candidate_and_ends_the_search() -> None:
    out = await asolve("q?", kind="number", experts=[cycling(*NUMBERS).value], verifier=even)
    assert (out.answer, out.chosen_by, out.stopped_by) == ("8", "verified", "verifier")


async def test_an_opinion_of_the_users_ranks() -> None:
    out = await asolve(
        "q?", kind="number", experts=[cycling(*NUMBERS).value], verifier=larger_is_better,
        strategy="best_of_n(samples=4)",
    )  # fmt: skip
    assert (out.answer, out.chosen_by) == ("8", "score")
    assert [candidate.answer for candidate in out.top(3)] == ["8", "5", "3"]


@pytest.mark.parametrize(
    ("verifier", "words"), [(broken, "broken failed: KeyError: 'oops'"), (nonsense, "nonsense scored candidate .* nan")]
)
async def test_a_verifier_that_fails_costs_its_verdicts_and_not_the_answers(verifier: Any, words: str) -> None:
    out = await asolve(
        "q?", kind="number", experts=[cycling(*NUMBERS).value], verifier=verifier, strategy="best_of_n(samples=4)"
    )
    assert (out.answer, out.chosen_by, out.stopped_by) == ("5", "vote", "done")
    assert re.search(words, out.reason)
    assert len([event for event in out.trace if event.kind == "unverified"]) == 4


async def test_a_function_that_is_not_async_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be an async function"):
        await asolve("q?", experts=[cycling("").value], verifier=lambda *_: True)  # type: ignore[arg-type]
