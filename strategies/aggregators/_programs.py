"""What aggregators of programs share: which programs take part, and the choice out of groups that behave alike."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from math import fsum
from typing import TYPE_CHECKING

from orchestrator.errors import VerifierError
from orchestrator.registry import build
from orchestrator.types import Candidate, Choice, Problem, Scored

from ._votes import Class, best_of, classes_of, standing

if TYPE_CHECKING:
    from orchestrator.run import Run


@dataclass(frozen=True, slots=True)
class Group:
    """Programs that behave alike."""

    members: tuple[Class, ...]
    """Different programs, each with all candidates that wrote it, by first supporter."""
    weight: float

    @property
    def size(self) -> int:
        """Candidates."""
        return sum(map(len, self.members))

    def ranking(self, by_plan: bool = False) -> list[Candidate]:
        """One candidate of each program: those that most candidates wrote first, of equals the earliest.

        Args:
            by_plan: instead, those first of the plan that most different programs here were written by, of equals the
                shortest; whoever follows no plan counts as a plan of its own.
        """
        order = self._planned if by_plan else partial(sorted, self.members, key=len, reverse=True)
        return [best_of(members) for members in order()]

    def _planned(self) -> list[Class]:
        plans = [{one.candidate.plan or one.candidate.id for one in members} for members in self.members]
        supporters = Counter(plan for own in plans for plan in own)

        def rank(numbered: tuple[int, Class]) -> tuple[int, int]:
            number, members = numbered
            return -max(supporters[plan] for plan in plans[number]), len(members[0].candidate.answer or "")

        return [members for _, members in sorted(enumerate(self.members), key=rank)]


async def programs_of(problem: Problem, scored: Sequence[Scored], run: Run) -> list[Class]:
    """The different programs that take part: those that pass most of the public tests, where there are such.

    Raises:
        VerifierError: the problem asks for no program.
    """
    if problem.kind != "code":
        raise VerifierError(f"problem {problem.id} is of kind {problem.kind}; only programs can be run")
    classes = await classes_of(problem, standing(scored))
    if not (problem.public_tests or problem.examples) or len(classes) < 2:
        return classes
    check = build("verifiers", "unit_tests")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(check(problem, members[0].candidate, run)) for members in classes]
    shares = [task.result().score for task in tasks]
    return [members for members, share in zip(classes, shares, strict=True) if share == max(shares)]


def sources(classes: Sequence[Class]) -> list[str]:
    """The text of each program."""
    return [members[0].candidate.answer or "" for members in classes]


def of_groups(groups: Sequence[Group], chosen_by: str, by_plan: bool = False) -> Choice:
    """The best program of the group of most weight; a tie goes to the one with the earliest supporter.

    The ranking has the best of every group, then the second of every group, and so on.
    """
    ordered = sorted(groups, key=lambda group: -group.weight)
    ranks = zip_longest(*(group.ranking(by_plan) for group in ordered))
    ranking = tuple(candidate for rank in ranks for candidate in rank if candidate is not None)
    total = fsum(group.weight for group in groups)
    return Choice(ranking[0], ordered[0].weight / total if total else 0.0, chosen_by, ranking)
