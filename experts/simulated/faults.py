"""What makes simulated experts go wrong, and how often.

An expert e that works on a task t under a prompt w (the conversation, word by word) goes wrong in sample s when

    strength(e) + skill(e, t) - 2 (difficulty(t) - 0.45) + help(w, t) + 0.5 T + 0.45 E + 0.55 W + 0.5 S  <  0

where T, E, W and S are standard normal numbers that belong to (t), (e, t), (e, t, w) and (e, t, w, s): how hard the
task is for everybody, how it suits the expert, what this wording makes of it, and luck. So samples of one prompt share
three of the four, different prompts to one expert two, different experts one: repeating a prompt repeats its mistakes,
while other prompts and other experts err apart. `help` is what approach, persona, observations or a plan named in the
prompt are worth for this task; a plan with a mistake in it hurts.

Which mistake is made is drawn likewise: one of a dozen that are known for the task, picked by the task alone (the trap
that everybody falls into), by expert and wording, or by the sample.

All numbers are hashes of what they belong to: the same in every process and on every machine.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from statistics import NormalDist

from orchestrator.types import Message

from .hints import worth
from .known import MISTAKES, Known, number
from .people import Person
from .prose import lists

_TASK, _EXPERT, _WORDING, _SAMPLE = 0.5, 0.45, 0.55, 0.5
_SLOPE, _MIDDLING = 2.0, 0.45
_TRAP, _HABIT = 0.15, 0.65
"""Up to the first share, mistakes go by the task alone, up to the second by expert and wording, the rest by luck."""
_PLAN_HELPS, _PLAN_HURTS = 0.9, -1.1
_FOLLOWED = 0.85
"""How often a mistake that the plan has is the one that is made."""
_NORMAL = NormalDist()


def wording(messages: Sequence[Message]) -> str:
    """What a conversation is told from others by."""
    digest = blake2b(digest_size=8)
    for message in messages:
        digest.update(f"{message.role}\x1f{message.text}\x1e".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


@dataclass(frozen=True)
class Attempt:
    """One expert at one task, under one prompt, in one sample."""

    person: Person
    known: Known
    wording: str
    instruction: str
    """What the prompt says beside the problem."""
    sample: str

    def part(self, name: object) -> Attempt:
        """A part of the reply that goes right or wrong by itself, such as one of several approaches."""
        return Attempt(self.person, self.known, f"{self.wording}/{name}", self.instruction, self.sample)

    def mistake(self, ease: float = 0.0) -> int | None:
        """The mistake that is made, or `None`.

        Args:
            ease: added to the strength, in standard deviations.
        """
        plan = self.planned
        if self._strength(plan) + ease >= 0:
            return None
        if plan is not None and plan >= 0 and self.chance("follows") < _FOLLOWED:
            return plan
        return self._which()

    def rng(self, *parts: object) -> random.Random:
        """Random numbers that differ from sample to sample."""
        return random.Random(number(*self._habit, self.sample, *parts))

    def chance(self, *parts: object) -> float:
        """A number from 0 to 1 that differs from sample to sample."""
        return _unit(*self._habit, self.sample, *parts)

    @property
    def _habit(self) -> tuple[object, ...]:
        return self.person.name, self.known.key, self.wording

    @property
    def planned(self) -> int | None:
        """The mistake in the plan that the prompt gives; -1 for a plan without one, `None` without a plan."""
        text = self.instruction
        if not lists(text):
            return None
        for which, steps in self.known.outlined:
            if all(step in text for step in steps):
                return -1 if which is None else which
        return None

    def _strength(self, plan: int | None) -> float:
        person, task = self.person, self.known.task
        planned = 0.0 if plan is None else _PLAN_HELPS if plan < 0 else _PLAN_HURTS
        mean = person.strength + person.skilled(task.skills) - _SLOPE * (task.difficulty - _MIDDLING)
        return (
            mean
            + planned
            + worth(self.instruction, self.known)
            + _TASK * _normal(self.known.key)
            + _EXPERT * _normal(person.name, self.known.key)
            + _WORDING * _normal(*self._habit)
            + _SAMPLE * _normal(*self._habit, self.sample)
        )

    def _which(self) -> int:
        luck = self.chance("which")
        if luck < _TRAP:
            return number(self.known.key, "trap") % MISTAKES
        if luck < _HABIT:
            return number(*self._habit, "habit") % MISTAKES
        return number(*self._habit, self.sample, "luck") % MISTAKES


def _unit(*parts: object) -> float:
    return ((number(*parts) >> 11) + 0.5) / (1 << 53)


def _normal(*parts: object) -> float:
    return _NORMAL.inv_cdf(_unit(*parts))
