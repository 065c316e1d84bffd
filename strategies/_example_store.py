"""Worked examples: questions with chains of thought that reached their right answers, kept in a JSON file.

    {"schema": "orchestrator/examples/1",
     "embedder": "openai/text-embedding-3-small",       # null: without vectors
     "seen": ["9f0c...", ...],                          # marks of all problems that it was made from
     "examples": [{"kind": "choice", "question": "...", "options": ["...", "..."], "answer": "B",
                   "chains": [{"expert": "openai/gpt-5-mini", "order": [1, 0], "text": "..."}],
                   "vector": "base64"}]}

A chain speaks by the letters of the order in which its options stood; without `order` that is the question's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from orchestrator.errors import ConfigError
from orchestrator.lessons import mark_of
from orchestrator.types import KINDS, Json, Kind, Message, Problem, packed, unpacked

from ._options import Order, reordered

_SCHEMA = "orchestrator/examples/1"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Chain:
    """A reply that reached the right answer."""

    text: str
    expert: str = ""
    """Id of who wrote it."""
    order: Order | None = None
    """Of the options as they stood before it; `None`: as they stand in the question."""


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """A question with the chains that answer it rightly."""

    kind: Kind
    question: str
    """Its text alone: what neighbours are looked for by."""
    options: tuple[str, ...]
    answer: str
    """For its readers; chains hold it too."""
    chains: tuple[Chain, ...]
    shown: str = ""
    """The question as a solver reads it, where there is more to it than text and options: tests, a schema."""
    vector: tuple[float, ...] | None = None

    @property
    def problem(self) -> Problem:
        """The question alone."""
        return Problem("example", (Message("user", self.question),), self.kind, self.options)

    @property
    def mark(self) -> str:
        """What the question is known by."""
        return mark_of(self.problem)

    def asked(self, like: Problem, chain: Chain) -> Problem:
        """The question as it stood before a chain, to be put like another problem."""
        own = replace(
            like,
            messages=(Message("user", self.shown or self.question),),
            options=self.options,
            schema=None,
            public_tests=(),
            examples=(),
        )
        return own if chain.order is None else reordered(own, chain.order)


@dataclass(frozen=True, slots=True)
class Store:
    """What a file of worked examples holds."""

    examples: tuple[WorkedExample, ...] = ()
    seen: frozenset[str] = frozenset()
    """Marks of the problems that it was made from, those included that nobody answered rightly."""
    embedder: str | None = None
    """The model whose vectors the examples have."""

    def to_json(self) -> str:
        """The text of the file."""
        table = {
            "schema": _SCHEMA,
            "embedder": self.embedder,
            "seen": sorted(self.seen),
            "examples": list(map(_table, self.examples)),
        }
        return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def read_store(path: Path) -> Store:
    """The worked examples in a file.

    Raises:
        ConfigError: it cannot be read, or does not hold; says where.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON in UTF-8: {error}") from None
    if not isinstance(table, dict) or table.get("schema") != _SCHEMA:
        raise ConfigError(f"{path}: not a file of worked examples; make one with `orchestrator prepare medprompt`")
    examples = _list(table, "examples", str(path))
    found = tuple(_example(one, f"{path}: examples[{i}]") for i, one in enumerate(examples))
    embedder = table.get("embedder")
    if embedder is not None and any(one.vector is None for one in found):
        raise ConfigError(f"{path}: names an embedder, but not every example has a vector; prepare it again")
    if len({len(one.vector) for one in found if one.vector is not None}) > 1:
        raise ConfigError(f"{path}: vectors of different lengths; prepare it again")
    return Store(
        found, frozenset(map(str, _list(table, "seen", str(path)))), None if embedder is None else str(embedder)
    )


def _table(example: WorkedExample) -> dict[str, Json]:
    table: dict[str, Json] = {"kind": example.kind, "question": example.question}
    if example.shown:
        table["shown"] = example.shown
    if example.options:
        table["options"] = list(example.options)
    table |= {"answer": example.answer, "chains": list(map(_chain_table, example.chains))}
    if example.vector is not None:
        table["vector"] = packed([example.vector])
    return table


def _chain_table(chain: Chain) -> dict[str, Json]:
    order: dict[str, Json] = {} if chain.order is None else {"order": list(chain.order)}
    return {"expert": chain.expert, **order, "text": chain.text}


def _example(table: object, where: str) -> WorkedExample:
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: should be an object")
    kind = _text(table, "kind", where)
    if kind not in KINDS:
        raise ConfigError(f"{where}: kind should be one of {', '.join(KINDS)}, not '{kind}'")
    options = tuple(map(str, _list(table, "options", where)))
    chains = tuple(
        _chain(one, len(options), f"{where}.chains[{i}]") for i, one in enumerate(_list(table, "chains", where))
    )
    if not chains:
        raise ConfigError(f"{where}: needs a chain; take it out where there is none")
    example = WorkedExample(
        kind, _text(table, "question", where), options, _text(table, "answer", where), chains,
        str(table.get("shown", "")), _vector(table, where),
    )  # fmt: skip
    _attempt(lambda: example.problem, where)
    return example


def _chain(table: object, options: int, where: str) -> Chain:
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: should be an object")
    order = table.get("order")
    if order is not None and (
        not isinstance(order, list) or sorted(map(str, order)) != sorted(map(str, range(options)))
    ):
        raise ConfigError(f"{where}: order should name each of {options} options once, from 0")
    numbers = None if order is None else tuple(int(i) for i in order)
    return Chain(_text(table, "text", where), str(table.get("expert", "")), numbers)


def _vector(table: Mapping[str, object], where: str) -> tuple[float, ...] | None:
    packed_vector = table.get("vector")
    if packed_vector is None:
        return None
    vectors = _attempt(lambda: unpacked(str(packed_vector)), f"{where}.vector")
    if len(vectors) != 1:
        raise ConfigError(f"{where}.vector: should be one vector")
    return vectors[0]


def _attempt(read: Callable[[], T], where: str) -> T:
    try:
        return read()
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None


def _text(table: Mapping[str, object], name: str, where: str) -> str:
    value = table.get(name)
    if isinstance(value, str) and value.strip():
        return value
    raise ConfigError(f"{where}: needs {name}, a text")


def _list(table: Mapping[str, object], name: str, where: str) -> list[object]:
    value = table.get(name, [])
    if isinstance(value, list):
        return value
    raise ConfigError(f"{where}: {name} should be a list")
