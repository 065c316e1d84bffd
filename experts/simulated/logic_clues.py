"""Reads what a logic grid says: who there is, what goes with whom, and what each clue rules out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Item = tuple[int, int]
"""A list of things, and one of them; list 0 is the people, list -1 the numbered places (from 0)."""
Relation = Literal["same", "before", "right before", "next"]

_WORD = r"[A-Za-z][a-z'-]*"
_LIST = re.compile(rf"({_WORD}(?:, {_WORD})+,? (?:and|or) {_WORD})")
_NUMBERED = re.compile(r"\b1 (?:to|through|-) ?(\d)\b|\b1[-\u2013](\d)\b")
_MARK = re.compile(r"^\s*(?:\(?\d+[.)]|[-*\u2022])\s+", re.MULTILINE)
_INLINE = re.compile(r"(?<=[.:;])[ \t]+\(?\d+[.)][ \t]+(?=[A-Z])")
_PLACE = re.compile(r"\b(?:house|seat|place|position|spot|number|room|lane|rank)\s+(?:number\s+)?(\d)\b", re.IGNORECASE)
_ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3}
_NOT = re.compile(r"\b(?:not|never|neither|nor|cannot)\b|n['\u2019]t\b", re.IGNORECASE)
_NEXT = re.compile(r"\b(?:next to|next door|beside|adjacent|neighbou?rs? of|side by side)\b", re.IGNORECASE)
_DIRECT = re.compile(r"\b(?:directly|immediately|right|just|exactly one)\b(?! (?:than|of))", re.IGNORECASE)
_EARLIER = re.compile(r"\b(?:left|before|ahead|earlier|sooner|above)\b", re.IGNORECASE)
_LATER = re.compile(r"\b(?:right (?:of|than)|further right|after|behind|later|below)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Clue:
    """What a sentence says of two things."""

    text: str
    relation: Relation
    one: Item
    other: Item
    negated: bool


@dataclass(frozen=True)
class Puzzle:
    """A grid as told: the lists in the order of the text, the people first."""

    lists: tuple[tuple[str, ...], ...]
    places: bool
    clues: tuple[Clue, ...]
    question: str
    asked: Item
    wanted: int
    """The list from which the answer comes: 0 a name, -1 a place."""

    def called(self, item: Item) -> str:
        return f"number {item[1] + 1}" if item[0] < 0 else self.lists[item[0]][item[1]]


def puzzle(text: str) -> Puzzle | None:
    """The grid that a text tells; `None` where it is none."""
    end = text.rfind("?")
    if end < 0 or len(_LIST.findall(text)) < 2:
        return None
    for begin in _starts(text, end):
        if found := _Reader(text[begin : end + 1]).puzzle:
            return found
    return None


def _starts(text: str, end: int) -> list[int]:
    """Where a puzzle may begin: at the sentence of a list of names, the last one first."""
    names = [m.start() for m in _LIST.finditer(text, 0, end) if all(word[0].isupper() for word in _words(m[1]))]
    return [max(text.rfind("\n", 0, start), text.rfind(". ", 0, start), -1) + 1 for start in reversed(names)]


def _words(listed: str) -> tuple[str, ...]:
    return tuple(re.split(r",? (?:and|or) |, ", listed))


class _Reader:
    """One reading of a text that ends in its question."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def puzzle(self) -> Puzzle | None:
        lists = self._lists
        size = len(lists[0]) if lists else 0
        if not 3 <= size <= 4 or not 2 <= len(lists) + self._places <= 4:
            return None
        question, clues = self._question, tuple(self._clues)
        asked = _mentioned(question, self._items)
        if not clues or len(asked) != 1:
            return None
        wanted = self._wanted(question, asked[0])
        if wanted is None or wanted == asked[0][0]:
            return None
        return Puzzle(lists, self._places, clues, question, asked[0], wanted)

    @cached_property
    def _head(self) -> str:
        """What stands before the clues."""
        clue = re.search(r"\bclues?\b[^\n:]*:|\bwe know\b[^\n:]*:", self._text, re.IGNORECASE) or _MARK.search(
            self._text
        )
        return self._text[: clue.start()] if clue else self._text[: self._last_list]

    @property
    def _last_list(self) -> int:
        return max((match.end() for match in _LIST.finditer(self._text)), default=0)

    @cached_property
    def _lists(self) -> tuple[tuple[str, ...], ...]:
        found = [_words(match[1]) for match in _LIST.finditer(self._head)]
        people = next((each for each in found if all(word[0].isupper() for word in each)), None)
        if people is None:
            return ()
        return (people, *(each for each in found if each is not people and len(each) == len(people)))

    @cached_property
    def _places(self) -> bool:
        numbered = _NUMBERED.search(self._head)
        return numbered is not None and int(numbered[1] or numbered[2]) == len(self._lists[0])

    @cached_property
    def _items(self) -> Mapping[str, Item]:
        return {word.lower(): (i, j) for i, words in enumerate(self._lists) for j, word in enumerate(words)}

    @cached_property
    def _sentences(self) -> Sequence[str]:
        body = _INLINE.sub("\n", _MARK.sub("", self._text[len(self._head) :]))
        return [part.strip() for part in re.split(r"(?<=[.!?])\s+|\n+|;\s+", body) if part.strip()]

    @property
    def _question(self) -> str:
        return self._sentences[-1] if self._sentences else ""

    @property
    def _clues(self) -> list[Clue]:
        found = []
        for sentence in self._sentences[:-1]:
            mentioned = _mentioned(sentence, self._items)
            if self._places and len(mentioned) == 1 and (place := _place(sentence, len(self._lists[0]))) is not None:
                mentioned.append((-1, place))
            if len(mentioned) == 2:
                found.append(_clue(sentence, *mentioned))
        return found

    def _wanted(self, question: str, asked: Item) -> int | None:
        if re.match(r"\W*(?:who|whose|which (?:person|of them)|name the)\b", question, re.IGNORECASE):
            return 0
        if self._places and re.search(
            r"\b(?:which|what) (?:house|seat|place|position|spot|number)\b|\bwhere\b", question, re.IGNORECASE
        ):
            return -1
        return self._by_label(question)

    def _by_label(self, question: str) -> int | None:
        """The list whose name the question has: `which pet`, where the text says `a different pet: cat, ...`."""
        label = re.search(r"\b(?:which|what) (\w+)", question, re.IGNORECASE)
        if label is None:
            return None
        for i, words in enumerate(self._lists[1:], 1):
            place = self._head.find(words[0])
            if label[1].lower().rstrip("s") in self._head[max(0, place - 60) : place].lower():
                return i
        return None


