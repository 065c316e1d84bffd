from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.answers import choice, expression, number, phrases
from orchestrator.answers.headed import headed

_WORDS = (
    *("answer", "ANSWER", "an\u017fwer", "opt\u0130on", "opt\u0131on", "\u0130", "option", "Choice", "options"),
    *(" is ", " be", "equals", ": ", "=", "####", "A:", "a:", "\n", " ", "\\boxed", "{", "}", '"', "'", "\u201c"),
    *("final_", "final ", "4", "x", ".", "$", "(B)"),
)


@pytest.mark.parametrize(
    ("pattern", "heads"),
    [
        (number._MARKER, number._HEADS),
        (choice._MARKER, choice._HEADS),
        (expression._MARKER, ("answer",)),
        (phrases._FIELD, phrases._FIELD_HEADS),
    ],
    ids=["number", "choice", "expression", "field"],
)
@given(words=st.lists(st.sampled_from(_WORDS), max_size=25))
def test_the_same_is_found_as_by_trying_everywhere(
    pattern: re.Pattern[str], heads: tuple[str, ...], words: list[str]
) -> None:
    text = "".join(words)
    assert [match.span() for match in headed(pattern, text, heads)] == [m.span() for m in pattern.finditer(text)]


def test_a_head_inside_of_a_match_begins_no_other() -> None:
    found = [match[0] for match in headed(re.compile("a+b?", re.IGNORECASE), "aAab xa", ("a",))]
    assert found == ["aAab", "a"]
