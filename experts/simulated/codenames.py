"""Codenames, played by a small thesaurus: the spymaster looks for a theme, the guesser for the words that belong to it.

Slips are a hint that leads elsewhere, and a word taken for another.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from orchestrator.answers.codenames import guesses, objection, word
from orchestrator.types import Kind

from .family import Worked

_GAME = re.compile(r"\bcodenames\b|\bspymaster\b", re.IGNORECASE)
_BOARD = re.compile(r"\b(?:board|list)\b[^:.\n]{0,40}:\s*([^.\n]+)", re.IGNORECASE)
_TARGETS = re.compile(r"\b(?:find|targets?|link|for)\b[^:.\n]{0,60}\bwords?[^:.\n]{0,20}:\s*([^.\n]+)", re.IGNORECASE)
_HINT = re.compile(
    r"\b(?:hint|clue)\b[^\"\u201c.\n]{0,30}[\"\u201c]([^\"\u201d\n]+)[\"\u201d][^.\n]{0,40}?\b(one|\d{1,2}) words?\b",
    re.IGNORECASE,
)
_FEWEST = 2
"""Words of a board that must be known, for anybody to have an idea about it."""


@cache
def themes() -> Mapping[str, tuple[str, ...]]:
    """Words by what they belong to."""
    text = files("orchestrator.experts.simulated").joinpath("codenames.toml").read_text(encoding="utf-8")
    return {theme: tuple(words) for theme, words in tomllib.loads(text)["themes"].items()}


def associated(hint: str, board: Sequence[str]) -> list[str]:
    """The board, what belongs to the hint first; what has a theme in common with it comes next."""
    near = {other for words in themes().values() if hint in words for other in words}
    own = themes().get(hint, ())
    return sorted(board, key=lambda each: (each not in own, each not in near))


@dataclass(frozen=True, slots=True)
class Spymaster:
    """Looks for a hint."""

    board: tuple[str, ...]
    targets: tuple[str, ...]

    kind: Kind = "text"
    skills: tuple[str, ...] = ("matching",)

    @property
    def difficulty(self) -> float:
        """By how many words of the board the best theme would also lead to."""
        hits, misses = self._led_to(self._hints()[0])
        return min(1.0, 0.3 + 0.15 * misses + 0.2 * (len(self.targets) - hits))

    def solve(self, slip: random.Random | None = None) -> Worked:
        hints = self._hints()
        if slip is not None:
            wrong = [hint for hint in hints if not self.right(hint)]
            return self._worked(slip.choice(wrong or list(self.board)))
        return self._worked(hints[0])

    def right(self, answer: str) -> bool:
        """Whether a hint is allowed and leads to as many targets as the best one."""
        hint = word(answer)
        return objection(hint, self.board) is None and self._found(hint) >= self._found(self._hints()[0])

    def observations(self) -> tuple[str, ...]:
        return tuple(_remarks(self.board, self.targets))

    def _hints(self) -> list[str]:
        """All themes that are allowed, the best first."""
        allowed = [theme for theme in themes() if objection(theme, self.board) is None]
        return sorted(allowed, key=lambda theme: (-self._found(theme), -self._led_to(theme)[0], self._led_to(theme)[1]))

    def _found(self, hint: str) -> int:
        return len(set(associated(hint, self.board)[: len(self.targets)]) & set(self.targets))

    def _led_to(self, theme: str) -> tuple[int, int]:
        """Targets, and other words of the board, that belong to a theme."""
        there = set(self.board) & set(themes().get(theme, ()))
        return len(there & set(self.targets)), len(there - set(self.targets))

    def _worked(self, hint: str) -> Worked:
        meant = [each for each in self.targets if each in themes().get(hint, ())] or list(self.targets)
        steps = (
            f"What {' and '.join(self.targets)} have to do with each other is to be said in one word.",
            f"Closest to {', '.join(meant)} is {hint}.",
        )
        return Worked(steps, hint)


@dataclass(frozen=True, slots=True)
class Guesser:
    """Looks for what a hint means."""

    board: tuple[str, ...]
    hint: str
    count: int

    kind: Kind = "text"
    skills: tuple[str, ...] = ("matching",)

    @property
    def difficulty(self) -> float:
        """By how many of the words wanted have nothing to do with the hint, as far as is known."""
        known = sum(each in themes().get(self.hint, ()) for each in self.board)
        return 0.3 + 0.4 * max(0, self.count - known) / self.count

    def solve(self, slip: random.Random | None = None) -> Worked:
        ranked = associated(self.hint, self.board)
        chosen, others = ranked[: self.count], ranked[self.count :]
        if slip is not None and others:
            chosen[slip.randrange(len(chosen))] = slip.choice(others)
        steps = tuple(f"{each.capitalize()} goes with {self.hint}." for each in chosen)
        return Worked(steps, ", ".join(chosen))

    def right(self, answer: str) -> bool:
        return set(guesses(answer)) == set(associated(self.hint, self.board)[: self.count])

    def observations(self) -> tuple[str, ...]:
        return tuple(_remarks(self.board, self.board))


def _remarks(board: Sequence[str], about: Sequence[str]) -> Iterator[str]:
    for theme, words in themes().items():
        there = [each for each in board if each in words]
        if len(there) > 1 and set(there) & set(about):
            yield f"{', '.join(there)} may all be thought of at the word {theme}."
    for each in board:
        yield f"{each.capitalize()} is on the board, and a word of {len(each)} letters."
    yield f"There are {len(board)} words on the board, and every one that is not meant can mislead."


@dataclass(frozen=True, slots=True)
class CodenamesFamily:
    """Boards of words, seen by the one who gives a hint or by the one who gets it."""

    name: str = "codenames"

    def read(self, text: str) -> Spymaster | Guesser | None:
        """The game in a text that names it and lists the words of a board."""
        return _read(text)


@lru_cache(maxsize=1024)
def _read(text: str) -> Spymaster | Guesser | None:
    listed = _BOARD.search(text) if _GAME.search(text) else None
    board = tuple(guesses(listed[1])) if listed else ()
    known = {each for words in themes().values() for each in words}
    if len(known & set(board)) < _FEWEST:
        return None
    if hint := _HINT.search(text):
        count = 1 if hint[2].lower() == "one" else int(hint[2])
        return Guesser(board, word(hint[1]), count) if 0 < count <= len(board) else None
    wanted = _TARGETS.search(text)
    targets = tuple(guesses(wanted[1])) if wanted else ()
    return Spymaster(board, targets) if targets and set(targets) <= set(board) else None


FAMILY = CodenamesFamily()
