"""Reads the letter that a reply to a multiple-choice question settles on.

The rule, which every figure on a multiple-choice set depends on:

1. Unicode NFKC, without markdown emphasis, quotes and LaTeX wrapping.
2. The reply ends where the model, having answered, goes on to something else: a line that opens another question, or
   one that introduces a summary of "the answers".
3. The *last* explicit phrase decides: "the answer is (X)", "answer: X", a boxed letter, or such a phrase with the exact
   text of an option. A phrase that rejects its letter is no phrase; one that names several letters means no answer.
4. Without one: the last line, if it is an option's exact text, ends with one after its letter, or is a lone letter.

Only letters that the problem has are read, and never a letter somewhere in prose. Anything else abstains.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from ..types import LETTERS, Problem
from .headed import headed
from .phrases import Reading, last_line

_DROPPED = str.maketrans({**dict.fromkeys('*`$"“”'), "\u00a0": " "})
_LATEX = re.compile(r"\\(?:[()\[\],;! ]|(?:text|textbf|textrm|mathrm|mathbf|rm|bf)\b)|__")

_ELSEWHERE = re.compile(
    r"^[ \t#]*(?:(?:next )?question\b[^\n]{0,12}[:.]"
    r"|(?:now|so|finally|in summary|to sum up)?,? ?(?:let['\u2019]?s|let us|we)? ?"
    r"(?:combin|summari[sz]|recap|list|总结)[^\n]{0,40}?(?:answers|答案))",
    re.IGNORECASE | re.MULTILINE,
)
_MARKER = re.compile(
    r"(?:\b(?:answer|choice|option)(?:s?\b)(?:(?: [^\s.:(]{1,30}){0,8}? (?:is|be)\b[ ]?:?|\s?:)|\\boxed\s?(?=\{))",
    re.IGNORECASE,
)
_HEADS = ("answer", "choice", "option", "\\boxed")
_REJECTING = re.compile(r"\b(?:incorrect|wrong|not the|not an)\s*$", re.IGNORECASE)
_REJECTED = re.compile(
    r"[\s)\]}.]*(?:,? (?:which|but|and|that) )?(?:is|are|was|would be) (?:not|incorrect|wrong|false)\b", re.IGNORECASE
)
_LETTER = re.compile(
    r"[\s}]*(?:(?:indeed|therefore|thus|definitely|most likely|probably|clearly),? )?(?:(?:option|choice|letter) )?"
    r"(?P<open>(?:\\boxed\s?)?[({\[<]*)\s?(?P<letter>[A-Za-z])(?P<close>\s?[)}\]>]*)",
)
_BARE_END = re.compile(r"\s*(?:[.,;:!(\n-]|$)|\s+(?:because|since|as|for|with|which|and|or)\b")
_LINE_END = re.compile(r"[ \t]*[).]?[ \t]*(?:\n|$)")
_ANOTHER = re.compile(r"\s*(?:,|/|&|and\b|or\b)+\s*(?:and |or )?(?:option )?[({\[]*([A-Z])(?=[)}\]]|\s*(?:[.,]|$))")
_LONGEST_OPTION = 600
_NOISE = re.compile(r"[\W_]+")


def read(problem: Problem, text: str) -> Reading | None:
    """The letter chosen; its key is the letter."""
    letter = _letter(_clean(text), problem.options)
    return Reading(letter, letter) if letter else None


def same(problem: Problem, reference: str, value: str) -> bool:
    """Whether both name the same letter; a reference may also be an option's text."""
    return _named(problem, reference) == _named(problem, value)


def _named(problem: Problem, answer: str) -> str:
    clean = _clean(answer)
    return _lone(clean, problem.options) or _letter(clean, problem.options) or clean.strip()


def _clean(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = text.translate(_DROPPED)
    return _LATEX.sub("", text) if "\\" in text or "__" in text else text


def _letter(text: str, options: tuple[str, ...]) -> str | None:
    found = _explicit(text, options)
    if not found:
        return _lone(last_line(text), options)
    first = found[0][0]
    end = next((cut.start() for cut in _ELSEWHERE.finditer(text) if cut.start() > first), len(text))
    return [letter for place, letter in found if place < end][-1] or None


def _explicit(text: str, options: tuple[str, ...]) -> list[tuple[int, str]]:
    """Every explicit phrase: where it stands and its letter, empty when it names several."""
    found = []
    for marker in headed(_MARKER, text, _HEADS):
        if _REJECTING.search(text[max(0, marker.start() - 16) : marker.start()]):
            continue
        letter = _after(text, marker.end(), options)
        if letter is not None:
            found.append((marker.start(), letter))
    return found


def _after(text: str, start: int, options: tuple[str, ...]) -> str | None:
    match = _LETTER.match(text, start)
    if match and _stands(match, text):
        letter = match["letter"].upper()
        if _exists(letter, options) and not _REJECTED.match(text, match.end()):
            other = _ANOTHER.match(text, match.end())
            return "" if other and other[1] != letter and _exists(other[1], options) else letter
    line = text[start : start + _LONGEST_OPTION].lstrip().partition("\n")[0]
    return _option(line, options)


def _stands(match: re.Match[str], text: str) -> bool:
    """Whether the letter stands for itself, not at the head of a word or of a sentence."""
    if match["open"]:
        return bool(match["close"].strip()) or bool(_BARE_END.match(text, match.end("letter")))
    if match["letter"].islower():
        return bool(_LINE_END.match(text, match.end("letter")))
    return bool(match["close"].strip()) or bool(_BARE_END.match(text, match.end("letter")))


def _exists(letter: str, options: tuple[str, ...]) -> bool:
    return not options or letter in LETTERS[: len(options)]


def _lone(line: str, options: tuple[str, ...]) -> str | None:
    match = re.fullmatch(r"[({\[<]?\s?([A-Za-z])\s?[)}\]>]?[.:]?(?:\s+(.*))?", line.strip(), re.DOTALL)
    if match and match[2] is None and _exists(match[1].upper(), options):
        return match[1].upper()
    folded = f" {_folded(line)}"
    lettered = [
        LETTERS[i]
        for i, text in enumerate(_folded_all(options))
        if text and folded.endswith(f" {LETTERS[i].lower()} {text}")
    ]
    return lettered[0] if len(lettered) == 1 else _option(line, options)


def _option(line: str, options: tuple[str, ...]) -> str | None:
    return _texts(options).get(_folded(line)) if options else None


def _folded(text: str) -> str:
    return _NOISE.sub(" ", text.casefold()).strip()


@lru_cache(maxsize=64)
def _folded_all(options: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_folded(_clean(option)) for option in options)


@lru_cache(maxsize=64)
def _texts(options: tuple[str, ...]) -> dict[str, str]:
    """Folded text of each option that no other shares -> its letter."""
    folded = _folded_all(options)
    return {text: LETTERS[i] for i, text in enumerate(folded) if text and folded.count(text) == 1}
