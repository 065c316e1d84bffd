"""Solo performance prompting, whatever its personas: one reply that tells a whole collaboration."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from orchestrator.answers import text
from orchestrator.errors import BudgetExceeded, Unsuited
from orchestrator.types import Answer, Estimate, Kind, Problem, Prompt, Reply, Sampling

from ._lists import declines
from ._personas import conclusion, participants
from ._pilot import Pilot, Tried

if TYPE_CHECKING:
    from orchestrator.lessons import Lesson
    from orchestrator.protocols import Strategy
    from orchestrator.run import Run
    from orchestrator.types import Expert
    from orchestrator.workshop import Workshop

_BLOCKS: frozenset[Kind] = frozenset({"code", "json", "plan"})
"""Kinds whose answer takes several lines."""


@dataclass(frozen=True)
class SoloPerformance:
    """What the three forms of solo performance prompting share; each has a prompt file of its own."""

    samples: int = 1
    """Collaborations, and so answers; more than one of each expert need a temperature."""
    temperature: float | None = 0.0
    """`None`: the provider's default."""
    top_p: float | None = 1.0
    """Share of the likeliest tokens that each call samples from."""
    max_tokens: int | None = 5000
    """Cap on each reply."""
    demonstrations: int = 2
    """Worked examples in the prompt: 2, 1 (the paper's "less demo") or 0."""
    system: bool = False
    """Whether a system message of no content is sent; the paper's figures are means of a run with and one without."""
    continuations: int = 1
    """Further turns for a collaboration that stops before its final answer; the paper has none."""
    fallback: Literal["cot", "reply"] | None = "cot"
    """What is done without a final answer, each time counted as a fallback: `cot`, one chain of thought instead;
    `reply`, to read whatever the whole reply holds, as the paper does; `None`, no answer."""
    gate: Path | None = None
    """File of a pilot, made by `prepare`: experts that it finds better off with a chain of thought write that."""

    prompts: ClassVar[str]
    """Name of the prompt file."""
    aggregator: ClassVar[str] = "majority"
    verifier: ClassVar[str] = "none"

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError("samples counts from 1")
        if self.demonstrations not in (0, 1, 2):
            raise ValueError("demonstrations is 0, 1 or 2: there are two")
        if self.continuations < 0:
            raise ValueError("continuations counts from 0")
        if self.gate is not None:
            _ = self._pilot  # a file that does not hold is told before anybody is asked

    async def __call__(self, problem: Problem, run: Run) -> None:
        if (reason := self.refuses(problem, len(run.experts))) is not None:
            raise Unsuited(reason)
        await run.map(self._sample, range(self.samples), cost=self._worst)

    async def _sample(self, index: int, run: Run) -> None:
        sample = index // len(run.experts)
        if self._pilot.gates(run.expert.id):
            run.note("gated", expert=run.expert.id)
            return await self._think(sample, (), run)
        replies: list[Reply] = []
        try:
            await self._collaborate(sample, replies, run)
            told = conclusion(replies[-1].text)
            if told is None:
                return await self._fall_back(sample, replies, run)
            run.emit(_written(await _read(told, run), replies[-1]), parents=replies)
        except BudgetExceeded:
            if replies:  # what is paid for is not thrown away
                await self._make_do(replies, run)
            raise

    # -- the collaboration --------------------------------------------------------------

    async def _collaborate(self, sample: int, replies: list[Reply], run: Run) -> None:
        """Adds its turns to `replies` as they come."""
        prompt = self._opening(run)
        replies.append(await run.generate(prompt, sample=sample, sampling=self._sampling))
        self._note_cast(replies[0].text, run)
        for turn in range(1, self.continuations + 1):
            if conclusion(replies[-1].text) is not None or declines(replies[-1].text):
                break
            prompt = prompt.then(replies[-1], self._carry_on(run))
            (further,) = await run.map(partial(self._continue, prompt, sample), [turn])
            if further is None:
                break
            replies.append(further)

    async def _continue(self, prompt: Prompt, sample: int, turn: int, run: Run) -> Reply:
        run.note("carried on", turn=turn)
        return await run.generate(prompt, sample=sample, sampling=self._sampling, purpose="continue")

    def _opening(self, run: Run) -> Prompt:
        prompts = run.prompts(self.prompts)
        shown = [prompts[name].render({})[0] for name in ("demonstration_a", "demonstration_b")[: self.demonstrations]]
        prompt = run.problem.ask(prompts.answer, demonstrations="\n\n".join(shown), **self._casting(run))
        return prompt.with_system(prompts.system.render({})[0]) if self.system else prompt

    def _casting(self, run: Run) -> dict[str, str]:
        """What the prompt is told about who takes part."""
        return {}

    def _carry_on(self, run: Run) -> str:
        problem = run.problem
        return run.prompts(self.prompts).carry_on.render({"problem": problem.question, "format": problem.format})[0]

    def _note_cast(self, told: str, run: Run) -> None:
        """Who takes part tells how different collaborations are, at no cost."""
        run.note("personas", names=list(participants(told)))

    # -- where it comes to nothing ------------------------------------------------------

    async def _fall_back(self, sample: int, replies: Sequence[Reply], run: Run) -> None:
        if self.fallback != "cot":
            return await self._make_do(replies, run)
        run.note("fell back", to="cot")
        await self._think(sample, replies, run)

    async def _make_do(self, replies: Sequence[Reply], run: Run) -> None:
        """Without another call: whatever the whole reply holds where that is wanted, else an abstention."""
        whole = self.fallback == "reply"
        run.note("fell back", to="reply" if whole else "no answer")
        answer = await run.read(replies[-1]) if whole else Answer(replies[-1].text)
        run.emit(_written(answer, replies[-1]), parents=replies)

    async def _alone(self, problem: Problem, run: Run) -> None:
        """The chain of thought as a strategy by itself."""
        await self._think(0, (), run)

    async def _think(self, sample: int, replies: Sequence[Reply], run: Run) -> None:
        prompt = run.problem.ask(run.prompts("cot").answer)
        reply = await run.generate(prompt, sample=sample, sampling=self._sampling)
        run.emit(await run.read(reply), parents=replies)

    # -- calls --------------------------------------------------------------------------

    def refuses(self, problem: Problem, experts: int) -> str | None:
        if self.samples > experts and self.temperature == 0:
            return f"samples={self.samples} at temperature 0 are one answer over again; set temperature=0.7"
        return None

    def estimate(self, problem: Problem, experts: int) -> Estimate:
        return Estimate(self.samples, float(self.samples), self.samples * self._worst, self._worst, self.samples)

    def fit(self, calls: int, problem: Problem, experts: int) -> Self | None:
        """The ladder: fewer samples, down to one; then no chain of thought in its place; then no further turns."""
        if calls >= self._worst:
            return replace(self, samples=min(calls // self._worst, self.samples))
        one = replace(self, samples=1, fallback=None if self.fallback == "cot" else self.fallback)
        if calls >= one._worst:
            return one
        return replace(one, continuations=calls - 1) if calls >= 1 else None

    @property
    def _worst(self) -> int:
        """Calls of a sample that never comes to an answer."""
        return 1 + self.continuations + (self.fallback == "cot")

    @property
    def _sampling(self) -> Sampling:
        return Sampling(self.temperature, self.top_p, self.max_tokens)

    # -- the pilot ----------------------------------------------------------------------

    @cached_property
    def _pilot(self) -> Pilot:
        return Pilot() if self.gate is None else Pilot.read(self.gate)

    @property
    def seen(self) -> Collection[str]:
        return self._pilot.seen

    async def prepare(self, lessons: Sequence[Lesson], workshop: Workshop) -> str:
        """Tries collaborations and chains of thought on problems with known answers, every expert alone."""
        together = replace(self, samples=1, fallback=None, gate=None)
        trials = [(expert, form) for expert in workshop.experts for form in (together, self._alone)]
        verdicts = await workshop.map(partial(_try_all, trials), lessons)
        columns = list(zip(*(row or [None] * len(trials) for row in verdicts), strict=True))
        tried = {expert.id: Tried.of(columns[2 * i], columns[2 * i + 1]) for i, expert in enumerate(workshop.experts)}
        return Pilot(tried, frozenset(lesson.mark for lesson in lessons)).to_toml(self.prompts)

    def preparation(self, lessons: int, experts: int) -> Estimate:
        tries = lessons * experts
        return Estimate(2 * tries, 2.0 * tries, (2 + self.continuations) * tries, 1 + self.continuations, 0)


@dataclass(frozen=True)
class ChosenPersonas(SoloPerformance):
    """The forms in which the model chooses the personas, unless the user does."""

    personas: tuple[str, ...] = ()
    """Who takes part beside the assistant; none: whom the model finds suited."""
    forbid: tuple[str, ...] = ()
    """Personas that must not take part."""

    def _casting(self, run: Run) -> dict[str, str]:
        prompts = run.prompts(self.prompts)
        given = {"pinned": self.personas, "forbidden": self.forbid}
        told = [prompts[name].render({"personas": "; ".join(who)})[0] for name, who in given.items() if who]
        return {"cast": " ".join(told)}

    def _note_cast(self, told: str, run: Run) -> None:
        names = participants(told)
        known = {name.casefold() for name in names}
        missing = [name for name in self.personas if name.casefold() not in known]
        unwanted = [name for name in self.forbid if name.casefold() in known]
        run.note("personas", names=list(names), missing=list(missing), unwanted=list(unwanted))


async def _try_all(trials: Sequence[tuple[Expert, Strategy]], lesson: Lesson, run: Run) -> list[bool | None]:
    return await run.map(partial(_try, lesson), trials)


async def _try(lesson: Lesson, trial: tuple[Expert, Strategy], run: Run) -> bool | None:
    """Whether one expert's answer in one form is right; `None`: there is none."""
    expert, form = trial
    candidates = await run.collect(form, expert=expert)
    answers = [Answer(each.text, each.answer, each.key) for each in candidates if each.key is not None]
    return await lesson.right(answers[0]) if answers else None


async def _read(told: str, run: Run) -> Answer:
    """The answer in what stands behind the marker."""
    problem = run.problem
    if problem.kind == "text" and "\n" in told and "answer_format" not in problem.meta:
        return Answer(told, told, text.key(told))  # a poem, a letter: readers of words take the first line alone
    # The marker tells readers to take the first number, or the line; of a block it would hide the first line.
    return await run.read(told if problem.kind in _BLOCKS else f"Final answer: {told}")


def _written(answer: Answer, reply: Reply) -> Answer:
    """An answer that was read out of a part of a reply, as one of the whole reply."""
    return replace(answer, text=reply.text, source=reply[0])
