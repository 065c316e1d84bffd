"""How skill profiles are made: questions are tagged, everybody answers them, and who writes best is found out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.errors import ConfigError, NotRecorded, VerifierError
from orchestrator.protocols import Aggregator
from orchestrator.skills import (
    Aggregation,
    ExpertProfile,
    Rules,
    SkillProfiles,
    Tally,
    trimming_of,
)
from orchestrator.types import Answer, Expert, Sampling, Scored

from ._tagging import Tagger

if TYPE_CHECKING:
    from orchestrator.lessons import Lesson
    from orchestrator.run import Run
    from orchestrator.workshop import Workshop

_WRONG = 2
"""Wrong chains that stand beside the right one."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What one expert answered."""

    answer: Answer
    right: bool


_Chains: TypeAlias = Mapping[str, "Chain | None"]
"""By mark of the question; `None` where no reply came. Everything is joined by marks, nothing by the order of rows."""


@dataclass(frozen=True, slots=True)
class Profiling:
    """One preparation."""

    workshop: Workshop
    tagger: Tagger
    rules: Rules
    sampling: Sampling
    writing: Callable[[Expert], Aggregator]
    """Has an expert write an answer out of several."""
    known: SkillProfiles | None = None
    """Profiles that are added to."""

    async def __call__(self, lessons: Sequence[Lesson]) -> SkillProfiles:
        """The profiles.

        Raises:
            ConfigError: no lesson is new, the experts are not those of the profiles, or no skill was named.
            BudgetExceeded: a cap ended it.
            ExpertError: an expert failed on every question.
        """
        before = self._before()
        fresh = {lesson.mark: lesson for lesson in lessons if lesson.mark not in before.problems}
        if not fresh:
            raise ConfigError(f"all {len(lessons)} problems are in the profiles already: there is nothing to learn")
        tagger = self.workshop.role("tagger", self._usual_tagger(before))
        skills, chains = await self._asked(fresh, tagger)
        if not any(skills.values()):
            raise ConfigError(
                f"{tagger.id} named no skills for any of {len(fresh)} problems; name another expert with "
                "--role tagger=ID, or take skills from the problems' own words: tagging=text"
            )
        results = {
            name: {mark: None if one is None else one.right for mark, one in found.items()}
            for name, found in chains.items()
        }
        counted = before.counted(skills, results)
        aggregation = before.aggregation + await self._written(fresh, chains)
        tagging = replace(self.tagger.tagging, tagger=tagger.id if self.tagger.calls else None)
        whole = replace(counted, aggregation=aggregation, tagging=tagging, chosen=None)
        return replace(whole, trimming=trimming_of(whole, self.rules, self.workshop.seed))

    def _before(self) -> SkillProfiles:
        """What the new questions are added to."""
        here = [expert.id for expert in self.workshop.experts]
        if self.known is None:
            return SkillProfiles(dict.fromkeys(here, ExpertProfile()))
        if set(here) != set(self.known.experts):
            away = ", ".join(sorted(set(self.known.experts) - set(here)))
            strange = ", ".join(sorted(set(here) - set(self.known.experts)))
            told = " and ".join(filter(None, (away and f"lacks {away}", strange and f"has {strange} besides")))
            raise ConfigError(
                f"profiles are added to by all of their experts, or counts would not compare; the pool {told}"
            )
        if self.known.tagging.how != self.tagger.tagging.how:
            raise ConfigError(
                f"the profiles were tagged by {self.known.tagging.how}; tagging={self.tagger.tagging.how} "
                "would bring skills of another kind"
            )
        return self.known

    def _usual_tagger(self, before: SkillProfiles) -> Expert:
        experts = self.workshop.experts
        return next((expert for expert in experts if expert.id == before.tagging.tagger), experts[0])

    # -- skills and answers ---------------------------------------------------------------

    async def _asked(
        self, fresh: Mapping[str, Lesson], tagger: Expert
    ) -> tuple[dict[str, tuple[str, ...]], dict[str, _Chains]]:
        """The skills of every question and everybody's answers to it; all of it is asked at once."""

        async def tag(_: Lesson, run: Run) -> tuple[str, ...]:
            return await self.tagger(run, tagger)

        async def tagged() -> dict[str, tuple[str, ...]]:
            found = await self.workshop.map(tag, list(fresh.values()))
            return dict(zip(fresh, (skills or () for skills in found), strict=True))

        try:
            async with asyncio.TaskGroup() as group:
                skills = group.create_task(tagged())
                chains = {e.id: group.create_task(self._answers(e, fresh)) for e in self.workshop.experts}
        except ExceptionGroup as error:
            raise error.exceptions[0] from None
        return skills.result(), {name: task.result() for name, task in chains.items()}

    async def _answers(self, expert: Expert, fresh: Mapping[str, Lesson]) -> _Chains:
        async def answer(lesson: Lesson, run: Run) -> Chain:
            prompt = lesson.problem.ask(run.prompts("cot").answer)
            found = await run.read(await run.generate(prompt, sampling=self.sampling))
            return Chain(found, await lesson.right(found))

        return dict(zip(fresh, await self.workshop.map(answer, list(fresh.values()), expert=expert), strict=True))

    # -- who writes -------------------------------------------------------------------------

    async def _written(self, fresh: Mapping[str, Lesson], chains: Mapping[str, _Chains]) -> Aggregation:
        """How often each expert writes the right answer out of one right chain and two wrong ones."""
        rows = {mark: row for mark in fresh if (row := self._row(mark, chains))}
        skipped = len(fresh) - len(rows)
        if not rows:
            return Aggregation(skipped=skipped)
        lessons = [fresh[mark] for mark in rows]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {e.id: group.create_task(self._tried(e, lessons, rows)) for e in self.workshop.experts}
        except ExceptionGroup as error:
            raise error.exceptions[0] from None
        scores = {name: task.result() for name, task in tasks.items()}
        return Aggregation({name: tally for name, tally in scores.items() if tally.asked}, len(rows), skipped)

    def _row(self, mark: str, chains: Mapping[str, _Chains]) -> list[Answer] | None:
        """A right chain and the wrong ones of two experts, in any order; `None` where there are not so many."""
        there = [chain for found in chains.values() if (chain := found[mark]) and not chain.answer.abstains]
        right = [chain.answer for chain in there if chain.right]
        wrong = [chain.answer for chain in there if not chain.right]
        if not right or len(wrong) < _WRONG:
            return None
        rng = random.Random(f"{self.workshop.seed}|{mark}")
        row = [rng.choice(right), *rng.sample(wrong, _WRONG)]
        rng.shuffle(row)
        return row

    async def _tried(self, expert: Expert, lessons: Sequence[Lesson], rows: Mapping[str, list[Answer]]) -> Tally:
        """How one expert writes; recorded experts, which cannot, are left out."""
        writing = self.writing(expert)

        async def write(lesson: Lesson, run: Run) -> bool:
            scored = [Scored(run.candidate(answer)) for answer in rows[lesson.mark]]
            try:
                chosen = (await writing(lesson.problem, scored, run)).candidate
            except VerifierError:  # what it wrote cannot be read
                return False
            return chosen is not None and await lesson.right(Answer(chosen.text, chosen.answer, chosen.key))

        try:
            told = await self.workshop.map(write, lessons, expert=expert)
        except NotRecorded:
            return Tally()
        return Tally(told.count(True), told.count(False))


def _verdicts(chains: _Chains) -> dict[str, bool | None]:
    return {mark: None if chain is None else chain.right for mark, chain in chains.items()}
