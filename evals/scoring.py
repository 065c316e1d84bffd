"""Answers that can be right in parts: what they get, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from orchestrator.errors import UnknownName

from .rows import Options

RuleName = Literal["strict", "published"]
RULES: tuple[RuleName, ...] = ("strict", "published")


@dataclass(frozen=True, slots=True)
class Score:
    """What one answer gets."""

    points: float
    of: float
    """Points that there are."""
    flags: tuple[str, ...] = ()
    """What is odd about it, whether or not the rule minds, in words that are counted over a set."""

    @property
    def share(self) -> float:
        return self.points / self.of

    @property
    def full(self) -> bool:
        return self.points == self.of


class Rule(Protocol):
    """Scores an answer to one problem."""

    def __call__(self, answer: str | None, text: str | None) -> Score:
        """The score.

        Args:
            answer: as read out of the reply; `None` where none could be.
            text: the whole reply; `None` where only the answer is known.
        """
        ...


def rule_of(options: Options) -> RuleName:
    """The rule that `SET:rule=...` wants: `strict` by default, or as the set's authors published it, flaws included.

    Raises:
        UnknownName: there is no such rule.
    """
    wanted = options.get("rule", "strict")
    for name in RULES:
        if name == wanted:
            return name
    raise UnknownName("rule", wanted, RULES)


def published_output(answer: str | None, text: str | None) -> tuple[str, bool]:
    """What published rules look at, and whether it stands behind a marker.

    That is what follows the first "Final answer:", or "Answer:", up to the next; without either the whole reply, so
    that one that was never finished is searched from end to end. Where only the answer is known it is that.
    """
    if text is None:
        return answer or "", answer is not None
    for marker in ("Final answer:", "final answer:", "Answer:", "answer:"):
        if marker in text:
            return text.split(marker)[1].strip(), True
    return text, False


UNMARKED = "no final answer"
"""Flag of a reply without a marker."""
