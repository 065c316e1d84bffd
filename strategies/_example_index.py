"""Which worked examples are nearest to a problem, and none that would give it away."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path

from orchestrator.errors import ConfigError
from orchestrator.types import Problem

from ._example_store import Store, WorkedExample, read_store
from ._neighbours import Neighbour, VectorIndex, WordIndex
from ._rewordings import Rewordings, Wording


class ExampleIndex:
    """The examples of a store; what is looked up in is made when it is first needed. Safe in threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._words: WordIndex | None = None
        self._vectors: VectorIndex | None = None
        self._rewordings: Rewordings | None = None

    def nearest(self, problem: Problem, k: int, vector: Sequence[float] | None = None) -> list[WorkedExample]:
        """The `k` examples of the problem's kind that are most like it, the most alike first; fewer where there are.

        The problem itself is not among them, nor are rewordings of it.

        Args:
            vector: of the problem's text, to go by the vectors of the store; `None`: by words.
        """
        with self._lock:
            self._make(by_vectors=vector is not None)
        asked, examples = Wording.of(problem), self.store.examples
        good = (
            examples[one.place]
            for one in self._ranked(problem, vector)
            if examples[one.place].kind == problem.kind and not self._same(one.place, asked)
        )
        return list(islice(good, k))

    def _make(self, by_vectors: bool) -> None:
        examples = self.store.examples
        if self._rewordings is None:
            self._rewordings = Rewordings([Wording.of(one.problem) for one in examples])
        if by_vectors and self._vectors is None:
            self._vectors = VectorIndex([one.vector for one in examples if one.vector is not None])
        elif not by_vectors and self._words is None:
            self._words = WordIndex([one.question for one in examples])

    def _ranked(self, problem: Problem, vector: Sequence[float] | None) -> Iterator[Neighbour]:
        if vector is not None and self._vectors is not None:
            return self._vectors.ranked(vector)
        return self._words.ranked(problem.prompt) if self._words is not None else iter(())

    def _same(self, place: int, asked: Wording) -> bool:
        return self._rewordings is not None and self._rewordings.same(place, asked)


def index_of(path: Path) -> ExampleIndex:
    """The examples in a file, which is read once until it changes.

    Raises:
        ConfigError: see `read_store`.
    """
    path = path.expanduser()
    try:
        state = path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    return _index(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _index(path: Path, changed: int, size: int) -> ExampleIndex:
    return ExampleIndex(read_store(path))
