"""Problems whose right answers are known, to prepare strategies with."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from . import answers
from .answers import game24, strips
from .errors import ConfigError
from .types import Answer, Problem

_TOKEN = re.compile(r"\\?\w+|[-+*/^=<>\u2260\u2264\u2265\u00b1()\[\]{}]")
_SIGNS = "-+*/^=<>\u2260\u2264\u2265\u00b1"
_SPELLINGS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00d7": "*", "\u00b7": "*", "\u00f7": "/"})
"""Signs of arithmetic that have another form in print."""
_OPERAND = re.compile(r"\\.*|.*\d.*|[^\W_]")
"""A number, a name of one letter, a command of LaTeX."""


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

    The same question under another id, or in another set, has the same mark. Signs of arithmetic are words where they
    stand between numbers or letters: 3 + 4 and 3 - 4 are two problems, a well-known and a well known fact one.
    """
    options = sorted(map(_words, problem.options))
    words = _words(problem.prompt) or problem.prompt
    return blake2b("\n".join((words, *options)).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _words(text: str) -> str:
    """The words of a text, and the signs that they are computed with."""
    matches = list(_TOKEN.finditer(text.casefold().translate(_SPELLINGS)))
    tokens = [match[0] for match in matches]
    found = []
    for i, token in enumerate(tokens):
        if token in _SIGNS:
            if (_closes(tokens[:i][-1:]) and _opens(tokens[i + 1 : i + 3])) or _signs_a_number(matches[i]):
                found.append(token)
        elif token not in "()[]{}":
            found.append(token.removeprefix("\\"))
    return " ".join(found)


def _closes(before: Sequence[str]) -> bool:
    """Whether what is computed with may end in this token."""
    return any(token in (")", "]", "}") or _OPERAND.fullmatch(token) for token in before)


def _opens(behind: Sequence[str]) -> bool:
    """Whether what is computed with may begin with the first of two tokens: as it is, negative, or a function."""
    first, second = (*behind, "", "")[:2]
    return first in ("(", "[", "{", "-") or second == "(" or _OPERAND.fullmatch(first) is not None


def _signs_a_number(sign: re.Match[str]) -> bool:
    """Whether it is a minus right before a number, and no hyphen behind a word."""
    before, behind = sign.string[: sign.start()][-1:], sign.string[sign.end() :][:1]
    return sign[0] == "-" and behind.isdigit() and not before.isalpha()
