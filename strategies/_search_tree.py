"""The tree of an adaptive search as a value: what was asked for, what it scored, and what that says of every node.

Nothing here draws random numbers, asks anybody or remembers anything elsewhere. A tree that was told a result is
another tree; telling it twice, or in another order, makes no difference. While an answer is being written the score
that was expected of it stands in for its own, so that others who ask meanwhile are sent elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

Node: TypeAlias = "int | None"
"""A trial that has an answer, by its number; `None` is the root, the problem itself."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One answer that is written."""

    number: int
    parent: Node
    """What it refines."""
    actor: int
    """Who writes it."""
    expected: float
    """The score that was expected when it was asked for."""
    state: Literal["asked", "told", "lost"] = "asked"
    score: float = 0.0
    """Once it was told."""
    open: bool = False
    """Whether it was told and may be refined."""

    @property
    def reward(self) -> float | None:
        """What it counts as; nothing where it was lost, which says nothing about answers."""
        return {"asked": self.expected, "told": self.score, "lost": None}[self.state]


@dataclass(frozen=True, slots=True)
class Rewards:
    """What has come of a node, by what was done there."""

    new: tuple[tuple[Trial, float], ...]
    """Of the children that were written from it, each with its first score."""
    below: Mapping[int, tuple[tuple[Trial, float], ...]]
    """By child, of all answers from it down, its own included."""

    @property
    def continued(self) -> tuple[tuple[Trial, float], ...]:
        """Of going on from a child: all that came after its own first score."""
        return tuple(each for child, found in self.below.items() for each in found if each[0].number != child)


@dataclass(frozen=True)
class Tree:
    """All trials, in the order in which they were asked for."""

    trials: tuple[Trial, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.trials)

    # -- growing ------------------------------------------------------------------------

    def asked(self, parent: Node, actor: int, expected: float) -> Tree:
        """The tree with one trial more."""
        return Tree((*self.trials, Trial(len(self.trials), parent, actor, expected)))

    def told(self, number: int, score: float, *, open: bool = True) -> Tree:
        """The tree with the score of a trial; the same where that is known already.

        Raises:
            ValueError: a score outside of 0 to 1.
        """
        if not 0 <= score <= 1:
            raise ValueError(f"trial {number} scored {score}; scores go from 0 to 1")
        return self._ended(number, replace(self.trials[number], state="told", score=score, open=open))

    def lost(self, number: int) -> Tree:
        """The tree with a trial of which nothing will come."""
        return self._ended(number, replace(self.trials[number], state="lost"))

    def _ended(self, number: int, trial: Trial) -> Tree:
        if self.trials[number].state != "asked":
            return self
        return Tree((*self.trials[:number], trial, *self.trials[number + 1 :]))

    # -- looking ------------------------------------------------------------------------

    @property
    def pending(self) -> tuple[Trial, ...]:
        return tuple(trial for trial in self.trials if trial.state == "asked")

    def children(self, node: Node) -> list[int]:
        """The children that one may go on from."""
        return [number for number in self._children.get(node, ()) if self.trials[number].open]

    def rewards(self, node: Node) -> Rewards:
        children = self._children.get(node, ())
        new = tuple(self._rewarded(children))
        return Rewards(new, {child: tuple(self._rewarded(self._below(child))) for child in children})

    def all_rewards(self) -> tuple[tuple[Trial, float], ...]:
        return tuple(self._rewarded(range(len(self.trials))))

    def best(self, k: int) -> list[Trial]:
        """The `k` of highest score, or as many as there are; of equals the earlier."""
        return sorted((t for t in self.trials if t.state == "told"), key=lambda t: (-t.score, t.number))[: max(k, 0)]

    def _rewarded(self, numbers: Sequence[int]) -> Iterator[tuple[Trial, float]]:
        for number in numbers:
            trial = self.trials[number]
            if trial.reward is not None:
                yield trial, trial.reward

    def _below(self, node: int) -> list[int]:
        """A node and everything that grew out of it."""
        found = [node]
        for number in found:
            found += self._children.get(number, ())
        return sorted(found)

    @cached_property
    def _children(self) -> Mapping[Node, list[int]]:
        found: dict[Node, list[int]] = {}
        for trial in self.trials:
            found.setdefault(trial.parent, []).append(trial.number)
        return found

    # -- keeping ------------------------------------------------------------------------

    def to_json(self) -> list[dict[str, Any]]:
        """The tree as plain data, from which `of_json` makes it again."""
        return [{name: getattr(trial, name) for name in Trial.__slots__} for trial in self.trials]

    @classmethod
    def of_json(cls, data: Sequence[Mapping[str, Any]]) -> Tree:
        return cls(tuple(Trial(**each) for each in data))
