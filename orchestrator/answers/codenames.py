"""The game of Codenames: its words, and answers that are a hint with what was guessed from it, `HINT: WORD, WORD`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MARKS = re.compile(r"[*_`\"\u201c\u201d.!]|^\s*(?:\d{1,2}[.):]|[-\u2022])\s+")
_BETWEEN = re.compile(r"[,;\n]| and ")


def word(text: str) -> str:
    """A word as it is compared: in lower case, without full stops and other marks around it."""
    return " ".join(_MARKS.sub("", text).lower().split())


def guesses(text: str) -> list[str]:
    """The words of a list in its order, each once."""
    return list(dict.fromkeys(filter(None, map(word, _BETWEEN.split(text)))))


def objection(hint: str, board: Iterable[str]) -> str | None:
    """Why a hint is against the rules; `None` for one that is allowed."""
    said = word(hint)
    if not said or " " in said:
        return "the hint is no single word"
    return "the hint is on the board" if said in set(map(word, board)) else None


def answer_of(hint: str, guessed: Sequence[str]) -> str:
    return f"{word(hint)}: {', '.join(guessed)}"


def parsed(answer: str) -> tuple[str, list[str]]:
    """The hint and the guesses; without a colon there is no hint."""
    hint, colon, words = answer.partition(":")
    return (word(hint), guesses(words)) if colon else ("", guesses(answer))
