"""The check of an answer that an aggregator wrote itself: it counts for no more than the candidates do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .errors import BudgetExceeded, ExpertError, VerifierError
from .protocols import Verifier
from .registry import build, verdict_of
from .run import Deadline, Run, within
from .types import Choice, Scored


def written_in(choice: Choice, scored: Sequence[Scored]) -> Scored | None:
    """What the aggregator has chosen, where it is none of the candidates."""
    chosen = choice.candidate
    return None if chosen is None or chosen.id in {one.candidate.id for one in scored} else Scored(chosen)


async def verified(written: Scored, verifier: Verifier, run: Run, deadline: Deadline | None) -> Scored:
    """With the verifier's verdict; without one, and a note, where the verifier has none to give."""
    candidate = written.candidate
    try:
        async with within(deadline):
            verdict = await verdict_of(verifier, run.problem, candidate, run)
    except (BudgetExceeded, ExpertError, VerifierError) as error:
        run.note("unverified", reason=str(error))
        return written
    run.note("verdict", candidate=candidate.id, score=verdict.score, passed=verdict.passed)
    return Scored(candidate, verdict)


async def preferring_passed(choice: Choice, written: Scored, scored: Sequence[Scored], run: Run) -> Choice:
    """The choice, or the first candidate that passed where what was written instead failed."""
    failed = written.verdict is not None and written.verdict.passed is False
    if not failed or not any(one.passed for one in scored):
        return choice
    passed = await build("aggregators", "first_verified")(run.problem, scored, run)
    return replace(passed, reason="the answer that the aggregator wrote failed the check that a candidate passed")
