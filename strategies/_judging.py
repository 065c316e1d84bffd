"""What judges, critics and tournaments share: who judges, how an answer is shown, and how opinions are asked for.

Nothing tells a judge who wrote an answer. Answers stand in a fence that they cannot close, long ones cut to one length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from orchestrator.types import Answer, Candidate, Completion, Expert, Kind, Problem, Prompt, Sampling, Template

if TYPE_CHECKING:
    from orchestrator.run import Run

LONGEST = 12_000
"""Characters of an answer that are shown; of a longer one its beginning and its end."""

_BY_ANSWER: frozenset[Kind] = frozenset({"code", "json", "plan", "game24"})
"""Kinds whose answer says all; of others the reasoning is shown too."""
_TICKS = re.compile(r"`+")
_LONGEST_REASON = 300

Opinion = TypeVar("Opinion")


def judge_for(run: Run, candidates: Iterable[Candidate]) -> Expert:
    """The expert of the role `judge`, else the pool's first that shares no model with an author, else the run's own."""
    known = {expert.id: expert.model for expert in run.experts}
    authors = {candidate.expert for candidate in candidates}
    models = {known.get(author, author) for author in authors}
    outsiders = [e for e in run.experts if e.model not in models] or [e for e in run.experts if e.id not in authors]
    return run.role("judge", outsiders[0] if outsiders else None)


def judge_of_all(run: Run) -> Expert | None:
    """Who judges whoever wrote a candidate: the role `judge`, or the only expert; `None` where it depends on that."""
    judge = run.role("judge", run.experts[0])
    return judge if len(run.experts) == 1 or run.role("judge", run.experts[1]) is judge else None


def shown(problem: Problem, candidate: Candidate | Answer, longest: int = LONGEST) -> str:
    """What a judge sees of a candidate: the answer, or the whole reply where the reasoning matters; in a fence."""
    answer = candidate.answer if isinstance(candidate, Candidate) else candidate.value
    text = (answer if problem.kind in _BY_ANSWER and answer else candidate.text).strip()
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half].rstrip()}\n[...]\n{text[-half:].lstrip()}"
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(text)), default=0))
    return f"{fence}\n{text}\n{fence}"


def listed(problem: Problem, candidates: Iterable[Candidate | Answer], longest: int = LONGEST) -> str:
    """Candidates one below the other, numbered from 1 under the label that judges know."""
    return "\n\n".join(f"Candidate {i}:\n{shown(problem, each, longest)}" for i, each in enumerate(candidates, 1))


def one_line(text: str) -> str:
    """The text as a reason: one line, cut."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST_REASON else f"{flat[: _LONGEST_REASON - 1].rstrip()}\u2026"


@dataclass(frozen=True, slots=True)
class Question(Generic[Opinion]):
    """A question whose replies hold an opinion."""

    prompt: Prompt
    expert: Expert
    sampling: Sampling
    purpose: str
    read: Callable[[str], Opinion | None]
    """The opinion in a reply; `None` where there is none."""
    again: Template
    """What is said to a reply that holds none."""
    tries: int
    """How often each reply is asked for at the most, the first time included."""

    async def ask(self, run: Run, n: int = 1) -> list[tuple[str, Opinion]]:
        """Reply and opinion of the samples that hold one in the end.

        Raises:
            ExpertError: the first replies did not come.
        """
        replies = await run.generate(self.prompt, expert=self.expert, n=n, sampling=self.sampling, purpose=self.purpose)
        drawn = [(i, reply, self.read(reply.text)) for i, reply in enumerate(replies)]
        unread = [(i, reply) for i, reply, opinion in drawn if opinion is None]
        mended = dict(zip((i for i, _ in unread), await self._mended(run, unread), strict=True))
        found = ((reply.text, mended.get(i) if opinion is None else opinion) for i, reply, opinion in drawn)
        return [(text, opinion) for text, opinion in found if opinion is not None]

    async def _mended(self, run: Run, unread: list[tuple[int, Completion]]) -> list[Opinion | None]:
        if not unread or self.tries < 2:
            return [None] * len(unread)
        return await run.map(self._once_more, unread, cost=self.tries - 1)

    async def _once_more(self, drawn: tuple[int, Completion], run: Run) -> Opinion | None:
        """Asks until there is an opinion or the tries are used up."""
        index, reply = drawn
        prompt, opinion = self.prompt, None
        for _ in range(self.tries - 1):
            prompt = prompt.then(reply, self.again.text)
            asked = await run.generate(
                prompt, expert=self.expert, sample=index, sampling=self.sampling, purpose=self.purpose
            )
            reply = asked[0]
            opinion = self.read(reply.text)
            if opinion is not None:
                break
        return opinion
