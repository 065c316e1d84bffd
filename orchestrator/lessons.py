"""Problems whose right answers are known, to prepare strategies with."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b

from . import answers
from .answers import game24, strips
from .errors import ConfigError
from .types import Answer, Problem

_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Lesson:
    """A problem whose right answer is known.

    Raises:
        ConfigError: nothing tells right answers from wrong ones.
    """

    problem: Problem
    answer: str | None = None
    """The right answer as text, where it is one text: a letter, a number, a program that does..."""
    check: Callable[[str], Awaitable[bool]] | None = None
    """Tells of an answer whether it is right; needed for programs. By default puzzles and plans are checked by their
    rules and all else against `answer`."""

    def __post_init__(self) -> None:
        kind, meta = self.problem.kind, self.problem.meta
        ruled = kind == "game24" or (kind == "plan" and {"pddl_domain", "pddl_instance"} <= set(meta))
        if self.check is None and not ruled and (self.answer is None or kind in ("code", "plan")):
            raise ConfigError(f"problem {self.problem.id} ({kind}) has nothing to tell a right answer by")

    async def right(self, answer: Answer) -> bool:
        """Whether an answer is right; what could not be read is not."""
        if answer.value is None or answer.abstains:
            return False
        if self.check is not None:
            return await self.check(answer.value)
        match self.problem.kind:
            case "game24":
                return game24.check(game24.numbers_of(self.problem), answer.value)
            case "plan":
                meta = self.problem.meta
                return strips.validate(str(meta["pddl_domain"]), str(meta["pddl_instance"]), answer.value).valid
        return await answers.same(self.problem, self.answer or "", answer.value)

    @property
    def mark(self) -> str:
        """What the problem is known by in files that were made from it."""
        return mark_of(self.problem)


def mark_of(problem: Problem) -> str:
    """16 hex digits for a problem's words and options, however they are spaced, cased, punctuated and ordered.

    The same question under another id, or in another set, has the same mark.
    """
    options = sorted(" ".join(_WORDS.findall(option.casefold())) for option in problem.options)
    words = " ".join(_WORDS.findall(problem.prompt.casefold())) or problem.prompt
    return blake2b("\n".join((words, *options)).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
