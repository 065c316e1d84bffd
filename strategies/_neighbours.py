"""The texts of a pool that are nearest to another: by their words, offline, or by an embedder's vectors.

    index = WordIndex(questions)
    index.nearest("Which planet is the largest?", k=5)      # places in the pool, the most alike first

Similarity is the cosine, from 0 (nothing in common) to 1. Equal similarities stand in the order of the pool, so that
the same pool and the same text give the same neighbours on every machine.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from orchestrator.errors import ExpertLost

if TYPE_CHECKING:
    from orchestrator.run import Run

_DECIMALS = 6
"""Beyond them a cosine is noise, which would order equal texts by chance."""

_WORD = r"(?u)\b\w+\b"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A text of the pool."""

    place: int
    """Its number in the pool, from 0."""
    similarity: float


class Index:
    """A pool of texts, each a row of numbers of length 1."""

    _matrix: Any
    _size: int

    def __init__(self) -> None:
        self._clusters: dict[int, list[int]] = {}

    def around(self, place: int) -> Iterator[Neighbour]:
        """The whole pool by its likeness to one of its texts, which comes first unless others are the same."""
        return _ranked(self._against(place))

    def clusters(self, count: int) -> list[int]:
        """For each text the number of its cluster, of `count` at the most.

        Each cluster is what is most like its centre. The first text is the first centre, and the next is always the one
        that is least like all centres so far; there are no more when every text is a centre's twin.
        """
        if count not in self._clusters:
            self._clusters[count] = self._clustered(count) if self._size else []
        return self._clusters[count]

    def _clustered(self, count: int) -> list[int]:
        import numpy

        rows = [self._against(0)]
        while len(rows) < count:
            best = numpy.max(rows, axis=0)
            farthest = int(numpy.argmin(best))
            if best[farthest] >= 1:
                break
            rows.append(self._against(farthest))
        return [int(number) for number in numpy.argmax(rows, axis=0)]

    def _against(self, place: int) -> Any:
        """How like each text is to one of them."""
        import numpy

        row = self._matrix[place : place + 1]
        found: Any = self._matrix @ row.T
        dense = found.toarray() if hasattr(found, "toarray") else found
        return numpy.round(numpy.asarray(dense, dtype=float).ravel(), _DECIMALS)


class WordIndex(Index):
    """A pool of texts by their words: TF-IDF, with counts on a logarithmic scale.

    Making one takes some milliseconds per hundred texts, and about a second once for the library that counts; call it,
    and `nearest` on large pools, in a thread.

    Args:
        letters: go by groups of two to four letters within words instead: for keywords and other texts of a few words,
            which differ in their endings more often than in their words.
    """

    def __init__(self, texts: Sequence[str], *, letters: bool = False) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        super().__init__()
        how: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": (2, 4)} if letters else {"token_pattern": _WORD}
        self._vectorizer: Any = TfidfVectorizer(sublinear_tf=True, **how)
        self._size = len(texts)
        self._words: Callable[[str], list[str]] = self._vectorizer.build_analyzer()
        # The library refuses to count where there is nothing to count.
        self._empty = not any(map(self._words, texts))
        self._matrix = _nothing(self._size) if self._empty else self._vectorizer.fit_transform(texts)

    def nearest(self, text: str, k: int) -> list[Neighbour]:
        """The `k` texts most like this one, or all where there are fewer."""
        return list(islice(self.ranked(text), k))

    def ranked(self, text: str) -> Iterator[Neighbour]:
        """The whole pool, the most alike first."""
        if self._empty:
            return _ranked([0.0] * self._size)
        return _ranked(self._matrix @ self._vector(text))

    def _vector(self, text: str) -> Any:
        """What `transform` of the library makes of one text, without its checks, which take ten times as long."""
        import numpy

        vocabulary, idf = self._vectorizer.vocabulary_, self._vectorizer.idf_
        vector = numpy.zeros(len(vocabulary))
        for word, count in Counter(self._words(text)).items():
            if (place := vocabulary.get(word)) is not None:
                vector[place] = (1 + math.log(count)) * idf[place]
        length = math.sqrt(vector @ vector)
        return vector / length if length else vector


class VectorIndex(Index):
    """A pool of texts by vectors of length 1, as `run.embed` gives them."""

    def __init__(self, vectors: Sequence[Sequence[float]]) -> None:
        import numpy

        super().__init__()
        self._matrix = numpy.asarray(vectors, dtype=numpy.float32)
        self._size = len(vectors)

    def nearest(self, vector: Sequence[float], k: int) -> list[Neighbour]:
        """The `k` texts whose vectors are nearest to this one, or all where there are fewer.

        Raises:
            ValueError: the vector is not as long as those of the pool.
        """
        return list(islice(self.ranked(vector), k))

    def ranked(self, vector: Sequence[float]) -> Iterator[Neighbour]:
        """The whole pool, the nearest first."""
        if not self._size:
            return iter(())
        return _ranked(self._matrix @ self._matrix.dtype.type(vector))


async def vectors_of(run: Run, texts: Sequence[str]) -> list[tuple[float, ...]] | None:
    """Vectors by the run's embedder; `None` when it failed on these texts, which leaves their words.

    Raises:
        ExpertLost: it will never answer.
        BudgetExceeded: there is no room for it.
    """

    async def embed(texts: Sequence[str], branch: Run) -> list[tuple[float, ...]] | ExpertLost:
        try:
            return await branch.embed(texts)
        except ExpertLost as lost:
            return lost

    (found,) = await run.map(embed, [texts])
    if isinstance(found, ExpertLost):
        raise found
    return found


async def likest(run: Run, texts: Sequence[str], pool: Sequence[str]) -> list[Neighbour]:
    """For each text the one of the pool that it is most like, such as a keyword's nearest skill.

    By the vectors of the run's embedder where one is given, which takes a call for every 32 texts of both (those of the
    pool come first, so that all calls but the last are the same for every problem), else, or where the embedder failed
    on them, by groups of letters.

    Raises:
        ValueError: the pool is empty.
        ExpertLost: the embedder will never answer.
        BudgetExceeded: there is no room for it.
    """
    if not pool:
        raise ValueError("nothing is like a text in an empty pool")
    vectors = None if run.embedder is None else await vectors_of(run, (*pool, *texts))
    if vectors is None:
        return await asyncio.to_thread(lambda: [_by_letters(tuple(pool)).nearest(text, 1)[0] for text in texts])
    by_vector = VectorIndex(vectors[: len(pool)])
    return [by_vector.nearest(vector, 1)[0] for vector in vectors[len(pool) :]]


@lru_cache(maxsize=8)
def _by_letters(pool: tuple[str, ...]) -> WordIndex:
    """Kept, as a benchmark puts keywords of all its problems to one pool; making it takes 0.1 s for 2,000 texts."""
    return WordIndex(pool, letters=True)


def _ranked(similarities: Any) -> Iterator[Neighbour]:
    import numpy

    rounded = numpy.round(numpy.asarray(similarities, dtype=float), _DECIMALS)
    order = numpy.argsort(-rounded, kind="stable")
    return (Neighbour(int(i), float(rounded[i])) for i in order)


def _nothing(size: int) -> Any:
    import numpy

    return numpy.zeros((size, 1))
