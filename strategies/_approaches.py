"""The approach book: the approaches and personas that a task is thought about with, in a file that users edit."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from orchestrator.errors import ConfigError, UnknownName

from ._lists import gist

PLAIN = "Step by step"
"""What the empty approach is called where it needs a name."""

_Table = Mapping[str, object]
_BOOK = ("task", "made", "pair", "spare", "approach", "persona", "seen")
_MEASURED = ("approach", "persona", "right", "tried")


@dataclass(frozen=True, slots=True)
class Demonstration:
    """An example solved in the style of a pair."""

    question: str
    solution: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A way to think about a problem: an approach, carried out as a persona would."""

    approach: str = ""
    """Empty: plain steps."""
    persona: str = ""
    """Empty: nobody in particular."""
    right: int | None = None
    """Validation problems that it solved..."""
    tried: int | None = None
    """...of so many; `None`: it was not measured."""
    examples: tuple[Demonstration, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.approach or PLAIN}, as {self.persona}" if self.persona else self.approach or PLAIN

    @property
    def score(self) -> float:
        """The share solved; what was not measured comes after all that was."""
        return self.right / self.tried if self.right is not None and self.tried else -1.0

    def shown_for(self, question: str) -> tuple[Demonstration, ...]:
        """Its examples, but never the solution of the very question that is asked."""
        return tuple(one for one in self.examples if gist(one.question) != gist(question))


@dataclass(frozen=True, slots=True)
class Book:
    """What a task is thought about with."""

    pairs: tuple[Pair, ...]
    """In the order in which they were chosen: with fewer calls, the first ones are asked."""
    task: str = ""
    made: str = ""
    """How, for people."""
    spares: tuple[Pair, ...] = ()
    """Measured, and not in use."""
    approaches: tuple[tuple[str, int], ...] = ()
    """Names, and how often each was named."""
    personas: tuple[str, ...] = ()
    seen: frozenset[str] = frozenset()
    """Marks of the problems that it was made from."""


def best_first(pairs: Sequence[Pair]) -> list[Pair]:
    """By validation score, so that a tie of votes goes to the best of them; equals as they stand."""
    return sorted(pairs, key=lambda pair: -pair.score)


def read_book(path: Path) -> Book:
    """The book in a file; it is read once, and again after it was changed.

    Raises:
        ConfigError: no such file, or an entry that does not hold; with the path and the entry.
    """
    try:
        stamp = path.expanduser().stat()
        return _read(path.expanduser(), str(path), (stamp.st_mtime_ns, stamp.st_size))
    except OSError as error:
        raise ConfigError(f"approach book {path}: {error.strerror or error}") from None


@lru_cache(maxsize=64)
def _read(path: Path, source: str, stamp: tuple[int, int]) -> Book:
    try:
        return parse_book(path.read_text(encoding="utf-8"), source)
    except UnicodeDecodeError as error:
        raise ConfigError(f"approach book {source}: not UTF-8 text ({error.reason} at byte {error.start})") from None


def parse_book(text: str, source: str) -> Book:
    """The book that a text writes down.

    Raises:
        ConfigError: it does not hold; the message names `source` and the entry.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"approach book {source}: {error}") from None
    _check_keys(table, _BOOK, source)
    pairs = tuple(_pair(each, where) for each, where in _tables(table, "pair", source))
    if not pairs:
        raise ConfigError(f"approach book {source}: no [[pair]] in it; each names an approach, a persona, or both")
    _check_doubles(pairs, source)
    return Book(
        pairs,
        _text(table, "task", source),
        _text(table, "made", source),
        tuple(_measured(each, where) for each, where in _tables(table, "spare", source)),
        tuple(_named(each, where) for each, where in _tables(table, "approach", source)),
        tuple(_persona(each, where) for each, where in _tables(table, "persona", source)),
        _seen(table, source),
    )


# -- entries ------------------------------------------------------------------------------


def _pair(table: _Table, where: str) -> Pair:
    examples = tuple(_example(each, place) for each, place in _tables(table, "example", where, "pair.example"))
    _check_keys(table, (*_MEASURED, "example"), where)
    measured = _measured({key: value for key, value in table.items() if key != "example"}, where)
    return Pair(measured.approach, measured.persona, measured.right, measured.tried, examples)


def _measured(table: _Table, where: str) -> Pair:
    _check_keys(table, _MEASURED, where)
    right, tried = _count(table, "right", where), _count(table, "tried", where)
    if (right is None) != (tried is None):
        raise ConfigError(f"{_book(where)}: right and tried go together: so many right of so many tried")
    if right is not None and tried is not None and right > tried:
        raise ConfigError(f"{_book(where)}: right = {right} is more than tried = {tried}")
    return Pair(_line(table, "approach", where), _line(table, "persona", where), right, tried)


def _example(table: _Table, where: str) -> Demonstration:
    _check_keys(table, ("question", "solution"), where)
    found = Demonstration(_text(table, "question", where).strip(), _text(table, "solution", where).strip())
    if not found.question or not found.solution:
        raise ConfigError(f"{_book(where)}: needs a question and a solution")
    return found


def _named(table: _Table, where: str) -> tuple[str, int]:
    _check_keys(table, ("name", "named"), where)
    return _needed(table, "name", where), _count(table, "named", where) or 0


def _persona(table: _Table, where: str) -> str:
    _check_keys(table, ("name",), where)
    return _needed(table, "name", where)


def _seen(table: _Table, source: str) -> frozenset[str]:
    seen = table.get("seen", {})
    where = f"{source}: [seen]"
    if not isinstance(seen, Mapping):
        raise ConfigError(f"{_book(where)}: must be a table with marks")
    _check_keys(seen, ("marks",), where)
    marks = seen.get("marks", [])
    if not isinstance(marks, list) or not all(isinstance(mark, str) for mark in marks):
        raise ConfigError(f"{_book(where)}: marks must be a list of texts")
    return frozenset(marks)


# -- what holds for any entry -------------------------------------------------------------


def _tables(table: _Table, key: str, where: str, title: str = "") -> Iterator[tuple[_Table, str]]:
    """The tables under `[[key]]`, each with its place for messages."""
    found = table.get(key, [])
    title = title or key
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise ConfigError(f"{_book(where)}: {title} must be tables, each under a line [[{title}]]")
    for number, each in enumerate(found, 1):
        yield each, f"{where}: [[{title}]] {number}"


def _check_keys(table: _Table, known: Sequence[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise UnknownName("key", key, known, _book(where))


def _check_doubles(pairs: Sequence[Pair], source: str) -> None:
    first: dict[tuple[str, str], int] = {}
    for number, pair in enumerate(pairs, 1):
        before = first.setdefault((gist(pair.approach), gist(pair.persona)), number)
        if before != number:
            raise ConfigError(f"{_book(source)}: [[pair]] {number} is [[pair]] {before} again: {pair.name}")


def _text(table: _Table, key: str, where: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise ConfigError(f"{_book(where)}: {key} must be a text, not {value!r}")
    return value


def _line(table: _Table, key: str, where: str) -> str:
    value = _text(table, key, where).strip()
    if "\n" in value:
        raise ConfigError(f"{_book(where)}: {key} must be one line")
    return value


def _needed(table: _Table, key: str, where: str) -> str:
    if not (value := _line(table, key, where)):
        raise ConfigError(f"{_book(where)}: needs a {key}")
    return value


def _count(table: _Table, key: str, where: str) -> int | None:
    value = table.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise ConfigError(f"{_book(where)}: {key} must be a whole number from 0 up, not {value!r}")


def _book(where: str) -> str:
    return f"approach book {where}"
