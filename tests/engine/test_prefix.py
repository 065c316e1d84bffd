"""Beginnings of conversations: two requests share one exactly when their texts do."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.engine.prefix import LEAST, prefixes_of
from orchestrator.types import ImagePart, Message, Request, TextPart

LINE = "All of this was said before, and it is said once more. "


def asked(*texts: str, **fields: object) -> Request:
    roles = ["user", "assistant"] * len(texts)
    messages = tuple(Message(role, text) for role, text in zip(roles, texts, strict=False))  # type: ignore[arg-type]
    return Request("e", "m", messages, **fields)  # type: ignore[arg-type]


def shared(one: Request, other: Request) -> int:
    """Characters of the longest prefix that both have."""
    names = {prefix.name for prefix in prefixes_of(other)}
    return max((prefix.length for prefix in prefixes_of(one) if prefix.name in names), default=0)


def text_of(length: int) -> str:
    return (LINE * (length // len(LINE) + 1))[:length]


@pytest.mark.parametrize("length", [0, 1, LEAST - 1])
def test_a_short_request_has_none(length: int) -> None:
    assert prefixes_of(asked("x" * length)) == ()


@example(LEAST, "", "c")  # one ends just where a prefix does
@example(LEAST * 2, "", "")
@given(st.integers(0, 60_000), st.text("ab\n é", max_size=3000), st.text("cd\n é", max_size=3000))
def test_what_is_found_is_shared_and_no_more_than_a_third_of_it_is_missed(length: int, one: str, other: str) -> None:
    common = text_of(length)
    first, second = asked(common + one), asked(common + other)
    really = length + next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    found = shared(first, second)
    assert found <= really + (one == other)
    if really >= LEAST:
        assert found > really * 0.6


@given(st.lists(st.integers(1, 9000), min_size=1, max_size=6), st.integers(0, 5))
def test_a_conversation_shares_with_its_continuation_whatever_its_turns(sizes: list[int], more: int) -> None:
    turns = [text_of(size) for size in sizes]
    found = shared(asked(*turns), asked(*turns, *["and then?"] * more))
    if sum(sizes) >= LEAST:
        assert found >= (sum(sizes) if not more else 0.6 * sum(sizes))


def test_prefixes_end_where_they_say_and_lie_apart() -> None:
    request = asked(text_of(5000), text_of(300), text_of(40_000))
    prefixes = prefixes_of(request)
    for prefix in prefixes:
        before = sum(len(message.text) for message in request.messages[: prefix.message])
        assert prefix.length == before + prefix.end
    assert prefixes[0].length == LEAST
    assert prefixes[-1].length == 45_300
    lengths = [prefix.length for prefix in prefixes]
    assert lengths == [4096, 5300, 6144, 8192, 12288, 16384, 24576, 32768, 45300]


def test_the_same_words_in_other_turns_or_with_other_tools_are_not_the_same_beginning() -> None:
    long = text_of(6000)
    plain = asked(long)
    assert shared(plain, Request("e", "m", (Message("system", long),))) == 0
    assert shared(plain, asked(long[:2000], long[2000:])) == 0
    assert shared(plain, asked(long, tools=({"type": "function", "function": {"name": "f"}},))) == 0
    assert shared(plain, asked(long, response_format={"type": "json_object"})) == 0
    assert shared(plain, asked(long, sample_index=3, salt="other")) == 6000


def test_prefixes_end_before_what_is_no_text() -> None:
    image = Message("user", (TextPart(text_of(9000)), ImagePart("https://e.org/x.png")))
    request = Request("e", "m", (Message("system", text_of(5000)), image, Message("user", text_of(9000))))
    assert [prefix.length for prefix in prefixes_of(request)] == [4096]
