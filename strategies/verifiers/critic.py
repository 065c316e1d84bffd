"""Has a model look for what is wrong with an answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from orchestrator.errors import VerifierError
from orchestrator.sandbox import Asserts, Limits
from orchestrator.sandbox.header import with_header
from orchestrator.types import Candidate, Estimate, Problem, Sampling, Verdict

from .._asserts import asserts_in
from .._judging import LONGEST, Question, judge_for, judge_of_all, one_line, shown

if TYPE_CHECKING:
    from orchestrator.run import Run

_BRACKETED = re.compile(r"\[\s*(in)?correct\s*\]", re.IGNORECASE)
_STATED = re.compile(
    r"\b(?:verdict|conclusion)\b[\"'*_`\s]{0,4}(?:is\b|:)?[\"'*_`\s]{0,4}(in)?correct\b|^\W{0,6}(in)?correct\W{0,6}$",
    re.IGNORECASE | re.MULTILINE,
)
_TEST = re.compile(r"\bfailing test\b[*_`\s]{0,4}:[*_\s]{0,4}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Critic:
    """Has a model criticise each candidate and say whether it is right; an opinion, which passes and fails nobody.

    1. Criticism: what speaks for the answer, then the strongest objection, followed to its end; of a program, a test
       that it fails.
    2. Verdict: correct or not, at the end of the same reply.
    3. Check: a test that was named is run. A program that passes it has refuted the criticism, which then counts as
       one in its favour.

    The score is the share of criticisms that end well for the candidate; the reason is the first that does not, with
    its test. Who criticises and what it sees is as in `judge`. Asking for support before the objection, and for both,
    keeps a critic from agreeing, or finding fault, for the sake of it.

    Raises:
        ValueError: a field is out of its range.
    """

    votes: int = 1
    """Criticisms of each candidate."""
    temperature: float | None = 0.3
    """`None`: the provider's default."""
    tries: int = 2
    """How often each verdict is asked for at the most, until it can be read."""
    longest: int = LONGEST
    """Characters of an answer that are shown; of a longer one its beginning and its end."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""
    check: bool = True
    """Whether a test that a criticism names is run."""
    timeout: float = 10.0
    """CPU seconds that such a test may take."""

    needs: ClassVar[str] = "an expert that finds faults better than chance; `--role judge=ID` names one"

    def __post_init__(self) -> None:
        if min(self.votes, self.tries) < 1 or self.longest < 100:
            raise ValueError("votes and tries are at least 1, and longest at least 100")

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
        if candidate.key is None:
            return Verdict(0.0, False, "there is no answer in the reply", "critic")
        question = self._question(problem, candidate, run)
        found = await question.ask(run, self.votes)
        if not found:
            raise VerifierError(f"critic {question.expert.id} gave candidate {candidate.id} no readable verdict")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._objection(problem, candidate, *each, run)) for each in found]
        objections = [objection for task in tasks if (objection := task.result()) is not None]
        score = 1 - len(objections) / len(found)
        reason = objections[0] if objections else _BRACKETED.sub("", found[0][0])
        return Verdict(score, None, one_line(reason), "critic")

    async def _objection(
        self, problem: Problem, candidate: Candidate, said: str, correct: bool, run: Run
    ) -> str | None:
        """What the criticism holds against the candidate; `None` for nothing, or what its own test refutes."""
        if correct:
            return None
        test = _test_in(said, problem) if problem.kind == "code" else None
        if test is None or candidate.answer is None or not self.check:
            return _BRACKETED.sub("", said)
        done = await run.sandbox.verify(
            with_header(problem, candidate.answer), Asserts((test,), trusted=False), Limits(self.timeout)
        )
        return None if done.verdict == "passed" else f"{test} ({done.verdict}): {_BRACKETED.sub('', said)}"

    def _question(self, problem: Problem, candidate: Candidate, run: Run) -> Question[bool]:
        prompts = run.prompts("critic")
        template = prompts.criticise_program if problem.kind == "code" else prompts.criticise
        return Question(
            problem.ask(template, answer=shown(problem, candidate, self.longest)),
            judge_for(run, [candidate]),
            Sampling(self.temperature, max_tokens=self.max_tokens),
            "critic",
            verdict_in,
            prompts.again,
            self.tries,
        )

    def declares(self, problem: Problem, run: Run, candidates: int) -> Mapping[str, int]:
        """The calls of one who judges whoever wrote a candidate; where that depends on who did, none are known."""
        judge = judge_of_all(run)
        return {} if judge is None else {judge.id: self.votes * candidates}

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Calls on one candidate."""
        return self.estimate_over(problem, experts, 1)

    def estimate_over(self, problem: Problem, experts: int, candidates: int) -> Estimate:
        """Calls on so many candidates; those without an answer take none."""
        calls = self.votes * candidates
        return Estimate(0, float(calls), calls * self.tries, 1)


def verdict_in(text: str) -> bool | None:
    """Whether a reply ends in `[Correct]`, or says so in another way; `None` where it says neither."""
    found = [*_BRACKETED.finditer(text)][-1:] or [*_STATED.finditer(text)][-1:]
    return None if not found else not any(found[0].groups())


def _test_in(text: str, problem: Problem) -> str | None:
    """The last test that a criticism says the program fails."""
    marks = list(_TEST.finditer(text))
    entry = problem.meta.get("entry_point")
    found = asserts_in(text[marks[-1].end() :], entry if isinstance(entry, str) else None) if marks else []
    return found[0] if found else None
