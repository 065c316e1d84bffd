"""Vectors as texts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.types import packed, unpacked

NUMBERS = st.floats(-1e30, 1e30).filter(lambda x: x == 0 or abs(x) > 1e-30)


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(NUMBERS, min_size=n, max_size=n), max_size=4)))
def test_they_come_back_with_their_direction_and_length_one(vectors: list[list[float]]) -> None:
    found = unpacked(packed(vectors))
    assert len(found) == len(vectors)
    for vector, unit in zip(vectors, found, strict=True):
        length = math.hypot(*vector)
        assert unit == pytest.approx([x / length if length else 0.0 for x in vector], abs=1e-6)


def test_the_text_is_little_endian_on_every_machine() -> None:
    assert packed([(2.0, 0.0)]) == "AACAPwAAAAA="
    assert unpacked("AACAPwAAAAA=\nAAAAAAAAgL8=") == [(1.0, 0.0), (0.0, -1.0)]


@pytest.mark.parametrize(
    "vectors", [[[1.0], [1.0, 2.0]], [[]], [[math.nan]], [[math.inf, 1.0]]], ids=["uneven", "empty", "nan", "inf"]
)
def test_what_is_no_set_of_vectors_is_refused(vectors: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="vector"):
        packed(vectors)


@pytest.mark.parametrize(
    "text", ["I cannot do that.", "AACAPw=", "AACA", "AACAPw==\nAACAPwAAAAA="], ids=["words", "torn", "half", "uneven"]
)
def test_what_is_no_text_of_vectors_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        unpacked(text)
