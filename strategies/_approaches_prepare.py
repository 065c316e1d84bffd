"""How an approach book is made: approaches and personas are named, measured, chosen, and shown by examples."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator import answers
from orchestrator.errors import ExpertError
from orchestrator.registry import checker_of
from orchestrator.run.failures import plain
from orchestrator.types import Estimate, Expert, Kind, Sampling

from ._approaches import Book, Demonstration, Pair
from ._approaches_asking import filled, guide, names_of_approaches, solving
from ._approaches_choice import Mark, Marks, best_alone, best_together, right_of
from ._approaches_naming import most_frequent, names_in
from ._lists import declines

if TYPE_CHECKING:
    from orchestrator.lessons import Lesson
    from orchestrator.run import Run
    from orchestrator.workshop import Workshop

    from ._approaches_settings import Booked

Result = TypeVar("Result")
USUAL_SIZE = 5
"""Pairs that are kept where nothing is said."""
_Found = tuple[str | None, bool]
"""The key of an answer, and whether it is right."""

_USUAL: dict[Kind, str] = {
    "code": "a senior software engineer",
    "plan": "a logistics planner",
    "text": "an expert on the subject",
    "json": "a careful archivist",
}
"""Who is tried where nobody names a persona; for all other kinds a professor of mathematics."""


@dataclass(frozen=True)
class Preparation:
    """One making of a book.

    The stages follow each other; within each, all calls are made at once.
    """

    settings: Booked
    lessons: Sequence[Lesson]
    """Without doubles."""
    workshop: Workshop
    _asked: Counter[str] = field(default_factory=Counter)
    """How often each lesson was asked about approaches."""

    async def __call__(self) -> Book:
        names, personas = await self._named()
        pairs = [Pair(name, persona) for persona in ("", *personas) for name in ("", *(name for name, _ in names))]
        marks = await self._measured(pairs)
        scored = [replace(p, right=right_of(m), tried=len(m)) for p, m in zip(pairs, marks, strict=True)]
        chosen = self._chosen(marks)
        spares = [pair for i, pair in enumerate(scored) if i not in chosen]
        return Book(
            tuple(await self._shown([scored[i] for i in chosen])),
            " and ".join(sorted({lesson.problem.kind for lesson in self.lessons})),
            self._made,
            tuple(sorted(spares, key=lambda pair: -pair.score)),
            tuple(names),
            tuple(personas),
            frozenset(lesson.mark for lesson in (*self._taught, *self._held, *self._sampled)),
        )

    @property
    def _made(self) -> str:
        experts = ", ".join(expert.id for expert in self.workshop.experts)
        return f"on {len(self.lessons)} problems, measured on {len(self._held)} by {experts}; seed {self.workshop.seed}"

    # -- which problems for what --------------------------------------------------------

    @cached_property
    def _shuffled(self) -> list[Lesson]:
        lessons = list(self.lessons)
        self._rng("lessons").shuffle(lessons)
        return lessons

    @property
    def _taught(self) -> list[Lesson]:
        """Lessons that become examples."""
        return self._shuffled[: shares(self.settings, len(self.lessons))[0]]

    @property
    def _held(self) -> list[Lesson]:
        """Lessons that pairs are measured on; none of them becomes an example."""
        examples, validation = shares(self.settings, len(self.lessons))
        return self._shuffled[examples : examples + validation]

    @cached_property
    def _sampled(self) -> list[Lesson]:
        """A lesson for each time that approaches are asked for."""
        return self._rng("approaches").choices(self.lessons, k=self.settings.elicitations)

    def _rng(self, what: str) -> random.Random:
        return random.Random(f"{self.workshop.seed} {what}")

    # -- names --------------------------------------------------------------------------

    async def _named(self) -> tuple[list[tuple[str, int]], list[str]]:
        lists = self.workshop.map(self._approaches, self._sampled)
        found, personas = await _both(lists, self._personas())
        return most_frequent(filter(None, found), self.settings.approaches), personas

    async def _approaches(self, lesson: Lesson, run: Run) -> list[str]:
        # Runs are started in the order of the lessons, so the numbers depend on nothing else.
        again = self._asked[lesson.mark]
        self._asked[lesson.mark] += 1
        return await names_of_approaches(run, self.settings.per_elicitation, self._naming, again)

    async def _personas(self) -> list[str]:
        if not self.settings.personas:
            return []
        first = self._sampled[:1]
        try:
            (found,) = await self.workshop.map(self._cast, first)
        except ExpertError:
            found = None
        usual = _USUAL.get(first[0].problem.kind, "a professor of mathematics")
        return found or [usual]

    async def _cast(self, lesson: Lesson, run: Run) -> list[str]:
        others = dict.fromkeys(one.problem.question for one in self._sampled if one.mark != lesson.mark)
        prompt = lesson.problem.ask(
            run.prompts("div_se")["personas"],
            count=str(self.settings.personas),
            others="\n\n".join([*others][:2]),
        )
        reply = await run.generate(prompt, expert=run.role("idea"), sampling=self._naming, purpose="personas")
        return names_in(reply.text, "persona", self.settings.personas)

    @property
    def _naming(self) -> Sampling:
        return Sampling(self.settings.naming_temperature, max_tokens=self.settings.max_tokens)

    # -- measuring and choosing ---------------------------------------------------------

    async def _measured(self, pairs: Sequence[Pair]) -> list[Marks]:
        """By pair, what it made of each validation lesson."""
        held, lost = self._held, (None, False)
        found = await _all([self.workshop.map(partial(self._measure, pair), held) for pair in pairs])
        tables = [[lost if one is None else one for one in given or [None] * len(held)] for given in found]
        columns = [
            await _numbered(lesson, column) for lesson, column in zip(held, zip(*tables, strict=True), strict=True)
        ]
        return [list(row) for row in zip(*columns, strict=True)]

    async def _measure(self, pair: Pair, lesson: Lesson, run: Run) -> _Found:
        prompt = solving(run.prompts("div_se"), lesson.problem, pair)
        reply = await run.generate(prompt, expert=self._dealt(lesson, run), sampling=self._solving)
        answer = await run.read(reply)
        return answer.key, await lesson.right(answer)

    def _dealt(self, lesson: Lesson, run: Run) -> Expert:
        """Validation lessons are dealt to the experts, so that every pair is measured on the same mix of them."""
        return run.experts[self._held.index(lesson) % len(run.experts)]

    def _chosen(self, marks: Sequence[Marks]) -> list[int]:
        if self.settings.choose == "alone":
            return best_alone(marks, self._size)
        checked = [checker_of(lesson.problem) is not None for lesson in self._held]
        return best_together(marks, checked, self._size, self.settings.disagreement)

    @property
    def _size(self) -> int:
        return self.settings.size or USUAL_SIZE

    @property
    def _solving(self) -> Sampling:
        return Sampling(self.settings.temperature, max_tokens=self.settings.max_tokens)

    # -- examples -----------------------------------------------------------------------

    async def _shown(self, pairs: Sequence[Pair]) -> list[Pair]:
        """The pairs with examples solved in the style of each."""
        if not self._taught:
            return list(pairs)
        found = await _all([self._examples(pair) for pair in pairs])
        return [replace(p, examples=tuple(shown or ())) for p, shown in zip(pairs, found, strict=True)]

    async def _examples(self, pair: Pair) -> list[Demonstration]:
        found = await self.workshop.map(partial(self._rewrite, pair), self._taught)
        return [example for example in found if example is not None]

    async def _rewrite(self, pair: Pair, lesson: Lesson, run: Run) -> Demonstration | None:
        """A lesson solved in a pair's style; `None` where that did not come to the right answer."""
        prompts, problem = run.prompts("div_se"), lesson.problem
        known = "" if lesson.answer is None else filled(prompts, "known", answer=lesson.answer)
        prompt = problem.ask(prompts["rewrite"], guide=guide(prompts, problem, pair), known=known)
        reply = await run.generate(prompt, expert=run.role("idea"), sampling=self._solving, purpose="example")
        right = not declines(reply.text) and await lesson.right(await run.read(reply))
        return Demonstration(problem.question, reply.text.strip()) if right else None


