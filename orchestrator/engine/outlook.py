"""What is to be expected of all problems under way, model by model, at one moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .habits import LIKELY, OFTEN, Followed, Habit


@dataclass(slots=True)
class Outlook:
    """Calls that nobody declared and that history lets one expect."""

    likely: Counter[str] = field(default_factory=Counter)
    """By model; each problem that more likely asks it than not, with as many as it will make."""
    following: Counter[str] = field(default_factory=Counter)
    """Of these, those of problems that wait for this model alone."""
    unsure: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Calls by all the others, as many as there will be on average; those that follow are not among them."""

    def add(self, model: str, calls: float, problems: int = 1) -> None:
        """So many problems will make so many calls each; of fewer than none they will be taken out again."""
        if calls >= LIKELY:
            self.likely[model] += problems * _whole(calls)
        else:
            self.unsure[model] += problems * calls

    def follow(self, model: str, calls: float) -> None:
        """Of those that were added, a problem's that waits for nothing else."""
        if calls >= LIKELY:
            self.following[model] += _whole(calls)
        else:
            self.unsure[model] -= calls


def outlook(problems: Iterable[Followed], models: Iterable[str], alone: Mapping[Followed, str]) -> Outlook:
    """What is to come of these problems, each of which is by its habit like others that are at the same step.

    Args:
        alone: the model that a problem waits for, of those that wait for one alone.
    """
    found, names = Outlook(), tuple(models)
    alike, asked = Counter[tuple[Habit, int]](), Counter[tuple[Habit, int, str, int]]()
    for problem in problems:
        if problem.step < 0:
            continue
        alike[problem.habit, problem.step] += 1
        for model, times in problem.asked.items():
            asked[problem.habit, problem.step, model, min(times, OFTEN)] += 1
        if (only := alone.get(problem)) is not None:
            found.follow(only, problem.to_come(only))
    for (habit, step), number in alike.items():
        for model in names:
            found.add(model, habit.to_come(step, model, 0), number)
    for (habit, step, model, times), number in asked.items():  # counted above as if it had not been asked
        found.add(model, habit.to_come(step, model, 0), -number)
        found.add(model, habit.to_come(step, model, times), number)
    return found


def _whole(calls: float) -> int:
    return int(calls + 0.5)