def _mentioned(sentence: str, items: Mapping[str, Item]) -> list[Item]:
    """The things a sentence names, each once, in its order."""
    words = (
        items.get(re.sub(r"['\u2019]s$", "", word.lower())) for word in re.findall(r"[A-Za-z][\w'\u2019-]*", sentence)
    )
    return list(dict.fromkeys(item for item in words if item is not None))


def _place(sentence: str, count: int) -> int | None:
    if found := _PLACE.search(sentence):
        return int(found[1]) - 1 if 1 <= int(found[1]) <= count else None
    for word, place in _ORDINALS.items():
        if place < count and re.search(rf"\b{word}\b", sentence, re.IGNORECASE):
            return place
    return count - 1 if re.search(r"\blast\b", sentence, re.IGNORECASE) else None


def _clue(sentence: str, one: Item, other: Item) -> Clue:
    negated = _NOT.search(sentence) is not None
    if other[0] < 0:
        return Clue(sentence, "same", one, other, negated)
    if _NEXT.search(sentence):
        return Clue(sentence, "next", one, other, negated)
    if later := _LATER.search(sentence):
        direct = _DIRECT.search(sentence[: later.start()])
        return Clue(sentence, "right before" if direct else "before", other, one, negated)
    if _EARLIER.search(sentence):
        return Clue(sentence, "right before" if _DIRECT.search(sentence) else "before", one, other, negated)
    return Clue(sentence, "same", one, other, negated)
