"""From result lines to the row of a table, as they come: counters only, whatever the number of problems."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields

from orchestrator.types import Json, Usage

from .calibration import Reliability
from .metrics import CURVE, effective_number, pass_at_k, selection_efficiency, wilson
from .results import CandidateLine, ResultLine
from .score_tally import ScoreTally

SPENT = (
    "calls",
    "cached_calls",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cached_prompt_tokens",
    "usd",
    "paid_usd",
)


@dataclass(slots=True)
class Tally:
    """Counts the lines of one strategy.

    Every line of a problem with a reference is in the denominator, abstentions and errors as wrong. Problems without
    one are counted apart (`ungraded`). With several seeds, rates are means over lines, and the interval is that of
    as many problems as there are, since repeats of a problem are not independent.
    """

    lines: int = 0
    graded: int = 0
    solved: int = 0
    candidates: int = 0
    abstentions: int = 0
    """Candidates without an answer."""
    status: Counter[str] = field(default_factory=Counter)
    chosen_by: Counter[str] = field(default_factory=Counter)
    stopped_by: Counter[str] = field(default_factory=Counter)
    usage: Usage = Usage()
    fallbacks: int = 0
    """Samples for which a strategy did something plainer than it is about."""
    scores: ScoreTally = field(default_factory=ScoreTally)
    _seeds: set[int] = field(default_factory=set)
    _covered: int = 0
    _uncovered: int = 0
    _unknown: int = 0
    """Lines with a verdict on the answer but not on every candidate: coverage and pass@k are unknown."""
    _curve: dict[int, tuple[float, int]] = field(default_factory=dict)
    _reliability: Reliability = field(default_factory=Reliability)
    _vendi: tuple[float, int] = (0.0, 0)
    _distinct: tuple[float, int] = (0.0, 0)

    def add(self, line: ResultLine) -> None:
        self.lines += 1
        self._seeds.add(line.seed)
        self.status[line.status] += 1
        self.chosen_by[line.chosen_by] += 1
        self.stopped_by[line.stopped_by] += 1
        self.candidates += len(line.candidates)
        self.abstentions += sum(candidate.group is None for candidate in line.candidates)
        self.fallbacks += line.fallbacks
        self.scores.add(line.score)
        self._diversity(line.candidates)
        if line.correct is not None:
            self._grade(line, line.correct)

    def spend(self, usage: Usage) -> None:
        """Adds what a problem used; apart from lines, as these say nothing of it."""
        self.usage += usage

    def row(self, strategy: str, seconds: float) -> dict[str, Json]:
        """The row of `bench --json`; `None` where something is undefined or unknown.

        Args:
            strategy: the spec as given.
            seconds: wall time.
        """
        return {
            "strategy": strategy,
            **self._accuracy(),
            **self.scores.row(),
            **self._endings(),
            **self._spending(),
            "seconds": seconds,
            "oracle": self.oracle,
            "selection_efficiency": selection_efficiency(self.accuracy, self.oracle),
            "chosen_by": dict(sorted(self.chosen_by.items())),
            "ece": self._reliability.ece,
            "brier": self._reliability.brier,
            "diversity": {"vendi": _mean(self._vendi), "distinct": _mean(self._distinct)},
            "stopped_by": dict(sorted(self.stopped_by.items())),
            "pass_at": self._pass_at(),
        }

    @property
    def accuracy(self) -> float | None:
        return self.solved / self.graded if self.graded else None

    @property
    def oracle(self) -> float | None:
        """Share of graded problems with a right candidate; `None` if some candidates were not graded."""
        return self._covered / self.graded if self.graded and not self._unknown else None

    def _grade(self, line: ResultLine, correct: bool) -> None:
        self.graded += 1
        self.solved += correct
        if line.answer is not None:
            self._reliability.add(line.confidence, correct)
        verdicts = [candidate.correct for candidate in line.candidates]
        if None in verdicts:
            self._unknown += 1
            return
        right = sum(map(bool, verdicts))
        self._covered += correct or right > 0
        for k in CURVE:
            value = pass_at_k(len(verdicts), right, k)
            if value is not None:
                self._curve[k] = _plus(self._curve.get(k, (0.0, 0)), value)

    def _diversity(self, candidates: tuple[CandidateLine, ...]) -> None:
        votes = Counter(candidate.group for candidate in candidates if candidate.group is not None)
        effective = effective_number(votes.values())
        if effective is not None:
            self._vendi = _plus(self._vendi, effective)
            self._distinct = _plus(self._distinct, len(votes) / votes.total())

    def _accuracy(self) -> dict[str, Json]:
        seeds = len(self._seeds) or 1
        low, high = wilson(self.solved / seeds, self.graded / seeds)
        return {
            "accuracy": self.accuracy,
            "ci95": [low, high],
            "solved": self.solved,
            "graded": self.graded,
            "ungraded": self.lines - self.graded,
        }

    def _endings(self) -> dict[str, Json]:
        names = {"answered": "answered", "unparsed": "unparsed", "truncated": "truncated", "refused": "refused"}
        return {
            **{name: self.status[status] for name, status in names.items()},
            "errors": self.status["error"],
            "budget": self.status["budget"],
            "candidates": self.candidates,
            "abstentions": self.abstentions,
            "truncated_calls": self.usage.truncated,
            "fallbacks": self.fallbacks,
            "refused_calls": self.usage.refused,
            "failed_calls": self.usage.failed,
        }

    def _spending(self) -> dict[str, Json]:
        spent: dict[str, Json] = {f.name: getattr(self.usage, f.name) for f in fields(Usage) if f.name in SPENT}
        return {**spent, "calls_per_problem": self.usage.calls / self.lines if self.lines else None}

    def _pass_at(self) -> dict[str, Json]:
        """Mean pass@k for every k that all graded problems have samples for."""
        if self._unknown or not self.graded:
            return {}
        return {str(k): total / n for k, (total, n) in sorted(self._curve.items()) if n == self.graded}


def _plus(sum_and_n: tuple[float, int], value: float) -> tuple[float, int]:
    return sum_and_n[0] + value, sum_and_n[1] + 1


def _mean(sum_and_n: tuple[float, int]) -> float | None:
    return sum_and_n[0] / sum_and_n[1] if sum_and_n[1] else None
