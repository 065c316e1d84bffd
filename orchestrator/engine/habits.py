"""What problems of one kind ask step by step, and what that lets one expect of those that are under way.

A demand graph with probabilities, learned while it is used: a problem of a kind is at some step, goes on to the next
one with a probability, and asks a model there so many times on average, by how often it has asked it before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

KINDS = 64
"""Kinds that are remembered; of more, those go of which no problem has begun for longest."""

DEEPEST = 32
"""Steps that are told apart: in deeper ones nothing is expected any more."""

OFTEN = 2
"""A model that was asked at least so often before counts as asked so often."""

DOUBT = 2.0
"""Problems of which it is taken for granted, before any has come so far, that they treat all models alike."""

LIKELY = 0.5
"""Calls by a problem from which on they are counted as if it had said so; of fewer it may be that none comes."""

_REMEMBERED = 512
"""Problems after which what was seen so far counts half: a kind may change its ways, and numbers stay small."""


Key = TypeVar("Key")
Times: TypeAlias = tuple[str, int]
"""A model, and how often it had been asked before."""


@dataclass(slots=True)
class Step:
    """What was seen of one step of a kind."""

    reached: float = 0.0
    """Problems that came so far."""
    ended: float = 0.0
    """Of these, how many ended here."""
    known: dict[Times, float] = field(default_factory=dict)
    """Problems that came so far, by models that they had asked before."""
    calls: dict[Times, float] = field(default_factory=dict)
    """Calls that were made here, those that were declared not among them."""
    all_known: dict[int, float] = field(default_factory=dict)
    """The same of all models together."""
    all_calls: dict[int, float] = field(default_factory=dict)

    def know(self, model: str, times: int) -> None:
        """A problem that came so far had asked a model."""
        self.known[model, times] = self.known.get((model, times), 0.0) + 1
        self.all_known[times] = self.all_known.get(times, 0.0) + 1

    def call(self, model: str, times: int) -> None:
        """A problem asks a model here."""
        self.calls[model, times] = self.calls.get((model, times), 0.0) + 1
        self.all_calls[times] = self.all_calls.get(times, 0.0) + 1

    def mean(self, model: str, times: int, models: int) -> float:
        """Calls to a model by a problem that comes so far; of little that was seen, as by those to all of them."""
        known, all_known = self.known.get((model, times), 0.0), self.all_known.get(times, 0.0)
        if times == 0:
            known = self.reached - sum(self.known.get((model, often), 0.0) for often in range(1, OFTEN + 1))
            all_known = self.reached * models - sum(self.all_known.values())
        usual = self.all_calls.get(times, 0.0) / (all_known + DOUBT)
        return (self.calls.get((model, times), 0.0) + DOUBT * usual) / (known + DOUBT)

    def halve(self) -> None:
        """What was seen counts half from now on."""
        self.reached, self.ended = self.reached / 2, self.ended / 2
        self.known, self.calls = _half(self.known), _half(self.calls)
        self.all_known, self.all_calls = _half(self.all_known), _half(self.all_calls)


@dataclass(slots=True, eq=False)
class Habit:
    """What problems of one kind do."""

    steps: list[Step] = field(default_factory=list)
    models: set[str] = field(default_factory=set)
    _values: dict[tuple[int, str, int], float] = field(default_factory=dict)

    def reached(self, step: int, asked: Iterable[Times]) -> None:
        """A problem has come to a step, having asked models so often."""
        self._values.clear()
        if step == len(self.steps):
            self.steps.append(Step())
        seen = self.steps[step]
        seen.reached += 1
        for model, times in asked:
            seen.know(model, min(times, OFTEN))
        if step == 0 and seen.reached > _REMEMBERED:
            for each in self.steps:
                each.halve()

    def asked(self, step: int, model: str, times: int, declared: bool) -> None:
        """At a step a model was asked that had been asked so often before the step."""
        self._values.clear()
        self.models.add(model)
        if not declared:
            self.steps[step].call(model, min(times, OFTEN))

    def ended(self, step: int) -> None:
        """A problem has ended at a step."""
        self._values.clear()
        self.steps[step].ended += 1

    def goes_on(self, step: int) -> float:
        """The probability that a problem asks again after a step: 1 before anybody has."""
        went, ended = self._after(step)
        return (went + 1) / (went + ended + 1)

    def to_come(self, step: int, model: str, times: int) -> float:
        """Calls that a problem at a step is expected to make in later ones, to a model that it has asked so often."""
        times = min(times, OFTEN)
        if (step, model, times) not in self._values:
            self._values[step, model, times] = self._to_come(step, model, times)
        return self._values[step, model, times]

    def _to_come(self, step: int, model: str, times: int) -> float:
        went, ended = self._after(step)
        if not went:
            return 0.0
        calls = self.steps[step + 1].mean(model, times, len(self.models))
        asked, then = min(1.0, calls), times + max(1, int(calls + 0.5))
        later = asked * self.to_come(step + 1, model, then) + (1 - asked) * self.to_come(step + 1, model, times)
        return went / (went + ended) * (calls + later)

    def _after(self, step: int) -> tuple[float, float]:
        """Problems that went on after a step, and that ended there."""
        went = self.steps[step + 1].reached if step + 1 < len(self.steps) else 0.0
        return went, self.steps[step].ended


@dataclass(slots=True, eq=False)
class Followed:
    """One problem under way."""

    habit: Habit
    step: int = -1
    """Steps are stages at which it has asked, one after the other."""
    asked: Counter[str] = field(default_factory=Counter)
    """How often it has asked each model."""
    declares: bool = False
    """Whether it has said of a call that it would come: what it says of itself is worth more than what others did."""
    _stage: int = -1
    _before: dict[str, int] = field(default_factory=dict)
    """The same as of the beginning of the step."""

    def asks(self, model: str | None, stage: int, declared: bool) -> None:
        """It asks a model, or somebody who shares no memory, at a stage of its seat; `declared` if it had said so."""
        if stage > self._stage:
            self._stage = stage
            if self.step + 1 < DEEPEST:
                self.step += 1
                self._before = dict(self.asked)
                self.habit.reached(self.step, self._before.items())
        self.declares = self.declares or declared
        if model is not None:
            self.habit.asked(self.step, model, self._before.get(model, 0), declared)
            self.asked[model] += 1

    def to_come(self, model: str) -> float:
        """Calls of a model that are to be expected of its later steps."""
        return self.habit.to_come(self.step, model, self.asked[model]) if self.step >= 0 else 0.0

    @property
    def goes_on(self) -> float:
        """The probability that it asks again after its present step; 1 of those that speak for themselves."""
        return 1.0 if self.declares or self.step < 0 else self.habit.goes_on(self.step)


class Habits:
    """All kinds of problems, and those problems that are under way.

    Args:
        kinds: that are remembered at the most.
    """

    def __init__(self, kinds: int = KINDS) -> None:
        self.open: dict[Followed, None] = {}
        """In the order in which they began."""
        self._most, self._kinds = kinds, dict[Hashable, Habit]()

    def follow(self, kind: Hashable) -> Followed:
        """A problem of a kind begins."""
        habit = self._kinds.pop(kind) if kind in self._kinds else Habit()
        self._kinds[kind] = habit
        if len(self._kinds) > self._most:
            del self._kinds[next(iter(self._kinds))]
        followed = Followed(habit)
        self.open[followed] = None
        return followed

    def end(self, followed: Followed) -> None:
        """A problem has ended; a second time does nothing."""
        if followed in self.open:
            del self.open[followed]
            if followed.step >= 0:
                followed.habit.ended(followed.step)

    def __len__(self) -> int:
        return len(self._kinds)


def _half(counts: dict[Key, float]) -> dict[Key, float]:
    return {key: number / 2 for key, number in counts.items()}
