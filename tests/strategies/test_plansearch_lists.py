"""Lists are read however a model writes them."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.strategies._lists import bulleted, declines, distinct, gist, read_list

WORDS = st.text(string.ascii_letters + string.digits, min_size=2, max_size=8).filter(lambda word: word[0].isalpha())
SENTENCES = st.lists(WORDS, min_size=3, max_size=8).map(lambda words: f"So {' '.join(words)}.")
ITEMS = st.lists(SENTENCES, min_size=1, max_size=6, unique_by=gist)

STYLES = {
    "json": json.dumps,
    "indented json": lambda items: json.dumps(items, indent=2),
    "fenced json": lambda items: f"Here it is:\n```json\n{json.dumps(items)}\n```\nAnything else?",
    "json in words": lambda items: f"The list: {json.dumps(items)} - as asked.",
    "json object": lambda items: json.dumps({"observations": items}),
    "json of objects": lambda items: json.dumps([{"id": i, "text": item} for i, item in enumerate(items)]),
    "python": repr,
    "python with a comma": lambda items: "[\n" + "".join(f"    {item!r},\n" for item in items) + "]",
    "bullets": bulleted,
    "stars": lambda items: "\n".join(f"* {item}" for item in items),
    "dots": lambda items: "\n".join(f"\u2022 {item}" for item in items),
    "numbers": lambda items: "\n".join(f"{i}. {item}" for i, item in enumerate(items, 1)),
    "brackets": lambda items: "\n".join(f"({i}) {item}" for i, item in enumerate(items, 1)),
    "letters": lambda items: "\n".join(f"{letter}) {item}" for letter, item in zip("abcdef", items, strict=False)),
    "bold": lambda items: "\n\n".join(f"**{i}.** {item}" for i, item in enumerate(items, 1)),
    "bold bullets": lambda items: "\n".join(f"- **{item}**" for item in items),
    "named": lambda items: "\n".join(f"Observation {i}: {item}" for i, item in enumerate(items, 1)),
    "named in bold": lambda items: "\n\n".join(f"**Observation {i}:** {item}" for i, item in enumerate(items, 1)),
    "headings": lambda items: "\n\n".join(f"### Observation {i}\n\n{item}" for i, item in enumerate(items, 1)),
    "quoted bullets": lambda items: "\n".join(f'- "{item}"' for item in items),
    "preamble": lambda items: f"I kept these:\n\n{bulleted(items)}\n\nThey are the best.",
    "bold title": lambda items: f"**What I kept**\n\n{bulleted(items)}",
    "wrapped": lambda items: "\n".join(f"{i}. " + item.replace(" ", "\n   ", 1) for i, item in enumerate(items, 1)),
    "crlf": lambda items: bulleted(items).replace("\n", "\r\n"),
}


@pytest.mark.parametrize("style", sorted(STYLES))
@settings(max_examples=25)
@given(items=ITEMS)
def test_a_list_is_read_back_in_every_style(style: str, items: list[str]) -> None:
    assert read_list(STYLES[style](items)) == items


@given(st.text(max_size=300) | st.text("[]{}\"'\\,-*1.# \nab", max_size=300))
def test_any_text_is_read_or_not_and_never_fails(text: str) -> None:
    found = read_list(text)
    assert found is None or all(item and "\n" not in item and item == item.strip() for item in found)
    assert found is None or len(set(map(gist, found))) == len(found)
    assert isinstance(declines(text), bool)


@pytest.mark.parametrize(
    "text",
    [
        "", "   \n", "...", "Parity matters in this problem.", "I'm sorry, but I can't help with that.",
        '["I\'m sorry, but I cannot help with that."]', '["...", "..."]', "[1, 2, 3]", '{"a": 1}', "null", '"text"',
        "Take nums = [1, 2, 3] and look.", "[" * 5000, '["a", ' * 2000, "- ...\n- ...",
    ],
)  # fmt: skip
def test_what_is_no_list(text: str) -> None:
    assert read_list(text) is None


@pytest.mark.parametrize("text", ["[]", "```json\n[]\n```", '{"observations": []}'])
def test_a_list_of_nothing_is_one(text: str) -> None:
    assert read_list(text) == []


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('- For ["a", "b"] it is 2.\n- For ["a"] it is 1.', ['For ["a", "b"] it is 2.', 'For ["a"] it is 1.']),
        ("1. One\n   - why\n   - how\n2. Two", ["One - why - how", "Two"]),
        ("**Parity.** Even sums.\n- see above\n\n**Order.** None.", ["Parity. Even sums. - see above", "Order. None."]),
        ("## Observation 1\nIt ends.\n\n## Observation 2\nIt begins.", ["It ends.", "It begins."]),
        ('[\n  "It says "no" twice",\n  "It ends",\n', ['It says "no" twice', "It ends"]),
        ('["It ends", "It ends!", "**it** ends"]', ["It ends"]),
        ("1. 3 is odd\n2. 2.5 is none", ["3 is odd", "2.5 is none"]),
        ("- x - 1 is even\n- x + 1 is even", ["x - 1 is even", "x + 1 is even"]),
        ("- i cannot exceed n\n- j will not reach it", ["i cannot exceed n", "j will not reach it"]),
        ('First try: ["one two three"]\nBetter: ["four five six"]', ["four five six"]),
        ("1. `f` is called", ["`f` is called"]),
    ],
)  # fmt: skip
def test_what_is_what(text: str, items: list[str]) -> None:
    assert read_list(text) == items


def test_nothing_is_evaluated(capsys: pytest.CaptureFixture[str]) -> None:
    read_list('[print("evaluated"), __import__("os").getpid()]')
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "says_nothing"),
    [
        ("", True), ("--- \n ...", True), ("I\u2019m sorry, I can\u2019t assist.", True), ("I cannot help you.", True),
        ("Unfortunately, I cannot provide this.", True), ("Sort them.", False), ("I cannot be larger than n.", False),
        ("I can't see a way around sorting, so sort.", True), ("Sorry is the word to look for.", True), ("7", False),
        ("I'm sorry for the length. " + "Sort the words. " * 40, False),
    ],
)  # fmt: skip
def test_refusals_are_short_and_begin_as_such(text: str, says_nothing: bool) -> None:
    assert declines(text) is says_nothing


def test_the_first_of_equal_items_is_kept() -> None:
    assert distinct(["It ends.", "it ENDS", "It begins.", "**It ends**"]) == ["It ends.", "It begins."]
