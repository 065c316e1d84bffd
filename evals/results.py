"""The line that a run writes for each problem, strategy and seed.

It holds what the problem's run decided and nothing about how long that took, what it cost or what a cache gave, so that
a resumed run's lines equal an undisturbed run's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator.errors import BenchmarkError
from orchestrator.types import FinishReason, Json, Outcome, Scored, StoppedBy

from .scoring import Score

_RARE = ("error", "score", "fallbacks", "written")
"""Fields that a line has only where they say something."""

Status = Literal["answered", "unparsed", "truncated", "refused", "error", "budget"]


class CandidateLine(BaseModel):
    """One candidate, in lineage order."""

    model_config = ConfigDict(frozen=True)

    id: str
    expert: str
    answer: str | None
    group: int | None
    """Number of the answer among the problem's different answers, by first appearance; `None`: it abstains."""
    correct: bool | None
    passed: bool | None
    """What a verifier that checks said."""
    score: float | None
    """What the verifier gave, from 0 to 1."""
    finish: FinishReason


class ScoreLine(BaseModel):
    """What the answer gets where it can be right in parts."""

    model_config = ConfigDict(frozen=True)

    points: float
    of: float
    """Points that there are."""
    flags: tuple[str, ...] = ()
    """What is odd about the answer."""


class ResultLine(BaseModel):
    """How one problem ended under one strategy and seed."""

    model_config = ConfigDict(frozen=True)

    problem: str
    strategy: str
    """The spec as given."""
    seed: int
    status: Status
    answer: str | None
    correct: bool | None
    """`None`: the set has no reference for it."""
    confidence: float
    chosen: str | None
    """Id of the chosen candidate."""
    chosen_by: str
    stopped_by: StoppedBy
    candidates: tuple[CandidateLine, ...]
    error: str | None = None
    """What kept it from being solved or graded, where no expert is to blame; left out where there is nothing."""
    score: ScoreLine | None = None
    """By the set's own rule; left out where the set has none."""
    fallbacks: int = 0
    """Samples for which the strategy did something plainer than it is about; left out where there are none."""
    written: CandidateLine | None = None
    """What the aggregator wrote itself, which is none of the candidates; left out where it wrote nothing."""

    @property
    def key(self) -> tuple[str, str, int]:
        """What a run has one line of."""
        return self.problem, self.strategy, self.seed

    def to_json(self) -> dict[str, Json]:
        dumped: dict[str, Json] = self.model_dump(mode="json", exclude={f for f in _RARE if not getattr(self, f)})
        return dumped

    def with_score(self, score: Score | None, fallbacks: int = 0) -> ResultLine:
        """The line of an answer that was scored, and of a strategy that so often did something plainer."""
        told = None if score is None else ScoreLine(points=score.points, of=score.of, flags=score.flags)
        return self.model_copy(update={"score": told, "fallbacks": fallbacks})

    @classmethod
    def read(cls, row: Mapping[str, Json], path: str = "results.jsonl") -> ResultLine:
        """A line as it was written.

        Raises:
            BenchmarkError: it is none of ours.
        """
        try:
            return cls.model_validate(row)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"]))
            raise BenchmarkError(f"not a result line: field '{field}': {first['msg']}", path) from None


def result_line(
    outcome: Outcome,
    strategy: str,
    seed: int,
    correct: bool | None,
    graded: Sequence[bool | None],
    groups: Sequence[int | None] | None = None,
    written: bool | None = None,
) -> ResultLine:
    """The line of an outcome.

    Args:
        strategy: the spec as given.
        correct: verdict on the chosen answer.
        graded: verdict on each candidate, in the outcome's order.
        groups: number of each candidate's answer class, `None` where it abstains; by equal keys if not given.
        written: verdict on what the aggregator wrote itself, if it did.
    """
    if groups is None:
        groups = groups_of([scored.candidate.key for scored in outcome.candidates])
    return ResultLine(
        problem=outcome.problem,
        strategy=strategy,
        seed=seed,
        status=status_of(outcome),
        answer=outcome.answer,
        correct=correct,
        confidence=outcome.confidence,
        chosen=None if outcome.chosen is None else outcome.chosen.id,
        chosen_by=outcome.chosen_by,
        stopped_by=outcome.stopped_by,
        candidates=tuple(
            _candidate(scored, right, group)
            for scored, right, group in zip(outcome.candidates, graded, groups, strict=True)
        ),
        written=None if outcome.written is None else _written(outcome.written, written, outcome, groups),
    )


def status_of(outcome: Outcome) -> Status:
    """How a problem ended: with an answer, cut by a budget, without any completion, or why its replies gave none.

    Where replies were lost in several ways the commonest names it, truncation before refusal before unreadable text.
    """
    if outcome.answer is not None:
        return "answered"
    if outcome.stopped_by == "budget":
        return "budget"
    usage, finishes = outcome.usage, [scored.candidate.finish for scored in outcome.candidates]
    if not finishes and not usage.calls:
        return "error"
    lost: dict[Status, int] = {
        "truncated": max(usage.truncated, finishes.count("length")),
        "refused": max(usage.refused, finishes.count("content_filter")),
        "unparsed": sum(finish not in ("length", "content_filter") for finish in finishes),
    }
    return max(lost, key=lambda status: lost[status]) if any(lost.values()) else "unparsed"


def groups_of(keys: Sequence[str | None]) -> list[int | None]:
    """Number of each key among the different keys, by first appearance; `None` stays `None`."""
    numbers: dict[str, int] = {}
    return [None if key is None else numbers.setdefault(key, len(numbers)) for key in keys]


def _written(written: Scored, correct: bool | None, outcome: Outcome, groups: Sequence[int | None]) -> CandidateLine:
    """Of an answer that a candidate has too the group is theirs, else the next one."""
    known = {one.candidate.key: group for one, group in zip(outcome.candidates, groups, strict=True)}
    following = 1 + max((group for group in groups if group is not None), default=-1)
    return _candidate(written, correct, known.get(written.candidate.key, following))


def _candidate(scored: Scored, correct: bool | None, group: int | None) -> CandidateLine:
    candidate, verdict = scored.candidate, scored.verdict
    return CandidateLine(
        id=candidate.id,
        expert=candidate.expert,
        answer=candidate.answer,
        group=group,
        correct=correct,
        passed=None if verdict is None else verdict.passed,
        score=None if verdict is None else verdict.score,
        finish=candidate.finish,
    )
