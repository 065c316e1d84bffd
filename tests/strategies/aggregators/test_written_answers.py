"""Answers that an aggregator writes are checked by the verifier as candidates are, though they are none."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator import asolve
from orchestrator.cli.solve import _code
from orchestrator.contest import contestant_for
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.fitting import estimated
from orchestrator.run import Run
from orchestrator.types import Candidate, Choice, Outcome, Problem, Scored, Verdict
from tests.strategies.judging import ASKED


async def is_large(problem: Problem, candidate: Candidate, run: Run) -> Verdict:
    return Verdict(0.5, candidate.answer in ("10", "12"), "", "large")


class Stubborn:
    """Writes its own answer whatever the candidates are."""

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice:
        reply = await run.generate(problem.ask(run.prompts("cot").answer), expert=run.role("aggregator"))
        return Choice(run.candidate(await run.read(reply)), 1.0, "synthesis")


async def solved(written: str, verifier: object, *, candidates: str = "6 10 12", **step: object) -> Outcome:
    solver = ScriptedExpert(lambda r: f"The answer is {candidates.split()[r.sample_index]}.")
    writer = ScriptedExpert(lambda r: f"The answer is {written}.", id="writer")
    return await asolve(  # type: ignore[misc]
        ASKED,
        experts=[solver.value],
        roles={"aggregator": writer.value},
        strategy="synthesis(samples=3)",
        verifier=verifier,
        **step,
    )


async def test_its_verdict_stands_apart_from_those_of_the_candidates() -> None:
    async def is_eight(problem: Problem, candidate: Candidate, run: Run) -> bool:
        return candidate.answer == "8"

    out = await solved("8", is_eight)
    assert out.written is not None
    assert (out.answer, out.chosen_by, out.written.passed) == ("8", "synthesis", True)
    assert out.chosen == out.written.candidate
    assert [scored.passed for scored in out.candidates] == [False, False, False]
    assert _code(out) == 0


async def test_where_a_candidate_passed_nothing_is_written() -> None:
    out = await solved("8", is_large, candidates="6 10 12")
    assert (out.answer, out.chosen_by, out.written) == ("10", "verified", None)


async def test_a_single_candidate_that_passed_is_chosen_as_verified() -> None:
    out = await solved("8", is_large, candidates="10 10 10")
    assert (out.answer, out.chosen_by, out.written) == ("10", "verified", None)


async def test_one_of_another_aggregator_that_fails_gives_way_to_a_candidate_that_passed() -> None:
    out = await solved("8", is_large, candidates="6 10 12", aggregator=Stubborn())
    assert (out.answer, out.chosen_by) == ("10", "verified")
    assert out.written is not None
    assert (out.written.candidate.answer, out.written.passed) == ("8", False)
    assert "wrote failed the check" in out.reason


async def test_an_opinion_of_it_is_taken_and_counted() -> None:
    asked: list[str | None] = []

    async def opinion(problem: Problem, candidate: Candidate, run: Run) -> float:
        asked.append(candidate.answer)
        return 0.5

    out = await solved("8", opinion)
    assert asked[-1] == "8"
    assert out.written is not None
    assert out.written.verdict is not None
    assert (out.answer, out.written.verdict.score) == ("8", 0.5)


async def test_a_judge_is_asked_about_it_within_the_estimate() -> None:
    judge = ScriptedExpert(lambda r: "Rating: 7", id="judge")
    solver = ScriptedExpert(lambda r: f"The answer is {r.sample_index}.")
    contestant = contestant_for(ASKED, "synthesis(samples=3)", "judge", None)
    out = await asolve(
        ASKED,
        experts=[solver.value],
        roles={"judge": judge.value},
        strategy="synthesis(samples=3)",
        verifier="judge",
    )
    told = estimated(contestant, ASKED, 1)
    assert told is not None
    assert out.usage.calls == told.expected == 8
    assert out.written is not None
    assert out.written.verdict is not None


async def test_a_verifier_that_fails_on_it_leaves_it_unchecked() -> None:
    async def picky(problem: Problem, candidate: Candidate, run: Run) -> float:
        if candidate.answer == "8":
            raise ValueError("eight")
        return 0.5

    out = await solved("8", picky, candidates="6 6 6")
    assert out.written is not None
    assert (out.answer, out.written.verdict) == ("8", None)


async def test_without_a_verifier_it_is_there_and_unchecked() -> None:
    out = await solved("8", None)
    assert out.written == Scored(out.chosen)  # type: ignore[arg-type]
    assert (await solved("8", None, aggregator="majority")).written is None
