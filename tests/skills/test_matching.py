"""Keywords of a question put to the skills of a profile."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.skills import Matching, matched

SKILLS = ("algebra", "heat", "law")
LIKENESS = {"algebras": (0, 0.9), "linear algebra": (0, 0.7), "warmth": (1, 0.2)}


async def found(keywords: Sequence[str], matching: Matching = "threshold") -> tuple[str, ...]:
    async def nearest(texts: Sequence[str], pool: Sequence[str]) -> list[tuple[int, float]]:
        assert pool == SKILLS
        return [LIKENESS[text] for text in texts]

    return await matched(keywords, SKILLS, nearest, matching, least=0.5)


async def test_a_keyword_that_is_a_skill_stands_for_itself() -> None:
    assert await found(("law", "heat")) == ("law", "heat")


async def test_what_is_alike_enough_is_mapped_and_the_rest_left_out() -> None:
    assert await found(("warmth", "linear algebra")) == ("algebra",)


async def test_keywords_that_come_to_the_same_skill_count_once() -> None:
    assert await found(("algebra", "algebras", "linear algebra", "law")) == ("algebra", "law")


async def test_top1_takes_the_likest_however_unlike_and_as_often_as_it_comes() -> None:
    keywords = ("algebra", "algebras", "warmth")
    assert await found(keywords, "top1") == ("algebra", "algebra", "heat")


async def test_nothing_is_looked_up_where_every_keyword_is_known_or_no_skill_is() -> None:
    async def nobody(texts: Sequence[str], pool: Sequence[str]) -> list[tuple[int, float]]:
        raise AssertionError("asked")

    assert await matched(("law",), SKILLS, nobody, "threshold", 0.5) == ("law",)
    assert await matched(("law",), (), nobody, "threshold", 0.5) == ()
