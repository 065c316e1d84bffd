"""Which verifier checks a kind of problem, and what a verifier says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import OrchestratorError, VerifierError
from ..protocols import Verifier
from ..types import Candidate, Kind, Problem, Verdict
from .build import spec_of

if TYPE_CHECKING:
    from ..run import Run

CHECKED: Mapping[Kind, str] = {"game24": "game24", "plan": "plan", "code": "unit_tests"}
"""Kinds of problem that a sound checker exists for."""


def checker_of(problem: Problem) -> str | None:
    """Name of the verifier that checks this problem's answers soundly, if there is one."""
    if problem.kind == "code" and not (problem.public_tests or problem.examples):
        return None
    if problem.kind == "plan" and "pddl_instance" not in problem.meta:
        return None
    return CHECKED.get(problem.kind)


async def verdict_of(verifier: Verifier, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
    """What a verifier says of a candidate; a function of the user's may also return a bool or a number.

    Raises:
        VerifierError: it failed, or its score is no number from 0 to 1.
    """
    try:
        said: object = await verifier(problem, candidate, run)
    except OrchestratorError:
        raise
    except Exception as error:  # a stranger's function may fail in any way; the candidate is not to blame
        raise VerifierError(f"verifier {spec_of(verifier)} failed: {type(error).__name__}: {error}") from error
    if isinstance(said, bool):
        said = Verdict(float(said), said, verifier=str(spec_of(verifier)))
    elif isinstance(said, int | float):
        said = Verdict(float(said), None, verifier=str(spec_of(verifier)))
    if not isinstance(said, Verdict):
        what = type(said).__name__
        raise VerifierError(f"verifier {spec_of(verifier)} returned {what}, not a Verdict, a bool or a number")
    if not 0 <= said.score <= 1:
        told = f"scored candidate {candidate.id} with {said.score}; scores go from 0 to 1"
        raise VerifierError(f"verifier {spec_of(verifier)} {told}")
    return said
