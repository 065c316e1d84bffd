"""How a strategy is made to fit a cap on calls together with what checks and chooses among its candidates."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from orchestrator import Budget, Candidate, Message, Problem, Request, Run, asolve
from orchestrator.contest import contestant_for
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.fitting import estimated
from orchestrator.types import Estimate, Outcome

ASKED = Problem("p", (Message("user", "How many?"),), "number")


def expert() -> ScriptedExpert:
    """Answers differ; judges always have something to say."""

    def reply(request: Request) -> str:
        if request.labels.purpose == "judge":
            return "Rating: 5" if "Rating: N" in request.messages[-1].text else "The better one is A"
        return f"The answer is {int.from_bytes(request.key[:4], 'big')}."

    return ScriptedExpert(reply)


async def solved(calls: int, strategy: str, **chosen: Any) -> Outcome:
    return await asolve(ASKED, experts=[expert().value], strategy=strategy, budget=Budget(calls=calls), **chosen)


def sizes(strategy: str, calls: range, **chosen: Any) -> list[int]:
    """Candidates under each cap."""

    async def main() -> list[int]:
        return [len((await solved(cap, strategy, **chosen)).candidates) for cap in calls]

    return asyncio.run(main())


def test_a_judge_takes_its_share_of_the_calls_for_every_candidate() -> None:
    """One call for a candidate, at most two for its rating."""
    assert sizes("best_of_n", range(3, 34, 5), verifier="judge") == [1, 2, 4, 6, 7, 9, 10]
    assert sizes("best_of_n", range(2, 12, 3), verifier="judge(tries=1)") == [1, 2, 4, 5]


def test_a_tournament_takes_its_share_by_the_number_of_answers() -> None:
    """n candidates take at most 4 (n - 1) comparisons, at most 60 of them all."""
    assert sizes("best_of_n", range(1, 42, 5), verifier="none", aggregator="tournament") == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert sizes("best_of_n(samples=99)", range(76, 140, 21), verifier="none", aggregator="tournament") == [
        16,
        37,
        58,
        79,
    ]


@pytest.mark.parametrize("calls", range(4, 32, 3))
async def test_what_was_fitted_comes_to_its_end(calls: int) -> None:
    out = await solved(calls, "ideasearch", verifier="judge")
    assert (out.stopped_by, out.usage.calls <= calls) == ("done", True)
    assert all(scored.verdict is not None for scored in out.candidates)


async def test_below_the_smallest_form_the_calls_that_would_do_are_named() -> None:
    out = await solved(7, "ideasearch", verifier="judge(ratings=3)")
    assert (out.stopped_by, out.usage.calls) == ("budget", 0)
    assert "calls=8" in out.reason


@dataclass(frozen=True)
class Fixed:
    """Asks once for all candidates together."""

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> float:
        return 0.5

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(4, 4.0, 4, 1)


def test_what_does_not_grow_with_the_candidates_is_counted_once() -> None:
    assert sizes("best_of_n", range(5, 17, 3), verifier=Fixed()) == [1, 4, 7, 10]


@pytest.mark.parametrize(
    ("strategy", "candidates"), [("best_of_n(samples=6)", 6), ("ideasearch(samples=6)", 6), ("plansearch", 242)]
)
def test_candidates_are_told_apart_from_calls(strategy: str, candidates: int) -> None:
    alone = estimated(contestant_for(ASKED, strategy, "none", "majority"), ASKED, 1)
    judged = estimated(contestant_for(ASKED, strategy, "judge(tries=1)", "majority"), ASKED, 1)
    assert alone is not None
    assert judged is not None
    assert judged.most - alone.most == candidates
    assert judged.depth == alone.depth + 1
