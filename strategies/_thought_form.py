"""The size of one search through a tree of thoughts: how states grow, are compared and are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from orchestrator.answers import game24
from orchestrator.types import Estimate, Problem

from ._thoughts import State


@dataclass(frozen=True, slots=True)
class Form:
    """The settings of one search, none left open."""

    steps: int
    generate: Literal["propose", "sample"]
    evaluate: Literal["value", "vote"]
    keep: int
    thoughts: int
    opinions: int

    def continuations(self, states: Sequence[State]) -> list[tuple[State, int]]:
        """Every state as often as it is asked for, and which of its samples each is; one call lists all steps."""
        times = 1 if self.generate == "propose" else self.thoughts
        return [(state, number) for state in states for number in range(times)]

    def opinions_on(self, states: Sequence[State]) -> list[tuple[State, int]]:
        """Every state as often as it is valued, and which of its values each is."""
        return [(state, number) for state in states for number in range(self.opinions)]

    def rungs(self) -> Iterator[Form]:
        """This form and smaller ones, the largest first."""
        form = self
        yield form
        while form.opinions > 1:
            form = replace(form, opinions=form.opinions - 1)
            yield form
        while form.keep > 1:
            form = replace(form, keep=form.keep - 1)
            yield form
        while form.thoughts > 1:
            form = replace(form, thoughts=form.thoughts - 1)
            yield form

    def estimate(self, free: int) -> Estimate:
        """Calls when every state has as many continuations as it may.

        Args:
            free: the step after which states are compared without asking anybody; 0 for none.
        """
        states, calls, depth = 1, 0, 0
        for step in range(1, self.steps + 1):
            last = step == self.steps
            listing = self.generate == "propose"
            calls += states if listing else states * self.thoughts
            grown = states if listing and last else states * self.thoughts
            asked = 0 if grown < 2 or step == free else self.opinions * (grown if self.evaluate == "value" else 1)
            calls, depth = calls + asked, depth + 1 + (asked > 0)
            states = min(grown, self.keep)
        # Where nobody knows a next step, the answer is written at once.
        least = (1 if self.generate == "propose" else self.thoughts) * min(self.steps, 2)
        return Estimate(least, float(calls), calls, depth, states)


def usual_form(problem: Problem) -> Form:
    """As in the paper, by the kind of problem."""
    if problem.kind == "game24":
        return Form(len(game24.numbers_of(problem)) or 4, "propose", "value", keep=5, thoughts=8, opinions=3)
    return Form(2, "sample", "vote", keep=1, thoughts=5, opinions=5)


def free_step(form: Form, problem: Problem) -> int:
    """The step of a game of 24 after which one number is left, which needs no opinion."""
    if problem.kind != "game24" or (form.generate, form.evaluate) != ("propose", "value"):
        return 0
    pairs = len(game24.numbers_of(problem)) - 1
    return pairs if 0 < pairs < form.steps else 0
