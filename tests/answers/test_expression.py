from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.answers import expression
from orchestrator.answers.latex import is_rational, normal
from orchestrator.types import Message, Problem

ASKED = Problem("p", (Message("user", "?"),), "expression")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"first \boxed{1}, then \boxed{\frac{\sqrt{2}}{2}}.", r"\frac{\sqrt{2}}{2}"),
        (r"\boxed{1} and \boxed{2", "1"),
        (r"\fbox{x+1}", "x+1"),
        (r"The answer is $x^2 + 1$.", "x^2 + 1"),
        (r"The final answer is: \[ \frac{1}{2} \]", r"\frac{1}{2}"),
        ("Answer: (1, 2]", "(1, 2]"),
        ('{"answer": "\\\\frac{1}{2}"}', r"\frac{1}{2}"),
        ('{"answer": "\\frac{1}{2}"}', r"\frac{1}{2}"),
        ('{"answer": "\\\\boxed{7}"}', "7"),
        ("So:\n$$x = 3$$", "x = 3"),
        ("So:\nx = 3", "x = 3"),
        ("So we are done here.", None),
        (r"\boxed{}", None),
        ('{"answer": "___"}', None),
        ("", None),
    ],
)
def test_the_expression_that_counts(text: str, value: str | None) -> None:
    found = expression.read(ASKED, text)
    assert (found and found.value) == value


@pytest.mark.parametrize(
    "group",
    [
        [r"\dfrac{1}{2}", "1/2", "0.5", ".5", r"\frac12", r"\frac{2}{4}", r"x = \frac{1}{2}", r"\tfrac 1 2", "½"],
        [r"\left(1, 2\right)", "(1,2)", r"(1,\;2)"],
        [r"5\text{ cm}", "5", r"5\,\mathrm{cm}^2", r"5^\circ", "5°", r"\$5", r"5\%", "5.", '"5"'],
        [r"\text{Odd}", "odd"],
        ["1,000", "1{,}000", "1000", "1000.0"],
        [r"2\sqrt{3}", r"2\sqrt3", "2√3", "2sqrt(3)"],
        ["x^{2}+1", "x^2 + 1", "x²+1", "x**2+1"],
        [r"-\frac{3}{4}", r"\frac{-3}{4}", "-0.75", r"\frac{3}{-4}"],
        [r"(-\infty, 3]", "(-∞,3]"],
        [r"x \leq 3", r"x\le3", "x≤3"],
        [r"3 \times 4", r"3\cdot 4"],
    ],
)
def test_what_is_written_differently_but_alike_has_one_normal_form(group: list[str]) -> None:
    assert len({normal(text) for text in group}) == 1


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("(1,2)", "(1,2]"),
        ("x^2", "x2"),
        ("-5", "5"),
        ("x+1", "x-1"),
        (r"\alpha b", r"\alphab"),
        ("1", "10"),
        ("2^3", "23"),
    ],
)
def test_different_answers_keep_different_forms(a: str, b: str) -> None:
    assert normal(a) != normal(b)


def test_a_normal_form_is_latex_still() -> None:
    assert normal(r"\sqrt{2} \cdot x") == r"\sqrt{2}\cdot x"
    assert normal(r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}") == r"\begin{pmatrix}1\\2\end{pmatrix}"


@given(st.text(alphabet=r"\{}()[]^_$%.,=+-/ 0123456789abcdfrsqtxlef", max_size=60))
def test_forms_of_any_text_are_found_and_stable_for_rationals(text: str) -> None:
    found = normal(text)
    if is_rational(found):
        assert normal(found) == found


def test_agreement_with_recorded_verdicts(recorded: Callable[..., Any]) -> None:
    agree = total = 0
    for row, generation in recorded("math_l5", 5):
        found = expression.read(ASKED, generation["text"])
        right = found is not None and expression.same(ASKED, row["answer"], found.value)
        agree += right == bool(generation["correct"])
        total += 1
    assert agree / total >= 0.98
