"""The texts of a pool that are nearest to another: by their words, offline, or by an embedder's vectors.

    index = WordIndex(questions)
    index.nearest("Which planet is the largest?", k=5)      # places in the pool, the most alike first

Similarity is the cosine, from 0 (nothing in common) to 1. Equal similarities stand in the order of the pool, so that
the same pool and the same text give the same neighbours on every machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.run import Run

_DECIMALS = 6
"""Beyond them a cosine is noise, which would order equal texts by chance."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A text of the pool."""

    place: int
    """Its number in the pool, from 0."""
    similarity: float


class WordIndex:
    """A pool of texts by their words: TF-IDF, with counts on a logarithmic scale.

    Making one takes some milliseconds per hundred texts, and about a second once for the library that counts; call it,
    and `nearest` on large pools, in a thread.

    Args:
        letters: go by groups of two to four letters within words instead: for keywords and other texts of a few words,
            which differ in their endings more often than in their words.
    """

    def __init__(self, texts: Sequence[str], *, letters: bool = False) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        how: dict[str, Any] = (
            {"analyzer": "char_wb", "ngram_range": (2, 4)} if letters else {"token_pattern": r"(?u)\b\w+\b"}
        )
        self._vectorizer: Any = TfidfVectorizer(sublinear_tf=True, **how)
        self._size = len(texts)
        words: Callable[[str], list[str]] = self._vectorizer.build_analyzer()
        # The library refuses to count where there is nothing to count.
        self._matrix: Any = self._vectorizer.fit_transform(texts) if any(map(words, texts)) else None

    def nearest(self, text: str, k: int) -> list[Neighbour]:
        """The `k` texts most like this one, or all where there are fewer."""
        return list(islice(self.ranked(text), k))

    def ranked(self, text: str) -> Iterator[Neighbour]:
        """The whole pool, the most alike first."""
        if self._matrix is None:
            return _ranked([0.0] * self._size)
        return _ranked((self._matrix @ self._vectorizer.transform([text]).T).toarray().ravel())


class VectorIndex:
    """A pool of texts by vectors of length 1, as `run.embed` gives them."""

    def __init__(self, vectors: Sequence[Sequence[float]]) -> None:
        import numpy

        self._matrix: Any = numpy.asarray(vectors, dtype=numpy.float32)

    def nearest(self, vector: Sequence[float], k: int) -> list[Neighbour]:
        """The `k` texts whose vectors are nearest to this one, or all where there are fewer.

        Raises:
            ValueError: the vector is not as long as those of the pool.
        """
        return list(islice(self.ranked(vector), k))

    def ranked(self, vector: Sequence[float]) -> Iterator[Neighbour]:
        """The whole pool, the nearest first."""
        if not self._matrix.size:
            return iter(())
        return _ranked(self._matrix @ self._matrix.dtype.type(vector))


async def likest(run: Run, texts: Sequence[str], pool: Sequence[str]) -> list[Neighbour]:
    """For each text the one of the pool that it is most like, such as a keyword's nearest skill.

    By the vectors of the run's embedder where one is given, which takes a call for every 32 texts, else by groups of
    letters.

    Raises:
        ValueError: the pool is empty.
        BudgetExceeded, ExpertError: the embedder could not be asked.
    """
    if not pool:
        raise ValueError("nothing is like a text in an empty pool")
    if run.embedder is None:
        index = await asyncio.to_thread(WordIndex, pool, letters=True)
        return await asyncio.to_thread(lambda: [index.nearest(text, 1)[0] for text in texts])
    vectors = await run.embed((*pool, *texts))
    by_vector = VectorIndex(vectors[: len(pool)])
    return [by_vector.nearest(vector, 1)[0] for vector in vectors[len(pool) :]]


def _ranked(similarities: Any) -> Iterator[Neighbour]:
    import numpy

    rounded = numpy.round(numpy.asarray(similarities, dtype=float), _DECIMALS)
    order = numpy.argsort(-rounded, kind="stable")
    return (Neighbour(int(i), float(rounded[i])) for i in order)
