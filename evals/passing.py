"""pass@k over verdicts, a row for each source of samples."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .judging import Judged
from .metrics import interval_of_mean, mean_pass_at_k, pass_at_k, wilson


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Share of final answers that are right."""

    now: float
    ci95: tuple[float, float]
    recorded: float


@dataclass(slots=True)
class Passing:
    """The verdicts on one source's samples."""

    source: str = ""
    verdicts: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0
    cached: int = 0
    chosen: list[int] = field(default_factory=lambda: [0, 0, 0])
    """Final answers of a strategy: how many there are, are right now, and were recorded as right."""
    _counts: dict[str, list[int]] = field(default_factory=dict)
    """By problem, samples and those that passed."""

    def add(self, judged: Judged) -> None:
        if judged.passed is None:
            self.verdicts[judged.verdict] += 1
            return
        self.cpu_seconds += 0.0 if judged.cached else judged.cpu_seconds
        if judged.sample.chosen:
            for at, one in enumerate((True, judged.passed, judged.sample.recorded)):
                self.chosen[at] += bool(one)
            return
        self.verdicts[judged.verdict] += 1
        self.cached += judged.cached
        count = self._counts.setdefault(judged.problem, [0, 0])
        count[0] += 1
        count[1] += judged.passed

    @property
    def problems(self) -> int:
        """Problems with a sample that was graded."""
        return len(self._counts)

    @property
    def samples(self) -> int:
        """Samples that were graded."""
        return sum(n for n, _ in self._counts.values())

    @property
    def passed(self) -> int:
        return sum(c for _, c in self._counts.values())

    @property
    def fewest(self) -> int:
        """Samples of the problem that has fewest: the largest k that pass@k is known for."""
        return min((n for n, _ in self._counts.values()), default=0)

    def pass_at(self, k: int) -> float | None:
        """Mean over problems of the unbiased estimate; `None` where a problem has fewer than k samples."""
        return mean_pass_at_k(((n, c) for n, c in self._counts.values()), k)

    def interval(self, k: int) -> tuple[float, float] | None:
        """A 95 % interval for pass@k over problems: Wilson's where each counts as 0 or 1, else by bootstrap.

        `None` where pass@k is unknown, and where all problems have the same estimate, which says nothing of others.
        """
        values = [pass_at_k(n, c, k) for n, c in self._counts.values()]
        known = [value for value in values if value is not None]
        if not known or len(known) < len(values):
            return None
        low, high = interval_of_mean(known)
        return (low, high) if low < high else None

    @property
    def accuracy(self) -> Accuracy | None:
        """Of final answers; `None` where there are none."""
        total, right, recorded = self.chosen
        return Accuracy(right / total, wilson(right, total), recorded / total) if total else None