def shares(settings: Booked, lessons: int) -> tuple[int, int]:
    """How many lessons become examples, a quarter at the most, and on how many others pairs are measured."""
    examples = min(settings.examples, lessons // 4)
    return examples, min(settings.validation, lessons - examples)


def calls_of(settings: Booked, lessons: int) -> Estimate:
    """Calls of a preparation: at the most if as many approaches and personas are named as there is room for."""
    examples, validation = shares(settings, lessons)
    naming = settings.elicitations + (settings.personas > 0)
    pairs = (settings.approaches + 1) * (settings.personas + 1)
    size = settings.size or USUAL_SIZE
    most = naming + pairs * validation + min(size, pairs) * examples
    fewest = 1 + (settings.personas > 0)
    least = naming + fewest * validation + min(size, fewest) * examples
    return Estimate(least, float(most), most, 2 + (examples > 0), 0)


async def _numbered(lesson: Lesson, column: Sequence[_Found]) -> list[Mark]:
    """Different answers to one lesson, numbered."""
    keys = [key for key, _ in column if key is not None]
    numbers = dict(zip(keys, await answers.classes(lesson.problem, keys), strict=True))
    return [Mark(None if key is None else numbers[key], right) for key, right in column]


async def _both(first: Coroutine[Any, Any, Result], second: Coroutine[Any, Any, list[str]]) -> tuple[Result, list[str]]:
    try:
        async with asyncio.TaskGroup() as group:
            one, other = group.create_task(first), group.create_task(second)
    except ExceptionGroup as error:
        raise _inner(error) from None
    return one.result(), other.result()


async def _all(work: Sequence[Coroutine[Any, Any, Result]]) -> list[Result | None]:
    """What each comes to, all at once; `None` for one that experts failed, unless they failed every one."""
    lost: list[ExpertError] = []

    async def followed(one: Coroutine[Any, Any, Result]) -> Result | None:
        try:
            return await one
        except ExpertError as error:
            lost.append(error)
            return None

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(followed(one)) for one in work]
    except ExceptionGroup as error:
        raise _inner(error) from None
    if work and len(lost) == len(work):
        raise lost[0]
    return [task.result() for task in tasks]


def _inner(error: Exception) -> Exception:
    """The failure that a group is about: the budget before the experts, then the first."""
    found = plain(error)
    while isinstance(found, ExceptionGroup):
        found = found.exceptions[0]
    return found
