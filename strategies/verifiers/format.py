"""Whether a candidate has an answer of the right form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator import answers
from orchestrator.answers import structured
from orchestrator.types import Candidate, Estimate, Problem, Verdict

if TYPE_CHECKING:
    from orchestrator.run import Run

_WANTED = {
    "choice": "letter of an option",
    "number": "number",
    "expression": "expression",
    "text": "text",
    "json": "JSON value",
    "code": "program that compiles",
    "plan": "plan",
    "game24": "expression",
}


@dataclass(frozen=True, slots=True)
class Format:
    """Rejects a candidate without an answer of the problem's kind, and JSON that does not fit the schema.

    Says nothing about whether an answer is right: what has the form is passed by nobody and failed by nobody.
    """

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
        reading = None if candidate.answer is None else await answers.read(problem, candidate.answer)
        if reading is None:
            return Verdict(0.0, False, f"there is no {_WANTED[problem.kind]} in the reply", "format")
        if problem.kind == "json" and problem.schema is not None:
            wrong = structured.mismatch(json.loads(reading.value), problem.schema)
            if wrong:
                return Verdict(0.0, False, wrong, "format")
        return Verdict(1.0, None, "", "format")

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(0, 0.0, 0, 0)
