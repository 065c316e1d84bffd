"""An approach book as the text of its file, made to be read and edited."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from ._approaches import Book, Demonstration, Pair
from ._approaches_choice import interval

FEW = 50
"""Validation problems below which a choice is mostly chance."""

_HEAD = """\
# An approach book: how div_se and idiv_se think about one task. Edit what you like; the page on approach books in the
# documentation says what each entry means. Use it with div_se(book="THIS FILE") or idiv_se(book="THIS FILE")."""
_PAIRS = """\
# In use, in the order of choice: with fewer calls the first ones are asked. Votes that are tied go to the best score.
# An empty approach is plain step by step, an empty persona nobody in particular."""
_SPARES = "# Measured and not in use. To use one, write [[pair]] in the place of its [[spare]]."
_NAMES = "# What was named, and how often."
_SEEN = "# Marks of the problems that this was made from, so that nobody measures with them what was fitted to them."
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def written(book: Book) -> str:
    """The text of the file; `parse_book` reads the same book out of it."""
    made = f"\nmade = {_text(book.made)}" if book.made else ""
    blocks = [_HEAD, *_notes(book), f"task = {_text(book.task)}{made}"]
    blocks += [_PAIRS, *(block for pair in book.pairs for block in _pair(pair))]
    if book.spares:
        blocks += [_SPARES, *(_entry("spare", _lines_of(pair)) for pair in book.spares)]
    if book.approaches:
        blocks.append(_NAMES)
    blocks += [_entry("approach", [f"name = {_text(name)}", f"named = {count}"]) for name, count in book.approaches]
    blocks += [_entry("persona", [f"name = {_text(name)}"]) for name in book.personas]
    if book.seen:
        marks = "".join(f'    "{mark}",\n' for mark in sorted(book.seen))
        blocks += [_SEEN, f"[seen]\nmarks = [\n{marks}]"]
    return "\n\n".join(blocks) + "\n"


def _notes(book: Book) -> Iterator[str]:
    tried = min((pair.tried for pair in book.pairs if pair.tried is not None), default=None)
    if tried is not None and tried < FEW:
        yield (
            f"# Note: measured on {tried} problems. Under {FEW} the intervals below are wide, and which pair came out\n"
            "# ahead is mostly chance; prepare with more problems before you trust the order."
        )


def _pair(pair: Pair) -> Iterator[str]:
    yield _entry("pair", _lines_of(pair))
    for example in pair.examples:
        yield _entry("pair.example", _example(example))


def _lines_of(pair: Pair) -> Iterator[str]:
    yield f"approach = {_text(pair.approach)}"
    yield f"persona = {_text(pair.persona)}"
    if pair.right is not None and pair.tried is not None:
        low, high = interval(pair.right, pair.tried)
        share = f"{pair.right / pair.tried:.0%}" if pair.tried else "nothing"
        yield f"right = {pair.right}  # {share}; 95% interval: {low:.0%} to {high:.0%}"
        yield f"tried = {pair.tried}"


def _example(example: Demonstration) -> Iterator[str]:
    yield f"question = {_text(example.question)}"
    yield f"solution = {_text(example.solution)}"


def _entry(title: str, lines: Iterable[str]) -> str:
    return "\n".join((f"[[{title}]]", *lines))


def _text(text: str) -> str:
    """A TOML string: as it stands where it has several lines and TOML lets it, else quoted."""
    text = text.encode("utf-8", "replace").decode().replace("\r\n", "\n")
    literal = "\n" in text and "'''" not in text and not text.endswith("'") and not _CONTROL.search(text)
    if literal:
        return f"'''\n{text}'''"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
