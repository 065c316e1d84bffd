"""The comparators of what a program prints case by case: texts, lines, and numbers however they are written."""

from __future__ import annotations

import pytest

from orchestrator.sandbox._cell.compare import same_output

LCB_TEXT: list[tuple[str, str, bool]] = [
    ("3\n", "3", True),
    ("  3  \n\n", "\n3", True),
    ("1 2\n 3 4 \n", "1 2\n3 4", True),
    ("1\r\n2\r\n", "1\n2\n", True),
    ("1  2", "1 2", True),  # as decimals
    ("a  b", "a b", False),
    ("1\n\n2", "1\n2", False),
    ("1\n2\n3", "1\n2", False),
    ("", "", True),
    ("\n \n", "", True),
    ("", "0", False),
    ("1.0", "1", True),
    ("1e3", "1000", True),
    ("+5", "5", True),
    ("-0", "0", True),
    ("007", "7", True),
    ("0.333333", "0.3333333", False),
    ("50000000000000000", "50000000000000001", False),
    ("YES", "yes", False),
    ("YES 1.0", "YES 1", False),  # one token is no number
    ("1 2 3", "1 2", False),
    ("1 2", "1 2 3", False),
    ("nan", "nan", True),  # the same text
    ("NaN", "nan", False),
    ("nan 1.0", "nan 1", False),
    ("sNaN", "1", False),
    ("1", "sNaN", False),
    ("sNaN 1.0", "sNaN 1", False),
    ("inf", "Infinity", True),
    ("inf", "1e999999999", False),
    ("-inf", "inf", False),
    ("1_000", "1000", True),  # numbers of Python's Decimal, as in the benchmark's own check
    ("\u0661", "1", True),
    ("\u00b2", "2", False),  # a superscript is no digit
    ("1e999999999", "1", False),
    ("1e999999999", "10e999999998", True),
    ("1e99999999999999999999999", "1", False),
    ("1e-99999999999999999999999", "0", False),
    ("9" * 5000, "9" * 5000 + ".0", True),
    ("9" * 5000, "9" * 4999 + "8", False),
    ("0x10", "16", False),
    ("1,5", "1.5", False),
    ("True", "1", False),
    ("\ud800", "1", False),
    ("1\x00", "1", False),
]

LCB_TOL_TEXT: list[tuple[str, str, bool]] = [
    ("0.333333", "0.3333333", True),
    ("0.33333", "0.3333333", False),
    ("1000000.5", "1000000.0", True),
    ("1000002.5", "1000000.0", False),
    ("1000000.5", "1000000", False),  # a whole number is expected
    ("3", "3.0000001", True),
    ("3.0000001", "3", False),
    ("100000.01", "1e5", True),
    ("1.0 2", "1.0000001 3", False),
    ("1.0 2", "1.0000001 2", True),
    ("YES 1.0", "YES 1.0000001", False),
    ("nan", "1.0", False),
    ("1.0", "NaN", False),
    ("inf", "1.0", False),
    ("1.0", "inf", False),
    ("1e999999999999", "1.0", False),
    ("1.0", "1e999999999999", False),
    ("1e-999999999999", "0.0", True),
    ("1e99999999999999999999", "1.0", False),
    ("1.00000001e999999999", "1.0e999999999", True),
    ("1.1e999999999999999999", "-1.0e999999999999999999", False),
    ("0." + "3" * 5000, "0.3333333", True),
]


@pytest.mark.parametrize(("found", "expected", "right"), LCB_TEXT, ids=range(len(LCB_TEXT)))
def test_lcb_output_is_equal_by_lines_or_as_decimals(found: str, expected: str, right: bool) -> None:
    assert same_output("lcb", found, expected) is right


@pytest.mark.parametrize(("found", "expected", "right"), LCB_TEXT, ids=range(len(LCB_TEXT)))
def test_what_is_right_without_tolerance_is_right_with_it(found: str, expected: str, right: bool) -> None:
    assert same_output("lcb+tol", found, expected) or not right


@pytest.mark.parametrize(("found", "expected", "right"), LCB_TOL_TEXT, ids=range(len(LCB_TOL_TEXT)))
def test_lcb_output_with_tolerance(found: str, expected: str, right: bool) -> None:
    assert same_output("lcb+tol", found, expected) is right
    assert same_output("lcb", found, expected) is False


@pytest.mark.parametrize(("found", "right"), [("1 2\n", True), ("1 2", False), ("1  2\n", False), ("1.0 2\n", False)])
def test_exact_output_is_the_same_text(found: str, right: bool) -> None:
    assert same_output("exact", found, "1 2\n") is right


def test_a_flood_of_lines_or_tokens_is_not_cut_up() -> None:
    flood = "1 " * 5_000_000
    assert same_output("lcb", flood, "1 2") is False
    assert same_output("lcb", "1\n" * 5_000_000, "1\n2") is False
    assert same_output("lcb+tol", "7" * 5_000_000, "7" * 4_999_999 + "8.0") is True  # within 1e-6 of it


@pytest.mark.parametrize("rule", ["tolerance", "evalplus"])
def test_what_compares_values_does_not_compare_texts(rule: str) -> None:
    with pytest.raises(ValueError, match="outputs cannot be compared"):
        same_output(rule, "1", "1")
