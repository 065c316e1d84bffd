"""Assert statements found by their text alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.strategies._asserts import LONGEST, asserts_in


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("assert f(1) == 2", ["assert f(1) == 2"]),
        ("Sure!\n```python\nassert f(1) == 2\nassert f(2) == 3\n```\nDone.", ["assert f(1) == 2", "assert f(2) == 3"]),
        ("1. assert f(1)\n- `assert f(2)` is good\n>>> assert f(3)", ["assert f(1)", "assert f(2)", "assert f(3)"]),
        ("def test_f():\n    assert f(1) == 2\n", ["assert f(1) == 2"]),
        ("assert f([1,\n          2]) == [3]\nassert f(0)", ["assert f([1,\n          2]) == [3]", "assert f(0)"]),
        ("assert f('a # b; c') == \"d)\"  # why", ["assert f('a # b; c') == \"d)\""]),
        ("assert f('it\\'s') == 1", ["assert f('it\\'s') == 1"]),
        ('assert f("""x\n)y""") == 1', ['assert f("""x\n)y""") == 1']),
        ("assert f(1) \\\n    == 2\nx", ["assert f(1) \\\n    == 2"]),
        ("assert(f(1) == 2)", ["assert (f(1) == 2)"]),
        ("assert \n    f(1) == 2, 'one'\nassert f(2)", ["assert f(1) == 2, 'one'", "assert f(2)"]),
        ("assert f(1) == 2; assert f(2) == 3", ["assert f(1) == 2"]),
        ("assert f(1) == [2\nassert f(2) == 3", ["assert f(2) == 3"]),
        ("assert f('open\nassert f(2) == 3", ["assert f(2) == 3"]),
        ("assert f(1)) == 2", []),
        ("assert f(1, ", []),
        ("assert g(1) == 2\nassert 1 == 1\nassert f\nassert fun(f(1)) == 2", ["assert f", "assert fun(f(1)) == 2"]),
        ("We assert f(1) == 2 here, and assertf(2).\nreassert f(3)", []),
        ("", []),
    ],
)  # fmt: skip
def test_what_is_a_statement_is_found_and_what_is_broken_off_is_not(text: str, found: list[str]) -> None:
    assert asserts_in(text, "f") == found


def test_without_a_name_anything_that_is_called_will_do() -> None:
    text = "assert g(1) == 2\nassert 1 == 1\nassert x.h() is None"
    assert asserts_in(text) == ["assert g(1) == 2", "assert x.h() is None"]


def test_statements_that_are_too_long_are_left_out() -> None:
    long = f"assert f({'1' * LONGEST}) == 1"
    assert asserts_in(f"{long}\nassert f(1) == 1\n{long}", "f") == ["assert f(1) == 1"]


@pytest.mark.parametrize(
    "part",
    ["assert f(", "\nassert f(", "\nassert f('", '\nassert f("""', "\nassert f(\\", "(", "\\", "'\"", "\nassert `"],
)
def test_hostile_texts_take_no_time(part: str) -> None:
    text = "assert f(" + part * (200_000 // len(part))
    started = time.process_time()
    asserts_in(text, "f")
    assert time.process_time() - started < 2.0


@given(st.text(alphabet="assert f()[]{}'\"\\#;\n`=1,", max_size=200))
def test_no_text_does_any_harm(text: str) -> None:
    for found in asserts_in(text):
        assert found.startswith("assert ")
        assert len(found) <= LONGEST + 10
