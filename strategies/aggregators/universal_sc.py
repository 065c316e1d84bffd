"""The answer that a model finds most consistent with the others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, ClassVar

from orchestrator.types import Candidate, Choice, Estimate, Problem, Sampling, Scored

from .._judging import listed
from .._lists import declines
from .._overlap import mean_overlaps, said
from ._support import supported
from ._votes import classes_of, elected, standing

if TYPE_CHECKING:
    from orchestrator.run import Run

_UNREAD = "the selector named no candidate, so that the one with most in common with the others was taken"
_USUAL = "where several are equally so, the one that is clearest and most complete"
_NAMED = r"(?:candidate|response|answer|number|no\.?)"
_CHOSEN = re.compile(
    rf"\bmost consistent\b[^.\n]{{0,40}}?\b(?:is|:)[\"'*_`\s:#(\[]{{0,6}}(?:{_NAMED}[\"'*_`\s:#(\[]{{0,6}}){{0,2}}"
    rf"(\d{{1,4}})\b(?![.,]\d)"
    rf"|\b{_NAMED}[\"'*_`\s#(\[]{{0,6}}(\d{{1,4}})[\"'*_`)\]]{{0,4}}\s+is\s+(?:the\s+)?most consistent\b",
    re.IGNORECASE,
)
_BARE = re.compile(r"\W*(?:(?:candidate|response|answer|number)\W+)?(\d{1,4})\W*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class UniversalSelfConsistency:
    """Has a model pick the answer that is most consistent with the others (X. Chen et al., 2023).

    1. Material: candidates with an answer that failed no check; of programs that leaves out what does not compile.
    2. Selection: one reply, which sees them numbered, in an order that is drawn anew for each call and without their
       authors, and ends in the number of one. More than `group` of them meet in groups, and the winners meet again.
    3. Where no number can be read it is asked once more at temperature 0. Where there is none even then, the candidate
       is taken that has most words in common with the others (token F1), and the reason is told.

    The role `aggregator` selects, else the run's own expert. Candidates of one answer need no selection. Confidence is
    the share of candidates with the chosen answer; for free text, the mean share of words that all have in common with
    it.

    Raises:
        ValueError: a field is out of its range.
    """

    group: int = 8
    """Candidates compared at once; quality falls with more."""
    criterion: str = ""
    """What decides beside consensus, such as "the most detailed one"; by default the clearest and most complete."""
    temperature: float | None = None
    """`None`: the provider's default."""
    longest: int = 4_000
    """Characters of a candidate that are shown; of a longer one its beginning and its end."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""

    needs: ClassVar[str] = "an expert that sees which answers agree; `--role aggregator=ID` names one"

    def __post_init__(self) -> None:
        if self.group < 2 or self.longest < 100:
            raise ValueError("group is at least 2, and longest at least 100")

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice:
        able = standing(scored)
        material = [one for one in able if problem.kind != "text" or not declines(one.candidate.text)] or able
        classes = await classes_of(problem, material)
        if len(classes) < 2:
            return elected(classes, [len(members) for members in classes], "vote")
        number = {one.candidate.id: i for i, members in enumerate(classes) for one in members}
        left = run.rng.sample([one.candidate for one in material], len(material))
        reason, picked = "", True
        while len(left) > 1:
            groups = _groups(left, self.group)
            named = await run.map(partial(self._named, number), groups, cost=2)
            picked = None not in named
            reason = reason if picked else _UNREAD
            left = [each or await _likest(group) for each, group in zip(named, groups, strict=True)]
        chosen_by = "judge" if picked else "weight"
        return await supported(problem, left[0], classes, len(material), chosen_by, reason)

    async def _named(self, number: Mapping[str, int], group: Sequence[Candidate], run: Run) -> Candidate | None:
        """The candidate that the selector names; `None` where it names none."""
        if len({number[each.id] for each in group}) == 1:
            return min(group, key=lambda each: each.place)
        problem, order = run.problem, run.rng.sample(group, len(group))
        candidates = listed(problem, order, self.longest)
        prompt = problem.ask(
            run.prompts("universal_sc").select, candidates=candidates, criterion=self.criterion or _USUAL
        )
        for sample, temperature in enumerate((self.temperature, 0.0)):
            sampling = Sampling(temperature, max_tokens=self.max_tokens)
            reply = await run.generate(
                prompt, expert=run.role("aggregator"), sample=sample, sampling=sampling, purpose="select"
            )
            if (index := index_in(reply.text, len(order))) is not None:
                return order[index]
        return None

    def declares(self, problem: Problem, run: Run, candidates: int) -> Mapping[str, int]:
        """A call of the selector for each group."""
        calls = self.estimate_over(problem, len(run.experts), candidates).expected
        return {run.role("aggregator").id: round(calls)}

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Calls on one full group."""
        return self.estimate_over(problem, experts, self.group)

    def estimate_over(self, problem: Problem, experts: int, candidates: int) -> Estimate:
        """A call for each group, twice that where replies cannot be read."""
        calls = depth = 0
        while candidates > 1:
            groups = ceil(candidates / self.group)
            calls, depth, candidates = calls + groups, depth + 1, groups
        return Estimate(0, float(calls), 2 * calls, depth)


def index_in(text: str, candidates: int) -> int | None:
    """The candidate that a reply names at last, counted from 0; `None` where it names none of so many."""
    found = [*_CHOSEN.finditer(text)][-1:] or [match for match in [_BARE.fullmatch(text.strip())] if match]
    number = next((int(each) for match in found for each in match.groups() if each), 0)
    return number - 1 if 1 <= number <= candidates else None


def _groups(candidates: Sequence[Candidate], most: int) -> list[Sequence[Candidate]]:
    """As few groups as possible, of equal size but for one."""
    groups = ceil(len(candidates) / most)
    bounds = [len(candidates) * i // groups for i in range(groups + 1)]
    return [candidates[start:end] for start, end in pairwise(bounds)]


async def _likest(group: Sequence[Candidate]) -> Candidate:
    """The candidate that has most words in common with the others, of equals the earliest."""
    ordered = sorted(group, key=lambda each: each.place)
    means = await mean_overlaps([said(each) for each in ordered])
    return ordered[means.index(max(means))]
