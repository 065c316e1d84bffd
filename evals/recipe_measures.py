"""A column's figure out of a run's result lines, counted as the paper counts it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from .metrics import interval_of_mean, padded_pass_at_k
from .results import ResultLine

_Part: TypeAlias = tuple[float, float]
"""What one line counts, and out of how much."""
_Count: TypeAlias = Callable[[ResultLine], _Part | None]
"""`None` where the set has no verdict on a line."""

_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure as a run has it, in percent."""

    value: float
    low: float
    high: float
    """A 95 % interval over problems."""
    problems: int
    short: int
    """Problems with fewer candidates than the measure is about."""

    def fits(self, published: float) -> bool:
        """Whether the interval holds a published figure."""
        return self.low <= published <= self.high


def measured(columns: Mapping[str, tuple[str, str]], lines: Iterable[ResultLine]) -> dict[str, Measured | None]:
    """The figure of each column; `None` where nothing was measured, or the column's measure is not ours to take.

    Repeats of a problem under several seeds count as one problem.

    Args:
        columns: by any key, the name of a row and a measure.
        lines: of the whole run; read once.
    """
    wanted = {key: (row, _counting(measure), _least(measure)) for key, (row, measure) in columns.items()}
    found: dict[str, dict[str, list[_Part]]] = {key: defaultdict(list) for key in wanted}
    short: dict[str, set[str]] = {key: set() for key in wanted}
    for line in lines:
        for key, (row, count, least) in wanted.items():
            if line.strategy != row or count is None or (part := count(line)) is None:
                continue
            found[key][line.problem].append(part)
            if len(line.candidates) < least:
                short[key].add(line.problem)
    return {key: _summed(parts, len(short[key])) for key, parts in found.items()}


def _summed(parts: Mapping[str, Sequence[_Part]], short: int) -> Measured | None:
    """Problems together, each by as much as there is to get on it."""
    if not parts:
        return None
    means = [tuple(sum(column) / len(each) for column in zip(*each, strict=True)) for each in parts.values()]
    got, of = [mean[0] for mean in means], [mean[1] for mean in means]
    low, high = interval_of_mean(got) if set(of) == {1.0} else _interval_of_ratio(got, of)
    return Measured(100 * sum(got) / sum(of), 100 * low, 100 * high, len(means), short)


def _interval_of_ratio(got: Sequence[float], of: Sequence[float]) -> tuple[float, float]:
    """A 95 % percentile interval of sum(got) / sum(of), problems drawn anew with replacement."""
    import numpy

    points, rng = numpy.array([got, of]), numpy.random.default_rng(0)
    ratios = []
    for _ in range(_RESAMPLES):
        top, bottom = points[:, rng.integers(0, len(got), size=len(got))].sum(axis=1)
        ratios.append(float(top / bottom))
    low, high = numpy.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def _counting(measure: str) -> _Count | None:
    name, _, number = measure.partition("@")
    match name:
        case "accuracy":
            return _chosen
        case "any":
            return _any
        case "points":
            return _points
        case "mean":
            return partial(_drawn, k=1)
        case "pass":
            return partial(_drawn, k=int(number))
        case "saved":
            return partial(_saved, most=int(number))
        case "none":
            return None
    raise ValueError(f"no measure {measure}")


def _least(measure: str) -> int:
    """Candidates of a problem that a measure is about."""
    return int(measure.partition("@")[2]) if measure.startswith("pass@") else 1


def _chosen(line: ResultLine) -> _Part | None:
    return None if line.correct is None else (float(line.correct), 1.0)


def _any(line: ResultLine) -> _Part | None:
    verdicts = _verdicts(line)
    return None if verdicts is None else (float(any(verdicts)), 1.0)


def _points(line: ResultLine) -> _Part | None:
    """By the set's own rule; where it has none an answer is right or wrong."""
    return _chosen(line) if line.score is None else (line.score.points, line.score.of)


def _drawn(line: ResultLine, k: int) -> _Part | None:
    """pass@k; where there are fewer than k candidates the missing ones are wrong (Wang et al., 2024)."""
    verdicts = _verdicts(line)
    if verdicts is None:
        return None
    return padded_pass_at_k(len(verdicts), sum(verdicts), k), 1.0


def _saved(line: ResultLine, most: int) -> _Part | None:
    return max(0.0, 1 - len(line.candidates) / most), 1.0


def _verdicts(line: ResultLine) -> list[bool] | None:
    """Whether each candidate is right; `None` where that is not known of all of them."""
    found = [candidate.correct for candidate in line.candidates]
    return None if line.correct is None or None in found else [bool(each) for each in found]
