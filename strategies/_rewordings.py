"""Which questions of a pool are another question in other words; such a pool would tell its answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.lessons import mark_of
from orchestrator.types import Kind, Problem

_ALIKE = 0.8
"""Share of the words of two texts that must be common to both."""
_SHARED = 0.8
"""Share of a pool from which on a word belongs to how its questions are put."""
_SMALL = 5
"""Questions of a pool that has no such words yet."""
_FORMAL: frozenset[Kind] = frozenset({"plan", "game24"})
"""Kinds whose problems differ in the order of the same few words, or in numbers alone."""

_SMALL_WORDS = """
a an the of in on at to for from by with and or is are was were be been do does did has have had it its this that these
those there which what who whom whose when where why how i you we they he she his her my your our their one as if then
than so can could will would should may might shall following
"""
_COUNTING = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty
"""
_FILLERS = frozenset(_SMALL_WORDS.split())
_NUMERALS = {word: str(number) for number, word in enumerate(_COUNTING.split()) if word not in _FILLERS}
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_ENDINGS = ("ing", "ed", "es", "s", "e")


@dataclass(frozen=True, slots=True)
class Wording:
    """What a question says, without how it is put."""

    mark: str
    kind: Kind
    numbers: tuple[tuple[str, int], ...]
    words: frozenset[str]
    options: frozenset[str]

    @classmethod
    def of(cls, problem: Problem) -> Wording:
        asked, offered = _tokens(problem.prompt), _tokens("\n".join(problem.options))
        numbers = Counter(token for token in (*asked, *offered) if token[0].isdigit())
        return cls(mark_of(problem), problem.kind, tuple(sorted(numbers.items())), _words(asked), _words(offered))


class Rewordings:
    """A pool of questions, to be asked which of them are another one reworded.

    Two questions are one when their words are the same in any order, case and punctuation, or when they have the same
    numbers and at least four fifths of the words of their text, and of their options, in common. Small words, endings
    and words that nearly all questions of the pool share do not count. Plans and games of 24, which say different
    things with the same words, must be the same altogether. Synonyms are not recognised.
    """

    def __init__(self, pool: Sequence[Wording]) -> None:
        self._pool = pool
        counts = Counter(word for one in pool for word in one.words)
        bar = _SHARED * len(pool)
        self._shared = frozenset(w for w, n in counts.items() if n > bar) if len(pool) >= _SMALL else frozenset[str]()

    def same(self, place: int, other: Wording) -> bool:
        """Whether the question at this place of the pool is the other one."""
        one = self._pool[place]
        if one.mark == other.mark:
            return True
        if one.kind in _FORMAL or one.numbers != other.numbers:
            return False
        ours, theirs = one.words - self._shared, other.words - self._shared
        return bool(ours) and _alike(ours, theirs) and _alike(one.options, other.options)


def _alike(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    return len(ours & theirs) >= _ALIKE * len(ours | theirs)


def _tokens(text: str) -> list[str]:
    tokens: list[str] = _TOKEN.findall(text.casefold())
    return [_NUMERALS.get(token, token) for token in tokens]


def _words(tokens: Iterable[str]) -> frozenset[str]:
    return frozenset(_stem(token) for token in tokens if token not in _FILLERS and not token[0].isdigit())


@lru_cache(maxsize=4096)
def _stem(word: str) -> str:
    """The word without an ending; crude, but alike for all forms of most words."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word.removesuffix(ending)
    return word
