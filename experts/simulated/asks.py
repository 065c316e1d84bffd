"""What a message wants, told by its meaning-bearing words and not by anybody's template."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from .prose import prose

Ask = Literal[
    "answer", "synthesis", "sections", "dialogue",
    "observations", "list", "plan", "critique", "revision", "outline", "next steps", "tests",
    "personas", "approaches", "skills", "score", "verdict", "pair", "pick", "ranking", "outlook",
    "description", "likeness",
]  # fmt: skip


def _cue(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE | re.DOTALL)


_DO = (
    r"\b(?:list|write|give|state|name|find|make|note|suggest|propose|look for|think of|come up with|choose|identify|"
    r"what)\b"
)
_FORMAT = _cue(
    r"\bend (?:your|the) (?:reply|answer|response)|\bthe answer is\b|\bfinal answer\b|\\boxed|####|"
    r"\bfenced block\b|\b(?:answer|reply|respond) with (?:only |just )?the (?:letter|number|answer)\b"
)
"""How a message says that the reply should end in an answer."""
_ENDING = _cue(r"\bend (?:your|the) (?:reply|answer|response)\b")
_CONSENSUS = _cue(r"\bmost consistent\b|\bconsensus\b")
_LABELLED = re.compile(
    r"^[ \t>*#_\[(]*(?:(?:response|candidate|answer|solution|attempt|proposal|reply|draft|program|plan|model|agent|"
    r"expert)[ \t]+(?:\w+[ \t]+)?#?(?P<name>\d{1,3}|[A-Z])\b|\[(?P<number>\d{1,3})\])[\])*_ \t]*(?:\([^)\n]*\))?[ \t]*"
    r"(?:[:.\-]|$)[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_JUDGED = re.compile(r"candidate[ \t]+\w+:", re.IGNORECASE)
"""The label of an answer that may also stand alone, to be judged."""
_SELECTING: tuple[tuple[Ask, re.Pattern[str]], ...] = (
    ("ranking", _cue(r"\brank\b|\border\b[^.]{0,40}\bfrom (?:the )?best\b|\[\d\] ?> ?\[\d\]")),
    ("pick", _cue(r"\bmost consistent\b|\bconsensus\b|\b(?:choose|pick|select|which)\b[^.?]{0,60}\b(?:response|"
                  r"candidate|one|index|number of)\b")),
)  # fmt: skip
_PAIR = _cue(
    r"\bwhich\b[^.?]{0,80}\b(?:better|more likely|correct|right|prefer)|\bbetter (?:one|answer|response|solution)\b|"
    r"\b(?:choose|pick|compare|prefer)\b[^.]{0,60}\b(?:two|A or B|one or the other)\b|\bA or B\b"
)
_LIKENESS = _cue(r"\bsame (?:idea|approach|method|algorithm|principle)\b")
_SCORE = _cue(r"\b(?:rate|score|grade|rating|marks?)\b")
_SCALE = _cue(
    r"\b(?:from|between|scale(?: of)?|out of|of)\s+(?:0|1|zero|one)?\s*(?:to|and|-|\u2013)?\s*(\d+)\b|"
    r"\b[01] ?[-\u2013] ?(\d+)\b"
)
_VERDICT = _cue(
    r"\b(?:correct|right) or (?:incorrect|not|wrong)\b|\[correct\]|\byes or no\b|"
    r"\bis (?:it|this|that|the|his|her|their)\b[^.?]{0,40}\b(?:correct|right|valid)\b"
)
_OUTLOOK = _cue(r"\bsure\b[^.]{0,20}\blikely\b[^.]{0,20}\bimpossible\b")
_SECTIONS = _cue(
    r"\b(?:(?:\d+|two|three|four|five|several|different|distinct|these|following) (?:\w+ )?approaches|approach 1)\b"
)
_DIALOGUE = _cue(r"\bparticipants?\b|\bcollaborat|\bdialogue\b|\bpersonas?\b[^.]{0,80}\b(?:discuss|talk|debate)")
_AGAIN = _cue(
    r"\b(?:repeat|keep|write|give|list|output|return|put)\b[^.]{0,60}\b(?:observations?|list|items?|hints?|ideas?|them)\b"
)
_WRITING: tuple[tuple[Ask, re.Pattern[str]], ...] = (
    ("description", _cue(r"\b(?:describe|explain|say)\b[^.]{0,80}\bhow (?:this|the|that) "
                         r"(?:program|code|function) works\b")),
    ("tests", _cue(rf"{_DO}[^.]{{0,60}}\b(?:tests?|test cases|assert\w*)\b")),
    ("critique", _cue(r"\b(?:say|explain|find|point out|tell|show|name|identify|list)\b[^.]{0,60}\b(?:wrong|flaws?|"
                      r"mistakes?|errors?|weak\w*|fails?)\b|\bcriti(?:cise|cize|que)\b|\bfeedback\b")),
    ("revision", _cue(r"\b(?:revise|fix|repair|improve|change|rewrite|correct)\b[^.]{0,60}\b(?:plan|idea|solution|"
                      r"approach|answer|draft)\b|\brevised (?:plan|idea|solution)\b")),
    ("outline", _cue(r"\bpseudo-?code\b|\bturn\b[^.]{0,40}\bsteps\b|\bnumbered steps\b")),
    ("next steps", _cue(r"\bnext steps?\b")),
    ("observations", _cue(rf"{_DO}[^.:]{{0,60}}\b(?:observations|insights|hints|properties)\b")),
    ("personas", _cue(rf"{_DO}[^.]{{0,60}}\b(?:personas?|roles?|participants|experts?|people)\b")),
    ("approaches", _cue(rf"{_DO}[^.]{{0,60}}\b(?:approaches|methods|techniques|strategies)\b")),
    ("skills", _cue(rf"{_DO}[^.]{{0,60}}\b(?:skills?|keywords?|topics?|knowledge)\b|\bkeywords?:")),
    ("plan", _cue(r"\b(?:describe|write|give|make|sketch|outline|explain|propose|draft|think of)\b[^.]{0,60}\b(?:"
                  r"how to solve|how (?:you|one) would solve|plan|idea|approach|solution in (?:plain|natural))\b")),
)  # fmt: skip
_NEW = _cue(r"\b(?:new|further|more|additional|other)\b[^.]{0,20}\bobservations\b")
_NUMBER = _cue(r"\b(?:at most|up to|find|list|give|exactly|only|top|name|write)\s+(\d{1,2})\b")
_ALONE = _cue(
    r"\b(?:only|just)\s+(?:with\s+)?(?:the|one|a|its)\s+(?:letter|number|index|label|answer|word|score)|"
    r"\bnothing (?:else|but)\b|\bno explanation\b"
)


@dataclass(frozen=True)
class Wanted:
    """A message, understood."""

    ask: Ask
    candidates: tuple[tuple[str, str], ...] = ()
    """Labels and texts of what others wrote, where there are at least two, or one to be judged."""
    count: int | None = None
    """How many things are wanted at the most."""
    json: bool = False
    alone: bool = False
    """Nothing but the answer itself is wanted."""
    scale: int = 10
    """The best score."""


@lru_cache(maxsize=2048)
def wanted(instruction: str, follows_up: bool) -> Wanted:
    """What a message wants, given its text without the problem.

    Args:
        follows_up: the conversation has earlier replies, and this message does not bring the problem anew.
    """
    candidates = _candidates(instruction)
    words = _without(instruction, candidates)
    found = _said(prose(words), len(candidates), follows_up)
    if found.ask == "answer" and not candidates:  # perhaps the instructions themselves are a list
        found = _said(words, 0, follows_up)
    return replace(found, candidates=tuple((label, text) for label, text, _, _ in candidates))


@lru_cache(maxsize=2048)
def material(system: str) -> tuple[tuple[str, str], ...]:
    """Labels and texts of the answers that a system message brings, where there are several."""
    found = tuple((label, text) for label, text, _, _ in _candidates(system))
    return found if len(found) > 1 else ()


@lru_cache(maxsize=2048)
def _said(words: str, candidates: int, follows_up: bool) -> Wanted:
    number, scale = _NUMBER.search(words), _SCALE.search(words)
    return Wanted(
        _ask(words, candidates, follows_up),
        count=int(number[1]) if number else None,
        json=re.search(r"\bJSON\b", words) is not None,
        alone=_ALONE.search(words) is not None,
        scale=int(scale[1] or scale[2]) if scale else 10,
    )


def _ask(words: str, candidates: int, follows_up: bool) -> Ask:
    if (judging := _judging(words, candidates)) is not None:
        return judging
    if _FORMAT.search(words):
        return _answering(words, candidates)
    if follows_up and _AGAIN.search(words) and not _NEW.search(words):
        return "list"
    for ask, cue in _WRITING:
        if cue.search(words):
            return ask
    return "synthesis" if candidates > 1 else "answer"


def _judging(words: str, candidates: int) -> Ask | None:
    if _OUTLOOK.search(words):
        return "outlook"
    if _SCORE.search(words) and _SCALE.search(words):
        return "score"
    if candidates > 1 and _ENDING.search(words) and not _CONSENSUS.search(words):
        return None
    if candidates == 2 and _LIKENESS.search(words):
        return "likeness"
    if candidates == 2 and _PAIR.search(words):
        return "pair"
    if candidates > 1:
        return next((ask for ask, cue in _SELECTING if cue.search(words)), None)
    return "verdict" if _VERDICT.search(words) else None


def _answering(words: str, candidates: int) -> Ask:
    if candidates > 1:
        return "synthesis"
    if _SECTIONS.search(words):
        return "sections"
    return "dialogue" if _DIALOGUE.search(words) else "answer"


def _candidates(text: str) -> list[tuple[str, str, int, int]]:
    """What stands under labels such as `Response 1:`: the label, the text, and where it stands."""
    marks = list(_LABELLED.finditer(text))
    ours = [mark for mark in marks if _JUDGED.match(mark[0])]
    marks = ours or marks  # other labels stand in what the candidates themselves wrote
    labels = [(mark["name"] or mark["number"]).upper() for mark in marks]
    if len(set(labels)) < 2 and not ours:
        return []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    found = []
    for mark, label, end in zip(marks, labels, ends, strict=True):
        body = text[mark.end() : end]
        if end == len(text):  # behind the last one the message goes on
            body = body.rpartition("\n\n")[0] or body
        found.append((label, body.strip(), mark.end(), mark.end() + len(body)))
    return [each for each in found if each[1]]


def _without(text: str, candidates: list[tuple[str, str, int, int]]) -> str:
    """The message in its own words."""
    for _, _, start, end in reversed(candidates):
        text = f"{text[:start]}\n{text[end:]}"
    return text
