"""Nearest texts, by words and by vectors."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.run import Run
from orchestrator.strategies._neighbours import Neighbour, VectorIndex, WordIndex, likest
from orchestrator.types import Request, packed
from tests.run.stage import play

LETTERS = "abc planet sun water 12 é"
POOL = [
    "Which planet is the largest in the solar system?",
    "What is the boiling point of water at sea level?",
    "Which planet is closest to the sun?",
    "At what temperature does water freeze?",
]
WORDS = st.lists(st.sampled_from(["planet", "water", "sun", "level", "?", ""]), max_size=4).map(" ".join)


def places(found: list[Neighbour]) -> list[int]:
    return [one.place for one in found]


def test_the_nearest_share_the_rarest_words() -> None:
    found = WordIndex(POOL).nearest("Which planet circles the sun fastest?", 2)
    assert places(found) == [2, 0]
    assert 1 > found[0].similarity > found[1].similarity > 0


def test_a_text_of_the_pool_is_its_own_nearest_with_similarity_one() -> None:
    index = WordIndex(POOL)
    for place, text in enumerate(POOL):
        assert index.nearest(text, 1) == [Neighbour(place, 1.0)]


def test_a_pool_smaller_than_k_is_given_whole() -> None:
    assert len(WordIndex(POOL).nearest("planet", 9)) == len(VectorIndex([(1.0, 0.0)] * 4).nearest((1.0, 0.0), 9)) == 4


def test_equal_similarities_stand_in_the_order_of_the_pool() -> None:
    assert places(WordIndex(["b a", "a b", "c", "a b"]).nearest("a b", 4)) == [0, 1, 3, 2]
    assert places(VectorIndex([(0.0, 1.0), (0.6, 0.8), (0.0, 1.0), (0.6, 0.8)]).nearest((1.0, 0.0), 4)) == [1, 3, 0, 2]


@pytest.mark.parametrize("pool", [[], ["", " "], ["???", "\n"]], ids=["nothing", "blank", "marks"])
def test_a_pool_without_a_word_has_no_order_but_its_own(pool: list[str]) -> None:
    assert WordIndex(pool).nearest("water", 5) == [Neighbour(i, 0.0) for i in range(len(pool))]


def test_an_empty_pool_of_vectors_has_no_neighbours() -> None:
    assert VectorIndex([]).nearest((1.0, 0.0), 3) == []


def test_a_vector_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError):
        VectorIndex([(1.0, 0.0)]).nearest((1.0, 0.0, 0.0), 1)


def test_letters_find_what_differs_in_its_endings() -> None:
    pool = ["probability", "number theory", "geometry"]
    assert places(WordIndex(pool, letters=True).nearest("geometric", 1)) == [2]
    assert places(WordIndex(pool, letters=True).nearest("theory of numbers", 1)) == [1]
    assert WordIndex(pool).nearest("geometric", 1)[0].similarity == 0.0


@given(st.lists(WORDS, min_size=1, max_size=6), WORDS, st.integers(0, 99))
def test_the_order_of_the_pool_changes_no_similarity(pool: list[str], text: str, seed: int) -> None:
    order = random.Random(seed).sample(range(len(pool)), len(pool))
    before = {one.place: one.similarity for one in WordIndex(pool).ranked(text)}
    after = {order[one.place]: one.similarity for one in WordIndex([pool[i] for i in order]).ranked(text)}
    assert before == pytest.approx(after, abs=2e-6)


class TestClusters:
    PLANES = ((1.0, 0.0), (0.8, 0.6), (0.0, 1.0), (0.6, 0.8), (-1.0, 0.0))

    def test_each_text_is_with_the_centre_that_it_is_most_like(self) -> None:
        assert VectorIndex(self.PLANES).clusters(2) == [0, 0, 0, 0, 1]
        assert VectorIndex(self.PLANES).clusters(3) == [0, 0, 2, 2, 1]
        assert WordIndex(["red fox", "blue sea", "a red fox", "the blue sea"]).clusters(2) == [0, 1, 0, 1]

    def test_there_are_no_more_than_different_texts(self) -> None:
        assert VectorIndex([(1.0, 0.0), (0.0, 1.0), (1.0, 0.0)]).clusters(9) == [0, 1, 0]
        assert WordIndex(["a b", "b a"]).clusters(5) == [0, 0]

    @pytest.mark.parametrize("pool", [[], ["?"], ["?", "!"]], ids=["nothing", "mark", "marks"])
    def test_texts_without_a_word_have_clusters_too(self, pool: list[str]) -> None:
        assert len(WordIndex(pool).clusters(3)) == len(pool)

    def test_around_a_text_stand_those_like_it(self) -> None:
        assert places(list(VectorIndex(self.PLANES).around(0))) == [0, 1, 3, 2, 4]
        assert places(list(WordIndex(POOL).around(2)))[:2] == [2, 0]


class TestLikest:
    """What a keyword stands for among the skills of a pool."""

    SKILLS = ("probability", "number theory", "geometry")
    KEYWORDS = ("geometric", "probabilities", "prime numbers")

    def by(self, act_on: ScriptedExpert | None) -> list[Neighbour]:
        async def act(run: Run) -> list[Neighbour]:
            return await likest(run, self.KEYWORDS, self.SKILLS)

        roles = {} if act_on is None else {"embedder": act_on.value}
        played = play(act, ScriptedExpert(lambda _: "", id="solver"), roles=roles)
        assert played.result is not None
        return played.result

    def test_without_an_embedder_it_goes_by_letters(self) -> None:
        found = self.by(None)
        assert places(found) == [2, 0, 1]
        assert all(0.2 < one.similarity < 1 for one in found)

    def test_an_embedder_is_asked_once_for_all(self) -> None:
        def vectors(request: Request) -> str:
            known = [*self.SKILLS, *reversed(self.KEYWORDS)]
            return packed([[float(known.index(m.text) % 3 == i) for i in range(3)] for m in request.messages])

        embedder = ScriptedExpert(vectors, id="embedder")
        assert self.by(embedder) == [Neighbour(2, 1.0), Neighbour(1, 1.0), Neighbour(0, 1.0)]
        assert len(embedder.requests) == 1

    def test_an_empty_pool_has_nothing_to_stand_for(self) -> None:
        async def act(run: Run) -> list[Neighbour]:
            return await likest(run, ["x"], [])

        assert isinstance(play(act, ScriptedExpert(lambda _: "")).error, ValueError)


@settings(deadline=None)
@pytest.mark.parametrize("letters", [False, True])
@given(
    st.text(alphabet="abc planet sun water 12 é"), st.lists(st.text(alphabet="abc planet sun water 12 é"), max_size=5)
)
def test_likeness_by_words_is_the_cosine_of_what_the_library_makes_of_both(
    letters: bool, text: str, pool: list[str]
) -> None:
    index = WordIndex([*POOL, *pool], letters=letters)
    transform = index._vectorizer.transform
    likeness = (transform([*POOL, *pool]) @ transform([text]).T).toarray().ravel()
    found = {one.place: one.similarity for one in index.nearest(text, len(POOL) + 5)}
    assert [found[place] for place in range(len(likeness))] == pytest.approx(list(likeness), abs=2e-6)
