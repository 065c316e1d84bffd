"""Which worked examples are nearest to a problem, and none that would give it away."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from math import isqrt
from pathlib import Path

from orchestrator.errors import ConfigError
from orchestrator.types import Problem

from ._example_store import Store, WorkedExample, read_store
from ._mixtures import mixture, slots, smoothed
from ._neighbours import Neighbour, VectorIndex, WordIndex
from ._rewordings import Rewordings, Wording

_FEW = 500
"""Examples among which the nearest are found in a millisecond, once the index is made."""
_CLUSTERS = 8
"""At the most; fewer of a small store, whose clusters would be single examples."""
_OWN = 0.8
"""Share of a question's own mixture; the rest is its neighbours'."""
_WIDE = 4
"""Neighbours that a mixture is told by, for each example that is wanted."""


class ExampleIndex:
    """The examples of a store; what is looked up in is made when it is first needed. Safe in threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._words: WordIndex | None = None
        self._vectors: VectorIndex | None = None
        self._rewordings: Rewordings | None = None

    def nearest(
        self, problem: Problem, k: int, vector: Sequence[float] | None = None, *, spread: bool = False
    ) -> list[WorkedExample]:
        """The `k` examples of the problem's kind that are most like it, the most alike first; fewer where there are.

        The problem itself is not among them, nor are rewordings of it.

        Args:
            vector: of the problem's text, to go by the vectors of the store; `None`: by words.
            spread: take the nearest of several clusters instead, so that they are not all alike (kNN-Embed).
        """
        rewordings, asked = self._known_rewordings(), Wording.of(problem)
        by: WordIndex | VectorIndex = self._by_words() if vector is None else self._by_vectors()
        ranked = self._by_words().ranked(problem.prompt) if vector is None else self._by_vectors().ranked(vector)
        good = (one for one in self._of_kind(problem, ranked) if not rewordings.same(one.place, asked))
        found = self._spread(problem, list(good), k, by) if spread else islice(good, k)
        return [self.store.examples[one.place] for one in found]

    @property
    def quick(self) -> bool:
        """Whether a look-up by now takes no longer than handing it to a thread would."""
        ready = self._rewordings is not None and (self._words is not None or self._vectors is not None)
        return ready and len(self.store.examples) <= _FEW

    def _of_kind(self, problem: Problem, ranked: Iterator[Neighbour]) -> Iterator[Neighbour]:
        return (one for one in ranked if self.store.examples[one.place].kind == problem.kind)

    def _spread(
        self, problem: Problem, good: Sequence[Neighbour], k: int, by: WordIndex | VectorIndex
    ) -> list[Neighbour]:
        cluster_of = by.clusters(min(_CLUSTERS, isqrt(len(self.store.examples))))
        count = max(cluster_of, default=0) + 1

        def around(place: int) -> list[float]:
            others = (one for one in self._of_kind(problem, by.around(place)) if one.place != place)
            return mixture(islice(others, _WIDE * k), cluster_of, count)

        own = mixture(good[: _WIDE * k], cluster_of, count)
        weights = smoothed(own, [around(one.place) for one in good[:k]], _OWN)
        places = [cluster_of[one.place] for one in good]
        left = slots(weights, [places.count(cluster) for cluster in range(count)], k)
        found = []
        for one, cluster in zip(good, places, strict=True):
            if left[cluster]:
                left[cluster] -= 1
                found.append(one)
        return found

    # -- made when first needed -----------------------------------------------------------

    def _by_words(self) -> WordIndex:
        with self._lock:
            if self._words is None:
                self._words = WordIndex([one.question for one in self.store.examples])
            return self._words

    def _by_vectors(self) -> VectorIndex:
        with self._lock:
            if self._vectors is None:
                self._vectors = VectorIndex([one.vector for one in self.store.examples if one.vector is not None])
            return self._vectors

    def _known_rewordings(self) -> Rewordings:
        with self._lock:
            if self._rewordings is None:
                self._rewordings = Rewordings([Wording.of(one.problem) for one in self.store.examples])
            return self._rewordings


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
