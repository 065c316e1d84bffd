"""Finds the problem in a conversation, and what is wanted beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.types import Message

from .blocksworld import BlocksworldFamily
from .choice import SkillQuestions
from .code import ProgramLibrary
from .codenames import CodenamesFamily
from .family import Family
from .game24 import Game24Family
from .known import Known
from .logic_grid import LogicGrids
from .word_problems import WordProblems

FAMILIES: tuple[Family, ...] = (
    ProgramLibrary(),
    CodenamesFamily(),
    Game24Family(),
    BlocksworldFamily(),
    LogicGrids(),
    WordProblems(),
    SkillQuestions(),
)
"""In the order in which a text is tried."""
_LONGEST_RUN = 8
"""Paragraphs that one problem may have."""
_FIRST, _LAST = 8, 24
_LONGEST = 8000
"""Characters of a problem."""
_CONTINUED = re.compile(r"[ \t]*(?:\(?A[).]\s|It must pass these tests|JSON schema of the answer)")
"""How a paragraph begins that belongs to the one before: options, tests."""


@dataclass(frozen=True)
class Reading:
    """What a conversation is about."""

    known: Known
    asked: str
    """The last user message without the problem itself."""
    context: str
    """All that was said beside the problem by the system and by users, from the message with the problem on."""
    follows_up: bool
    """The last user message has no problem in it: it goes on about an earlier one."""
    system: str = ""
    """What the system said."""


def read(messages: Sequence[Message]) -> Reading | None:
    """The problem that the last user message with one has, and what the last one wants; `None` without a problem."""
    system = "\n".join(message.text for message in messages if message.role == "system")
    users = [message.text for message in messages if message.role == "user"]
    for back, text in enumerate(reversed(users)):
        if found := _in_message(text):
            known, rest = found
            later = users[len(users) - back :]
            context = "\n\n".join((system, rest, *later))
            return Reading(known, later[-1] if later else rest, context, bool(later), system)
    whole = _known("\n\n".join(message.text for message in messages)[-_LONGEST:])
    last = users[-1] if users else ""
    return None if whole is None else Reading(whole, last, "\n\n".join((system, *users)), False, system)


@lru_cache(maxsize=2048)
def _in_message(text: str) -> tuple[Known, str] | None:
    """The problem of one message and the rest of it.

    Paragraphs that make a problem on their own are looked for first, from the last one on: worked examples stand before
    the question. Problems told in several paragraphs are found next.
    """
    paragraphs = list(_paragraphs(text))
    count = len(paragraphs)
    for length in range(1, min(_LONGEST_RUN, count) + 1):
        for start in range(count - length, -1, -1):
            if _FIRST <= start < count - _LAST:
                continue  # of a long text only the ends are searched, where instructions and questions stand
            run = "\n\n".join(paragraphs[start : start + length])
            if len(run) <= _LONGEST and (known := _known(run)):
                return known, "\n\n".join((*paragraphs[:start], *paragraphs[start + length :]))
    known = _known(text) if count > _LONGEST_RUN and len(text) <= _LONGEST else None
    return None if known is None else (known, text)


def _paragraphs(text: str) -> Iterator[str]:
    """The paragraphs, those that continue another one joined to it."""
    held: list[str] = []
    for paragraph in re.split(r"\n[ \t]*\n", text.strip()):
        if held and not _CONTINUED.match(paragraph):
            yield "\n\n".join(held)
            held = []
        held.append(paragraph)
    if held:
        yield "\n\n".join(held)


@lru_cache(maxsize=8192)
def _known(text: str) -> Known | None:
    for family in FAMILIES:
        task = family.read(text)
        if task is not None:
            return Known(family.name, task)
    return None
