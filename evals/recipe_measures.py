"""A column's figure out of a run's result lines, counted as the paper counts it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from .metrics import interval_of_mean, pass_at_k
from .results import ResultLine

_Count: TypeAlias = Callable[[ResultLine], float | None]
"""What one line counts, from 0 to 1; `None` where the set has no verdict on it."""


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
    found: dict[str, dict[str, list[float]]] = {key: defaultdict(list) for key in wanted}
    short: dict[str, set[str]] = {key: set() for key in wanted}
    for line in lines:
        for key, (row, count, least) in wanted.items():
            if line.strategy != row or count is None or (value := count(line)) is None:
                continue
            found[key][line.problem].append(value)
            if len(line.candidates) < least:
                short[key].add(line.problem)
    return {key: _summed(values, len(short[key])) for key, values in found.items()}


def _summed(values: Mapping[str, list[float]], short: int) -> Measured | None:
    if not values:
        return None
    means = [sum(each) / len(each) for each in values.values()]
    low, high = interval_of_mean(means)
    return Measured(100 * sum(means) / len(means), 100 * low, 100 * high, len(means), short)


def _counting(measure: str) -> _Count | None:
    name, _, number = measure.partition("@")
    match name:
        case "accuracy":
            return _chosen
        case "any":
            return _any
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


def _chosen(line: ResultLine) -> float | None:
    return None if line.correct is None else float(line.correct)


def _any(line: ResultLine) -> float | None:
    verdicts = _verdicts(line)
    return None if verdicts is None else float(any(verdicts))


def _drawn(line: ResultLine, k: int) -> float | None:
    """pass@k; where there are fewer than k candidates the missing ones are wrong (Wang et al., 2024)."""
    verdicts = _verdicts(line)
    if verdicts is None:
        return None
    n, right = len(verdicts), sum(verdicts)
    return float(right > 0) if k > n else pass_at_k(n, right, k)


def _saved(line: ResultLine, most: int) -> float | None:
    return max(0.0, 1 - len(line.candidates) / most)


def _verdicts(line: ResultLine) -> list[bool] | None:
    """Whether each candidate is right; `None` where that is not known of all of them."""
    found = [candidate.correct for candidate in line.candidates]
    return None if line.correct is None or None in found else [bool(each) for each in found]
