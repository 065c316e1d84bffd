"""From a problem's outcome to what a run writes of it: a line and a trace."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator import answers
from orchestrator.conduct import Conduct
from orchestrator.types import Json, Outcome, Usage

from .case import Case
from .earlier import USAGE
from .grading import Grader, scored
from .plan import Job
from .results import ResultLine, result_line

_LONGEST = 300
"""Characters of an error's message that a line keeps."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a run writes of one problem under one row and seed."""

    line: ResultLine
    usage: Usage
    trace: tuple[Mapping[str, Json], ...]
    """Its events; the last one is what it used."""
    crash: Exception | None = None
    """What kept it from being solved or graded, where that is neither an expert's nor a budget's doing."""


async def graded(job: Job, conduct: Conduct, outcome: Outcome) -> Entry:
    """The entry of a problem that has ended.

    Raises:
        SandboxUnavailable: programs cannot be run here.
    """
    grade = Grader(job.case, conduct.table.sandbox)
    verdicts = [await grade(each.candidate.answer, each.candidate.text) for each in outcome.candidates]
    said = outcome.text if outcome.chosen is not None else _unread(outcome)
    correct = await grade(outcome.answer, said)
    own = None if outcome.written is None else outcome.written.candidate
    wrote = correct if own == outcome.chosen else None if own is None else await grade(own.answer, own.text)
    groups = await _groups(job.case, outcome)
    line = result_line(outcome, job.row.name, job.seed, correct, verdicts, groups, wrote)
    score = scored(job.case, outcome.answer, said)
    line = line.with_score(score, fallbacks=len(conduct.trace.of("fell back")))
    return Entry(line, outcome.usage, _traced(job, conduct, outcome.usage))


def _unread(outcome: Outcome) -> str:
    """What was said where no answer was: a set's own rule may look at a reply that nothing could be read out of."""
    return next((each.candidate.text for each in outcome.candidates), "")


def crashed(job: Job, conduct: Conduct, error: Exception) -> Entry:
    """The entry of a problem whose strategy, aggregator or grader failed by a fault of its own: it counts as wrong."""
    usage, words = conduct.table.meter.usage, " ".join(str(error).split())
    conduct.trace.add("crash", (), error=type(error).__name__, reason=words, where=_where(error))
    score = scored(job.case, None)
    line = ResultLine(
        problem=job.case.problem.id,
        strategy=job.row.name,
        seed=job.seed,
        status="error",
        answer=None,
        correct=False if job.case.gradable else None,
        confidence=0.0,
        chosen=None,
        chosen_by="none",
        stopped_by="failed",
        candidates=(),
        error=f"{type(error).__name__}: {words}"[:_LONGEST],
    ).with_score(score)
    return Entry(line, usage, _traced(job, conduct, usage), error)


async def _groups(case: Case, outcome: Outcome) -> list[int | None] | None:
    """Number of each candidate's answer among the different ones, where equal keys are not all there is to it."""
    if case.problem.kind != "expression":
        return None
    keys = [scored.candidate.key for scored in outcome.candidates]
    numbers = iter(await answers.classes(case.problem, [key for key in keys if key is not None]))
    return [None if key is None else next(numbers) for key in keys]


def _traced(job: Job, conduct: Conduct, usage: Usage) -> tuple[Mapping[str, Json], ...]:
    problem, name, seed = job.key
    who: dict[str, Json] = {"problem": problem, "strategy": name, "seed": seed}
    events = ({**who, **event.to_json()} for event in conduct.trace)
    return (*events, {**who, "kind": USAGE, "usage": usage.to_json()})


def _where(error: Exception) -> str:
    """The place in the code that an error comes from."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
