"""Has a model say how good an answer is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, fsum
from typing import TYPE_CHECKING, ClassVar

from orchestrator.errors import VerifierError
from orchestrator.types import Candidate, Completion, Estimate, Problem, Sampling, Verdict

from .._judging import LONGEST, Question, judge_for, judge_of_all, one_line, shown

if TYPE_CHECKING:
    from orchestrator.run import Run

_BEST = 10
_DIGITS = frozenset("0123456789")
_HIGHEST_DIGIT = 9
"""One token wherever tokens are made; a ten is not."""
_DIGIT = re.compile(r"\W*(\d)\W*")
_MASS = 0.5
"""Probability that must be on digits."""
_ALTERNATIVES = 20
_RATING = re.compile(
    r"\brating\b(?:\s*\([^()\n]*\))?(?:\s+of)?[\"'*_`\s]{0,4}[:=\u2013\u2014-]?[\"'*_`\s(\[]{0,4}"
    r"(\d{1,3}(?:\.\d+)?)(?![\d%]|\.\d|\s*(?:to|-|\u2013)\s*\d)",
    re.IGNORECASE,
)
_BARE = re.compile(r"\W*(\d{1,2}(?:\.\d+)?)(?:\s*(?:/|out of)\s*10)?\W*")


@dataclass(frozen=True, slots=True)
class Judge:
    """Has a model rate each candidate from 0 to 10; an opinion, which passes and fails nobody.

    The score is the mean rating, in tenths. The role `judge` rates; where nobody was given for it, the first expert
    whose model did not write the candidate, so that a model judges its own answers only where there is no other. It is
    not told who wrote what, sees the answer in a fence (with the reasoning, except of programs, plans, JSON and games
    of 24), and gives its reasons first. A reply without a rating is asked for one again; a candidate that has none even
    then stays unchecked. Only a candidate without an answer fails.

    With `expected` the judge writes one digit and no reasons, and the score is the mean of all digits that it might
    have written, by the log-probabilities of its first token: finer than a single rating, and cheaper. Where a server
    tells no log-probabilities the digit that was written counts.

    What a rating is worth depends on the judge: where something can be run, run it instead.

    Raises:
        ValueError: a field is out of its range.
    """

    ratings: int = 1
    """Ratings of each candidate, whose mean counts."""
    temperature: float | None = 0.1
    """`None`: the provider's default."""
    tries: int = 2
    """How often each rating is asked for at the most, until it can be read."""
    longest: int = LONGEST
    """Characters of an answer that are shown; of a longer one its beginning and its end."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""
    expected: bool = False
    """Whether the rating is the mean of the digits that the judge might have written."""

    needs: ClassVar[str] = "an expert that judges better than chance; `--role judge=ID` names one"

    def __post_init__(self) -> None:
        if min(self.ratings, self.tries) < 1 or self.longest < 100:
            raise ValueError("ratings and tries are at least 1, and longest at least 100")

    async def __call__(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
        if candidate.key is None:
            return Verdict(0.0, False, "there is no answer in the reply", "judge")
        if self.expected:
            return await self._likely(problem, candidate, run)
        question = self._question(problem, candidate, run)
        found = await question.ask(run, self.ratings)
        if not found:
            raise VerifierError(f"judge {question.expert.id} gave candidate {candidate.id} no readable rating")
        mean = fsum(rating for _, rating in found) / len(found)
        said = _RATING.split(found[0][0], maxsplit=1)[0]
        return Verdict(mean / _BEST, None, one_line(f"rated {mean:g} of {_BEST}: {said}"), "judge")

    async def _likely(self, problem: Problem, candidate: Candidate, run: Run) -> Verdict:
        """The verdict by expected value; a first reply without a digit is asked for one again."""
        prompts, judge = run.prompts("judge"), judge_for(run, [candidate])
        sampling = Sampling(self.temperature, max_tokens=self.max_tokens, top_logprobs=_ALTERNATIVES)
        prompt = problem.ask(prompts.rate_by_digit, answer=shown(problem, candidate, self.longest))
        replies = await run.generate(prompt, expert=judge, n=self.ratings, sampling=sampling, purpose="judge")
        found = [rating for reply in replies if (rating := likely_rating(reply)) is not None]
        for _ in range(self.tries - 1):
            if found:
                break
            prompt = prompt.then(replies[0], prompts.digit_again.text)
            replies = await run.generate(prompt, expert=judge, sampling=sampling, purpose="judge")
            found = [rating for reply in replies if (rating := likely_rating(reply)) is not None]
        if not found:
            raise VerifierError(f"judge {judge.id} gave candidate {candidate.id} no readable rating")
        mean = fsum(found) / len(found)
        return Verdict(mean / _HIGHEST_DIGIT, None, f"rated {mean:.2f} of {_HIGHEST_DIGIT}", "judge")

    def _question(self, problem: Problem, candidate: Candidate, run: Run) -> Question[float]:
        prompts = run.prompts("judge")
        return Question(
            problem.ask(prompts.rate, answer=shown(problem, candidate, self.longest)),
            judge_for(run, [candidate]),
            Sampling(self.temperature, max_tokens=self.max_tokens),
            "judge",
            rating_in,
            prompts.rate_again,
            self.tries,
        )

    def declares(self, problem: Problem, run: Run, candidates: int) -> Mapping[str, int]:
        """The calls of one who judges whoever wrote a candidate; where that depends on who did, none are known."""
        judge = judge_of_all(run)
        return {} if judge is None else {judge.id: self.ratings * candidates}

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Calls on one candidate."""
        return self.estimate_over(problem, experts, 1)

    def estimate_over(self, problem: Problem, experts: int, candidates: int) -> Estimate:
        """Calls on so many candidates; those without an answer take none."""
        calls = self.ratings * candidates
        return Estimate(0, float(calls), calls * self.tries, 1)


def likely_rating(reply: Completion) -> float | None:
    """The mean of the digits that a reply might have begun with; without their log-probabilities the digit that it is.

    `None` where the reply is no digit, and had hardly been one.
    """
    likely = [(int(token), exp(logprob)) for text, logprob in reply.alternatives if (token := text.strip()) in _DIGITS]
    mass = fsum(weight for _, weight in likely)
    if mass >= _MASS:
        return fsum(digit * weight for digit, weight in likely) / mass
    said = _DIGIT.fullmatch(reply.text)
    return float(said[1]) if said else None


def rating_in(text: str) -> float | None:
    """The last rating in a reply, or the number that it is; `None` where there is none from 0 to 10."""
    found: Iterable[re.Match[str] | None] = [*_RATING.finditer(text)][-1:] or [_BARE.fullmatch(text.strip())]
    rating = next((float(one[1]) for one in found if one), -1.0)
    return rating if 0 <= rating <= _BEST else None
