"""Answers compared two at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, log2
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from orchestrator.errors import ExpertError, VerifierError
from orchestrator.types import Candidate, Choice, Estimate, Problem, Sampling, Scored

from .._judging import LONGEST, Question, judge_for, judge_of_all, shown
from ._votes import NOTHING, best_of, classes_of, standing

if TYPE_CHECKING:
    from orchestrator.run import Run

_BETTER = re.compile(
    r"\b(?:the )?better (?:one|answer|candidate)\b[\"'*_`\s]{0,4}(?:is\b\s*:?|:)[\"'*_`\s(\[]{0,4}"
    r"(?:candidate\s+|answer\s+)?[\"'*_`(\[]{0,4}([AB])\b",
    re.IGNORECASE,
)
_BARE = re.compile(r"\W*(?:candidate\s+|answer\s+)?([AB])\W*", re.IGNORECASE)

_Match: TypeAlias = tuple[int, int]
"""Seeds of the two that meet, the better one first."""


@dataclass(frozen=True, slots=True)
class Tournament:
    """Has a model compare answers two at a time, each pair in both orders; the answer that wins most is chosen.

    1. Entrants: one candidate of each answer, seeded by how many candidates have it, then by lineage.
    2. Matches: both orders of a pair are asked about at once. If the same answer is preferred in both it wins; if the
       order decides, the match is a draw, half a point each.
    3. Rounds: `knockout` has the best seeds meet the worst and gives byes to the best; a draw sends the better seed
       on. `round_robin` has everybody meet everybody, and counts points.

    The role `judge` compares; where nobody was given for it, the first expert whose model wrote neither answer. It is
    not told who wrote what, nor how many agree. Confidence is the share of its matches' points that the winner has;
    with a single answer there is nothing to compare, and it is that answer's share of the votes.

    Raises:
        ValueError: a field is out of its range.
    """

    form: Literal["knockout", "round_robin"] = "knockout"
    """Matches grow with the number of answers, or with its square."""
    entrants: int = 16
    """Answers that take part at the most, those that most candidates have."""
    temperature: float | None = 0.1
    """`None`: the provider's default."""
    tries: int = 2
    """How often each comparison is asked for at the most, until it can be read; what cannot be read favours nobody."""
    longest: int = LONGEST
    """Characters of an answer that are shown; of a longer one its beginning and its end."""
    max_tokens: int | None = None
    """Cap on each reply; 2048 where nobody sets one."""

    needs: ClassVar[str] = "an expert that compares better than chance; `--role judge=ID` names one"

    def __post_init__(self) -> None:
        if self.form not in ("knockout", "round_robin"):
            raise ValueError("form is knockout or round_robin")
        if self.entrants < 2 or self.tries < 1 or self.longest < 100:
            raise ValueError("entrants is at least 2, tries at least 1, and longest at least 100")

    async def __call__(self, problem: Problem, scored: Sequence[Scored], run: Run) -> Choice:
        classes = sorted(await classes_of(problem, standing(scored)), key=len, reverse=True)
        if not classes:
            return NOTHING
        voters = sum(map(len, classes))
        seeds = [best_of(members) for members in classes]
        table = _Table(seeds[: self.entrants])
        if len(table.entrants) == 1:
            return Choice(seeds[0], len(classes[0]) / voters, "vote", tuple(seeds))
        if self.form == "knockout":
            ranked = await self._knocked_out(table, run)
        else:
            await self._round(table, list(combinations(range(len(table.entrants)), 2)), run)
            ranked = sorted(range(len(table.entrants)), key=lambda i: -table.share(i))
        ranking = (*(seeds[i] for i in ranked), *seeds[self.entrants :])
        return Choice(ranking[0], table.share(ranked[0]), "judge", ranking)

    async def _knocked_out(self, table: _Table, run: Run) -> list[int]:
        """Seeds from the winner to the first who went; those of one round by points, then by seed."""
        left = list(range(len(table.entrants)))
        gone: list[int] = []
        while len(left) > 1:
            byes = 2 ** ceil(log2(len(left))) - len(left)
            playing = left[byes:]
            matches = [(playing[i], playing[-1 - i]) for i in range(len(playing) // 2)]
            results = await self._round(table, matches, run)
            losers = {b if points >= 0.5 else a for (a, b), points in zip(matches, results, strict=True)}
            gone = [*sorted(losers, key=lambda i: (-table.share(i), i)), *gone]
            left = [i for i in left if i not in losers]
        return [*left, *gone]

    async def _round(self, table: _Table, matches: Sequence[_Match], run: Run) -> list[float]:
        """Plays matches side by side; the points of the first of each."""
        judge = _Judge(self, table)
        found = await run.map(judge.compare, matches, cost=2 * self.tries)
        results = [0.5 if points is None else points for points in found]
        for match, points in zip(matches, results, strict=True):
            table.add(match, points)
        if not table.read:
            unread = VerifierError(f"the judge gave no readable preference among {len(table.entrants)} answers")
            raise table.lost[0] if table.lost else unread
        return results

    def declares(self, problem: Problem, run: Run, candidates: int) -> Mapping[str, int]:
        """Two calls of the judge, where it is known whatever is to be compared: for all that is known two answers will
        meet."""
        judge = judge_of_all(run)
        return {} if judge is None or candidates < 2 else {judge.id: 2}

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        """Calls when as many different answers come as take part."""
        return self.estimate_over(problem, experts, self.entrants)

    def estimate_over(self, problem: Problem, experts: int, candidates: int) -> Estimate:
        """Calls when each of so many candidates has an answer of its own."""
        n = min(candidates, self.entrants)
        if n < 2:
            return Estimate(0, 0.0, 0, 0)
        calls, depth = (2 * (n - 1), ceil(log2(n))) if self.form == "knockout" else (n * (n - 1), 1)
        return Estimate(0, float(calls), calls * self.tries, depth)


class _Table:
    """Who has met, and with which points."""

    def __init__(self, entrants: Sequence[Candidate]) -> None:
        self.entrants = tuple(entrants)
        self.read = 0
        """Comparisons that told a preference."""
        self.lost: list[ExpertError] = []
        """What kept others from telling one."""
        self._points = [0.0] * len(entrants)
        self._played = [0] * len(entrants)

    def add(self, match: _Match, points: float) -> None:
        """Enters a match and the points of the first of the two."""
        for who, gained in zip(match, (points, 1 - points), strict=True):
            self._points[who] += gained
            self._played[who] += 1

    def share(self, who: int) -> float:
        """The share of its matches' points that somebody has."""
        return self._points[who] / self._played[who] if self._played[who] else 0.0


@dataclass(frozen=True, slots=True)
class _Judge:
    """Compares entrants."""

    rules: Tournament
    table: _Table

    async def compare(self, match: _Match, run: Run) -> float:
        """Points of the first of the two: 1 where both orders prefer it, 0 for the other, else a half."""
        a, b = match
        told = await run.map(self._preferred, [(a, b), (b, a)], cost=self.rules.tries)
        return float(told[0] == a) if told[0] == told[1] is not None else 0.5

    async def _preferred(self, pair: _Match, run: Run) -> int | None:
        """The seed of the one that is preferred when they are shown in this order; `None` for no telling."""
        try:
            found = await self._question(pair, run).ask(run)
        except ExpertError as error:
            self.table.lost.append(error)
            raise
        self.table.read += len(found)
        return pair[found[0][1]] if found else None

    def _question(self, pair: _Match, run: Run) -> Question[int]:
        problem, rules = run.problem, self.rules
        prompts = run.prompts("judge")
        two = [self.table.entrants[i] for i in pair]
        first, second = (shown(problem, each, rules.longest) for each in two)
        return Question(
            problem.ask(prompts.compare, first=first, second=second),
            judge_for(run, two),
            Sampling(rules.temperature, max_tokens=rules.max_tokens),
            "judge",
            preference_in,
            prompts.compare_again,
            rules.tries,
        )


def preference_in(text: str) -> int | None:
    """0 for A, 1 for B, as a reply says at last; `None` where it does not say."""
    found: Iterable[re.Match[str] | None] = [*_BETTER.finditer(text)][-1:] or [_BARE.fullmatch(text.strip())]
    return next((int(one[1].upper() == "B") for one in found if one), None)
