"""Keywords out of replies."""

from __future__ import annotations

import pytest

from orchestrator.skills import kept, keywords_in


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Keywords: Algebra, Number Theory.", ["algebra", "number theory"]),
        ("An example is Keywords: a, b.\nKeywords: law, contracts", ["law", "contracts"]),
        ("**Keywords:** optics, waves\n\nThese matter because light bends.", ["optics", "waves"]),
        ("Keywords:\n- optics\n- waves", ["optics", "waves"]),
        ("Keywords:\n1. optics\n2. waves\n\nThat is all.", ["optics", "waves"]),
        ("Skills: algebra; geometry", ["algebra", "geometry"]),
        ("I think of these.\nalgebra, geometry", ["algebra", "geometry"]),
        ('Keywords: "u.s. history", `python`', ["us history", "python"]),
        ("Keywords: algebra, Algebra , ALGEBRA.", ["algebra"]),
        ("Keywords: how to solve equations with two unknowns, algebra", ["algebra"]),
        ("Keywords: , ..., -", []),
        ("Keywords:", []),
        ("", []),
    ],
    ids=range(13),
)
def test_keywords_are_read_behind_the_last_prefix(text: str, found: list[str]) -> None:
    assert keywords_in(text) == found


def test_a_keyword_of_twenty_characters_stays_and_a_longer_one_goes() -> None:
    assert keywords_in(f"Keywords: {'x' * 20}, {'y' * 21}") == ["x" * 20]
    assert keywords_in(f"Keywords: {'y' * 21}", longest=30) == ["y" * 21]


def test_those_are_kept_that_come_in_more_than_one_pass() -> None:
    passes = [["algebra", "sums"], ["sums", "law"], ["algebra", "sums"], [], ["heat"]]
    assert kept(passes, 2) == ("sums", "algebra")


def test_a_keyword_counts_once_a_pass() -> None:
    assert kept([["law", "law"], ["sums"]], 2) == ()


def test_none_may_be_left() -> None:
    assert kept([["a"], ["b"], ["c"]], 2) == ()
