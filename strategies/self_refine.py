"""Self-refine: an answer revised by feedback on it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from orchestrator.errors import BudgetExceeded
from orchestrator.protocols import Verifier
from orchestrator.registry import strategy
from orchestrator.types import Answer, Estimate, Problem, Prompt, Reply, Sampling, Verdict

from ._cut import cut_off
from ._judging import shown
from ._lists import declines
from ._scoring import Scoring, Told
from .verifiers.critic import verdict_in

if TYPE_CHECKING:
    from orchestrator.run import Run

Evidence = Literal["feedback", "checks"]


@strategy
@dataclass(frozen=True)
class SelfRefine:
    """Has a model criticise its own answer and revise it, until it finds nothing to change (Madaan et al., 2023).

    1. Answer: a chain of thought.
    2. Feedback: in a conversation of its own, what is wrong and what would mend it, closed with a verdict.
    3. Revision: another answer, given all attempts so far with their feedback; then feedback again.
    4. End: the feedback finds nothing to change, or there have been enough attempts. The last attempt is the answer.

    With `evidence="checks"` nobody is asked whether an answer is right: it is scored by `scorer`, revised only where
    that does not pass it, told what was found, and the best attempt is the answer. Models that judge themselves often
    mend what was right, so this is the better way wherever something can be checked. Departs from the paper: feedback
    does not presuppose an error, none that was refused or cut off is acted upon, and there are no worked examples. The
    role `judge` gives feedback; without it a model judges its own answers, as in the paper.
    """

    attempts: int = 4
    """Answers of a chain, the first included."""
    evidence: Evidence = "feedback"
    """What an answer is revised on: feedback of a model, or a check."""
    chains: int | None = None
    """Answers that are refined side by side; `None`: one for each expert."""
    scorer: Verifier | None = None
    """For `checks`; `None`: the checker of the kind of problem, of programs without tests those that a model writes,
    else a judge."""
    enough: float = 0.8
    """The score at which an answer is left alone where nobody can check it, from 0 to 1."""
    temperature: float | None = 0.7
    """`None`: the provider's default."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""

    aggregator: ClassVar[str] = "first_verified"
    needs: ClassVar[str] = "an expert that finds faults better than chance, or a check; `--role judge=ID` names one"

    def __post_init__(self) -> None:
        if self.attempts < 1 or (self.chains is not None and self.chains < 1):
            raise ValueError("attempts and chains count from 1")
        if not 0 <= self.enough <= 1:
            raise ValueError("enough goes from 0 to 1")

    @property
    def verifier(self) -> str | Verifier:
        """With checks, what the answers were scored already."""
        return Told(self._scoring) if self.evidence == "checks" else "auto"

    async def __call__(self, problem: Problem, run: Run) -> None:
        refine = self._checked if self.evidence == "checks" else self._refined
        await run.map(refine, range(self._width(len(run.experts))), cost=self._line(problem))

    # -- on feedback --------------------------------------------------------------------

    async def _refined(self, number: int, run: Run) -> None:
        """Puts forward the last attempt, also where the budget ends before feedback on it."""
        made: list[_Attempt] = []
        try:
            await self._attempts(made, number, run)
        except (BudgetExceeded, asyncio.CancelledError) as error:
            if cut_off(error, run):
                self._emit(made, run)
            raise
        self._emit(made, run)

    async def _attempts(self, made: list[_Attempt], number: int, run: Run) -> None:
        made.append(await self._first(number, run))
        for sample in self._later(number, run):
            # A step that is lost, as its expert was, ends the chain and not what it has.
            (feedback,) = await run.map(self._feedback, [(made[-1], sample)])
            if feedback is None or verdict_in(feedback.text) is True:
                return
            made[-1] = replace(made[-1], found=feedback.text.strip(), replies=(*made[-1].replies, feedback))
            (revised,) = await run.map(self._revised, [(tuple(made), sample)])
            if revised is None:
                return
            made.append(revised)

    async def _feedback(self, asked: tuple[_Attempt, int], run: Run) -> Reply | None:
        attempt, sample = asked
        answer = shown(run.problem, attempt.answer)
        prompt = run.problem.ask(run.prompts("self_refine").feedback, answer=answer)
        reply = await self._ask(prompt, run, "feedback", sample, role="judge")
        return None if declines(reply.text) else reply

    def _emit(self, made: Sequence[_Attempt], run: Run) -> None:
        """The last attempt that has an answer; where none has, the last."""
        if made:
            best = next((each for each in reversed(made) if not each.answer.abstains), made[-1])
            run.emit(best.answer, parents=[reply for each in made[: made.index(best) + 1] for reply in each.replies])

    # -- on checks ----------------------------------------------------------------------

    async def _checked(self, number: int, run: Run) -> None:
        """Puts every attempt forward; whoever chooses is told the scores, and takes the best."""
        made = [await self._first(number, run)]
        candidate = run.emit(made[0].answer)
        for sample in self._later(number, run):
            verdict = await self._scoring.verdict(candidate, run)
            if verdict is None or self._holds(verdict):
                return
            made[-1] = replace(made[-1], found=await self._scoring.report(candidate, verdict, run))
            made.append(await self._revised((tuple(made), sample), run))
            candidate = run.emit(made[-1].answer, parents=(candidate,))

    def _holds(self, verdict: Verdict) -> bool:
        return verdict.passed is True or (verdict.passed is None and verdict.score >= self.enough)

    @property
    def _scoring(self) -> Scoring:
        return Scoring(self.scorer)

    # -- asking -------------------------------------------------------------------------

    async def _first(self, number: int, run: Run) -> _Attempt:
        prompt = run.problem.ask(run.prompts("self_refine").answer)
        return await self._read(await self._ask(prompt, run, "answer", number), run)

    async def _revised(self, asked: tuple[Sequence[_Attempt], int], run: Run) -> _Attempt:
        made, sample = asked
        history = "\n\n".join(each.told(i, run.problem) for i, each in enumerate(made, 1))
        prompt = run.problem.ask(run.prompts("self_refine").refine, history=history)
        return await self._read(await self._ask(prompt, run, "answer", sample), run)

    async def _read(self, reply: Reply, run: Run) -> _Attempt:
        return _Attempt(await run.read(reply), (reply,))

    async def _ask(self, prompt: Prompt, run: Run, purpose: str, sample: int, role: str = "") -> Reply:
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens)
        expert = run.role(role) if role else None
        return await run.generate(prompt, expert=expert, sample=sample, sampling=sampling, purpose=purpose)

    def _later(self, number: int, run: Run) -> range:
        """Numbers of a chain's further samples: no step is answered by what was said to an equal one."""
        width = self._width(len(run.experts))
        return range(number + width, width * self.attempts, width)

    # -- size ---------------------------------------------------------------------------

    def _width(self, experts: int) -> int:
        return self.chains or experts

    def _line(self, problem: Problem) -> int:
        """Calls of one chain at the most."""
        if self.evidence == "feedback":
            return 2 * self.attempts - 1
        return self.attempts + self._scoring.calls_on(problem, self.attempts)

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Expected: something is found wrong with every attempt but the last."""
        chains = self._width(experts)
        if self.evidence == "feedback":
            calls, depth = chains * (2 * self.attempts - 1), 2 * self.attempts - 1
            return Estimate(chains * min(2, self.attempts), float(calls), calls, depth, chains)
        answers = chains * self.attempts
        checks = self._scoring.estimate_over(problem, experts, answers)
        depth = self.attempts * (1 + checks.depth)
        return Estimate(chains, answers + checks.expected, answers + checks.most, depth, answers)

    def fit(self, calls: int, problem: Problem, experts: int) -> SelfRefine | None:
        """The ladder: fewer chains, then fewer attempts, down to one."""
        for attempts in range(self.attempts, 0, -1):
            for chains in range(self._width(experts) if attempts == self.attempts else 1, 0, -1):
                form = replace(self, attempts=attempts, chains=chains)
                if form.estimate(problem, experts).most <= calls:
                    return form
        return None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An answer, and what was found when it was checked."""

    answer: Answer
    replies: tuple[Reply, ...]
    found: str = ""

    def told(self, number: int, problem: Problem) -> str:
        return f"Attempt {number}:\n{shown(problem, self.answer)}\n\nFound: {self.found}"
