"""Reasoned and direct answers in one vote."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from orchestrator.types import LETTERS, Choice, Estimate, Problem, Sampling, Scored

from .._direct import shares_of
from ._votes import classes_of, elected, standing

if TYPE_CHECKING:
    from orchestrator.run import Run

_SAID = re.compile(r"\b(yes|no)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Adds the votes of reasoned answers to the probabilities of direct ones (Medprompt+; Nori et al., 2023).

    1. Screening: one call tells whether the question takes working out.
    2. Weights: a reasoned answer counts `scratch_pad` times if it does, and as many times less if it does not; once
       where the reply cannot be read. A direct answer spreads one vote over the options by their probabilities.
    3. Vote: the option of the largest sum. A tie is broken as in `majority`; the text is a reasoned one where there is
       one for that answer.

    Without both sorts of answers there is nothing to weigh, and no call is made.

    Raises:
        ValueError: `scratch_pad` is not above 0.
    """

    scratch_pad: float = 2.0
    """Weight of a reasoned answer to a question that takes working out."""

    needs: ClassVar[str] = "multiple choice, and an expert that tells the log-probabilities of its tokens"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scratch_pad) and self.scratch_pad > 0):
            raise ValueError("scratch_pad is a number above 0")

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice:
        able = standing(scored)
        found = {one.candidate.id: shares_of(one.candidate, len(problem.options)) for one in able}
        direct = [shares for shares in found.values() if shares is not None]
        reasoned = len(found) - len(direct)
        weight = await self._weight(problem, run) if direct and reasoned else 1.0
        classes = await classes_of(problem, able)
        sums: list[float] = []
        for members in classes:
            voices = sum(found[one.candidate.id] is None for one in members)
            sums.append(math.fsum([weight * voices, *(_share(shares, members[0].candidate.key) for shares in direct)]))
        speaking = [tuple(one for one in members if found[one.candidate.id] is None) or members for members in classes]
        return elected(speaking, sums, "weight" if direct else "vote")

    async def _weight(self, problem: Problem, run: Run) -> float:
        async def ask(question: Problem, branch: Run) -> str:
            prompt = question.ask(branch.prompts("medprompt").screen)
            reply = await branch.generate(prompt, sampling=Sampling(0.0), purpose="screen")
            return reply.text

        (text,) = await run.map(ask, [problem])
        said = None if text is None else _SAID.search(text)
        run.note("screen", takes_working_out=None if said is None else said[1].lower() == "yes")
        if said is None:
            return 1.0
        return self.scratch_pad if said[1].lower() == "yes" else 1 / self.scratch_pad

    def declares(self, problem: Problem, run: Run, candidates: int) -> Mapping[str, int]:
        """One call, where both sorts of answers may come."""
        return {run.expert.id: int(bool(problem.options) and candidates > 1)}

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        calls = int(bool(problem.options))
        return Estimate(0, float(calls), calls, calls)


def _share(shares: Sequence[float], key: str | None) -> float:
    return shares[LETTERS.index(key)] if key else 0.0
