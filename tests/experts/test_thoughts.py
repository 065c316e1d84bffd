from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.experts.thoughts import split_thoughts


@pytest.mark.parametrize(
    ("written", "text", "thoughts"),
    [
        ("The answer is 4.", "The answer is 4.", ""),
        ("  kept as it is\n", "  kept as it is\n", ""),
        ("<think>2 and 2</think>\n\nThe answer is 4.", "The answer is 4.", "2 and 2"),
        ("<think>a</think>one <think>b</think>two", "one two", "a\n\nb"),
        ("<think>it never ends", "", "it never ends"),
        ("Well. <think>it never ends", "Well.", "it never ends"),
        ("began before</think>The answer is 4.", "The answer is 4.", "began before"),
        ("began before</think>one<think>again</think> two", "one two", "began before\n\nagain"),
        ("<think></think>4", "4", ""),
        ("<think>a<think>b</think>4", "4", "a<think>b"),
    ],
)
def test_thoughts_are_taken_out_of_a_text(written: str, text: str, thoughts: str) -> None:
    assert split_thoughts(written) == (text, thoughts)


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", "b ", "\n", "4"]), max_size=12).map("".join))
def test_no_tag_is_left_in_a_text(written: str) -> None:
    text, _ = split_thoughts(written)
    assert "<think>" not in text
    assert "</think>" not in text
