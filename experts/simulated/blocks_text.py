"""Reads a world of blocks and a goal out of sentences, lists or towers given from bottom to top.

What is said after words such as "initially" is the world, after words such as "goal" the goal, each up to a blank line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .blocks_world import TABLE, Blocks, Pair

Section: TypeAlias = Literal["start", "goal", ""]

_STOP = (
    r"a|an|the|another|its?|that|this|these|those|which|what|who|i|we|you|they|blocks?|cubes?|box(?:es)?|others?|something"
    r"|anything|nothing|table|ground|floor|hand|arm|robot|gripper|there|top|bottom|first|second|ones?|them|each|any|no|every"
    r"|all|none|is|are|be|been|being|was|were|ha[sd]|have|having|sits?|stands?|lies?|rests?|lying|sitting|standing|resting"
    r"|placed|stack(?:ed|s)?|puts?|go(?:es)?|directly|immediately|right|now|should|must|needs?|ends?|up|ought|shall|will|to"
    r"|found|belongs?|onto|on|of|atop|upon|over|above|under|below|beneath|underneath|from|with|and|or|but|then|in|at|as|if|so"
    r"|not|clear|empty|free|hold(?:ing|s)?|held|only|just|also|both|currently|initially|finally|goal|starts?|state|moves?"
    r"|pick|unstack|towers?|piles?|columns?"
)
_VERB = (
    r"(?:is|are|be|been|being|was|were|sits?|stands?|lies?|rests?|lying|sitting|standing|resting|placed|stacked|put|goes|go"
    r"|directly|immediately|right|now|should|must|ha(?:s|ve)\s+to|needs?\s+to|ends?\s+up|ought\s+to|shall|will|to|found|belongs?)"
)
_NAME = rf"\b(?!(?:{_STOP})\b)[a-z][a-z0-9_-]*"
_BLOCK = rf"(?:(?:the\s+)?(?:block|cube|box)\s+(?:{_NAME}|\d+)|(?:the\s+)?{_NAME}(?:\s+(?:block|cube|box)\b)?)"
_AND = r"(?:\s*,\s*(?:and\s+)?|\s+and\s+)"
_BLOCKS = rf"{_BLOCK}(?:{_AND}{_BLOCK}){{0,11}}"
_ONTO = r"(?:on\s+top\s+of|onto|on|atop|upon|above|over)"
_PLACE = rf"(?:(?:the\s+)?(?P<table>table|ground|floor)\b|(?P<under>{_BLOCK}))"
_ON = re.compile(rf"\b(?P<blocks>{_BLOCKS})\s+(?P<verbs>(?:{_VERB}\s+)*){_ONTO}\s+{_PLACE}")
_SINGULAR = re.compile(r"\b(?:is|was|sits|stands|lies|rests|goes|has|needs|ends)\b")
_FURTHER = re.compile(
    rf"\s*,?\s*(?:and\s+)?(?:(?:which|that|it|this)\s+)?(?:in\s+turn\s+)?(?:{_VERB}\s+)*{_ONTO}\s+{_PLACE}"
)
_UNDER = re.compile(
    rf"\b(?P<under>{_BLOCK})\s+(?:{_VERB}\s+)*(?:under|below|beneath|underneath)\s+(?P<block>{_BLOCK})"
    rf"|\b(?P<carrier>{_BLOCK})\s+has\s+(?P<load>{_BLOCK})\s+on\s+(?:top|it)\b"
)
_CLEAR = re.compile(
    rf"\b(?P<blocks>{_BLOCKS})\s+(?:{_VERB}\s+)*clear\b|\bnothing\s+(?:{_VERB}\s+)*{_ONTO}\s+(?P<block>{_BLOCK})"
)
_HELD = re.compile(rf"\b(?:holding|holds)\s+(?P<block>{_BLOCK})")
_SEQUENCE = rf"{_BLOCK}(?:(?:\s*(?:,|;|<|->|-|/)\s*(?:then\s+|and\s+)?|\s+(?:then|and)\s+){_BLOCK}){{0,11}}"
_UPWARDS = r"bottom[- ]to[- ]top|(?:from\s+)?(?:the\s+)?bottom\s+up(?:wards?)?|bottom\s+first"
_DOWNWARDS = r"top[- ]to[- ]bottom|(?:from\s+)?(?:the\s+)?top\s+down(?:wards?)?|top\s+first"
_DIRECTION = re.compile(rf"\b(?:{_UPWARDS}|(?P<down>{_DOWNWARDS}))")
_TOWER = re.compile(
    rf"(?:\b(?:{_UPWARDS}|{_DOWNWARDS})|^[ \t*-]*(?:\d+[.)]\s*)?(?:stack|tower|pile|column)\s*\w*)"
    rf"\s*\)?\s*(?:,\s*|:\s*|is\s+|are\s+|\(\s*)*(?P<sequence>{_SEQUENCE})",
    re.MULTILINE,
)
_START = re.compile(
    r"\b(?:initial(?:ly)?|start(?:s|ing)?|begin(?:s|ning)?|at\s+first|at\s+the\s+outset|current(?:ly)?|at\s+the\s+moment|right\s+now"
    r"|as\s+things\s+stand)\b"
)
_GOAL = re.compile(
    r"\b(?:goals?|wants?|wanted|wish(?:es)?|aims?|target|should|must|desired|final(?:ly)?|in\s+the\s+end|at\s+the\s+end|ends?\s+up"
    r"|so\s+that|(?:has|have|needs?)\s+to\s+be|task\s+is\s+to)\b"
)
_NO_SECTION: Section = ""
_GAP = re.compile(r"\n[ \t]*\n")
_CAPITAL = re.compile(r"\bA\b(?!\s+(?:block|cube|box|(?!and\b|or\b|is\b|on\b)[a-z]+\s+(?:block|cube|box))\b)")
_SMALL = re.compile(
    r"(?<=\bblock )a\b|\ba(?=\s+(?:is|sits|stands|lies|rests|on|should|must)\b)|(?<=\bon )a(?=\s*(?:[.,;\n]|and\b|$))"
)


@dataclass(slots=True)
class _Draft:
    """A problem as far as it is read."""

    start: dict[Pair, None] = field(default_factory=dict)
    goal: dict[Pair, None] = field(default_factory=dict)
    free: set[str] = field(default_factory=set)
    held: str = ""

    @property
    def is_whole(self) -> bool:
        return bool((self.start or self.held) and (self.goal or self.free))

    def blocks(self) -> Blocks | None:
        """The problem, if it is one: towers that stand on nothing named are taken for talk about the rules."""
        start = [*self.start]
        if not any(under == TABLE for _, under in start):
            lowest = {under for _, under in start} - {block for block, _ in start}
            start += [(block, TABLE) for block in sorted(lowest)]
        below = dict(start)
        start = [pair for pair in start if _base(pair[0], below) == TABLE]
        known = {block for block, _ in start} | {self.held, TABLE}
        goal = tuple(pair for pair in self.goal if set(pair) <= known)
        found = Blocks(tuple(sorted(start)), goal, frozenset(self.free & known), self.held)
        return found if found.is_sound else None


def _base(block: str, below: dict[str, str]) -> str:
    for _ in below:
        block = below.get(block, block)
    return block


@dataclass(frozen=True, slots=True)
class _Remark:
    """Something that the text says, and where it ends."""

    end: int
    pairs: tuple[Pair, ...] = ()
    free: tuple[str, ...] = ()
    held: str = ""
    turns: Section | None = None
    """The section that begins, or "" for the end of one."""


def read_blocks(text: str) -> Blocks | None:
    """The last problem of a text that is whole and can be."""
    if not re.search(r"\b(?:blocks?|cubes?|box(?:es)?|towers?|stacks?)\b", text, re.IGNORECASE):
        return None
    spaced = re.sub(r"\n\s*\n", "\n\n", re.sub(r"[ \t]+", " ", text))
    plain = _SMALL.sub("a_", _CAPITAL.sub("a_", spaced)).lower().replace("**", "")
    if not (_START.search(plain) and _GOAL.search(plain)):
        return None
    problems = [draft.blocks() for draft in _drafts(plain) if draft.is_whole]
    return next(filter(None, reversed(problems)), None)


def _drafts(text: str) -> list[_Draft]:
    drafts, section = [_Draft()], _NO_SECTION
    for remark in sorted(_remarks(text), key=lambda r: (r.end, r.turns is not None)):
        draft = drafts[-1]
        if remark.turns is not None:
            section = _turned(drafts, section, remark.turns)
        elif section == "start":
            draft.start.update(dict.fromkeys(remark.pairs))
            draft.held = remark.held or draft.held
        elif section == "goal":
            draft.goal.update(dict.fromkeys(remark.pairs))
            draft.free.update(remark.free)
    return drafts


def _turned(drafts: list[_Draft], section: Section, turn: Section) -> Section:
    """The section after a turn. Behind a whole problem only a new start begins another; "must" and the like is talk."""
    draft = drafts[-1]
    if turn == "start":
        if draft.is_whole:
            drafts.append(_Draft())
        return turn
    if turn == "goal":
        return section if draft.is_whole and not section else turn
    filled = draft.start or draft.held if section == "start" else draft.goal or draft.free
    return turn if filled else section


def _remarks(text: str) -> Iterator[_Remark]:
    yield from (_Remark(found.start(), turns="start") for found in _START.finditer(text))
    yield from (_Remark(found.start(), turns="goal") for found in _GOAL.finditer(text))
    yield from (_Remark(found.start(), turns="") for found in _GAP.finditer(text))
    yield from _ons(text)
    yield from _towers(text)
    for found in _UNDER.finditer(text):
        pair = (found["block"], found["under"]) if found["block"] else (found["load"], found["carrier"])
        yield _Remark(found.end(), ((_name(pair[0]), _name(pair[1])),))
    for found in _CLEAR.finditer(text):
        yield _Remark(found.end(), free=tuple(_names(found["blocks"] or found["block"])))
    yield from (_Remark(found.end(), held=_name(found["block"])) for found in _HELD.finditer(text))


def _ons(text: str) -> Iterator[_Remark]:
    """On what things stand, also "red is on blue, which is on green"."""
    for found in _ON.finditer(text):
        place, blocks = _place(found), _names(found["blocks"])
        alone = place != TABLE or _SINGULAR.search(found["verbs"])
        yield _Remark(found.end(), tuple((block, place) for block in (blocks[-1:] if alone else blocks)))
        while place != TABLE and (further := _FURTHER.match(text, found.end())):
            yield _Remark(further.end(), ((place, _place(further)),))
            found, place = further, _place(further)


def _towers(text: str) -> Iterator[_Remark]:
    ways = [(found.start(), bool(found["down"])) for found in _DIRECTION.finditer(text)]
    for found in _TOWER.finditer(text):
        blocks = _names(found["sequence"])
        before = [downwards for place, downwards in ways if place < found.start("sequence")]
        if before and before[-1]:
            blocks.reverse()
        yield _Remark(found.end(), tuple(zip(blocks, [TABLE, *blocks[:-1]], strict=True)))


def _place(found: re.Match[str]) -> str:
    return TABLE if found["table"] else _name(found["under"])


def _names(text: str) -> list[str]:
    return [_name(found[0]) for found in re.finditer(_BLOCK, text)]


def _name(block: str) -> str:
    name = re.sub(r"\b(?:the|block|cube|box)\b", "", block).strip()
    return "a" if name == "a_" else name
