from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.answers import choice
from orchestrator.types import Message, Problem

OPTIONS = tuple(f"option text {i}" for i in range(10))
TEN = Problem("p", (Message("user", "?"),), "choice", options=OPTIONS)


def letter(text: str, options: tuple[str, ...] = OPTIONS) -> str | None:
    found = choice.read(Problem("p", (Message("user", "?"),), "choice", options=options), text)
    return found.key if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The answer is (C).", "C"),
        ("the answer is A. Wait, the answer is B", "B"),
        ("Answer: D", "D"),
        ("The answer is **C**", "C"),
        ("The answer is **(C)**.", "C"),
        ("The best choice is B because A fails", "B"),
        ("I think it is correct", None),
        ("The answer is (K)", None),
        ("A good start. I would say so", None),
        ("the answer is I think hard to find", None),
        ("The answer is a matter of taste", None),
        ("The answer is F = ma", None),
        ("Thus, the answer is:\n\\[ \\boxed{H} \\]", "H"),
        ("\\boxed{\\text{B}}", "B"),
        ("so we get $\\boxed{(B)}$", "B"),
        ("\\text{The answer is } (A)", "A"),
        ('{"reasoning": "...", "answer": "E"}', "E"),
        ("Final answer: (g)", "G"),
        ("Answer: b", "B"),
        ("".join(chr(ord(c) + 0xFEE0) if c > " " else c for c in "The answer is (C)"), "C"),
        ("The answer to this question is therefore (J).", "J"),
        ("reasoning\nD", "D"),
        ("reasoning\n(d).", "D"),
        ("The answer is option text 4.", "E"),
        ("reasoning\noption text 3", "D"),
        ("So it must be E. Option text 4.", "E"),
        ("So it must be D. Option text 4.", None),
        ("The answer is (A) is not correct. The answer is (B).", "B"),
        ("The answer is (B). The answer is (A) is incorrect.", "B"),
        ("The incorrect answer is (B).", None),
        ("The answer is (A) and (H).", None),
        ("The answer is (C, F, I).", None),
        ("The answer is (A) or (A).", "A"),
        ("", None),
        ("\n \n", None),
    ],
)
def test_letter_of_the_last_explicit_phrase(text: str, expected: str | None) -> None:
    assert letter(text) == expected


def test_only_letters_that_exist() -> None:
    assert letter("The answer is (C).", OPTIONS[:2]) is None
    assert letter("The answer is (B).", OPTIONS[:2]) == "B"


def test_a_text_that_answers_worked_examples_first_counts_by_its_last_phrase() -> None:
    assert letter("The answer is (B).\n\nThe answer is (H).\n\nThe answer is (E).") == "E"


def test_a_text_that_goes_on_to_another_question_ended_before_it() -> None:
    own = "It is clear. The answer is (H).\n\nQuestion:\nWhich?\nOptions:\nA. x\nAnswer: Let's see. The answer is (J)."
    assert letter(own) == "H"


@pytest.mark.parametrize("heading", ["Now, combining all the answers:", "So, let's summarize the answers:"])
def test_a_summary_of_several_answers_is_not_the_answer(heading: str) -> None:
    assert letter(f"So it is I. The answer is (I).\n\n{heading}\nThe answer is A. foo\nThe answer is H. bar") == "I"


def test_a_question_quoted_before_any_answer_does_not_end_the_text() -> None:
    assert letter("Sure!\nQuestion: which one?\nLet us see. The answer is (D).") == "D"


def test_equal_option_texts_name_no_letter() -> None:
    assert letter("The answer is same", ("same", "same", "other")) is None


def test_a_reference_may_be_the_text_of_an_option(problem: Callable[..., Problem]) -> None:
    asked = problem("choice", options=OPTIONS)
    assert choice.same(asked, "option text 2", "C")
    assert choice.same(asked, "C", "c")
    assert not choice.same(asked, "C", "D")


@given(st.text(max_size=300))
def test_what_is_read_is_always_an_option(text: str) -> None:
    found = choice.read(TEN, text)
    assert found is None or found.key in "ABCDEFGHIJ"


def test_the_accuracy_of_recorded_experts(recorded: Callable[..., Any]) -> None:
    """A majority of 20 experts and the best of them, on the first 200 recorded questions of part eval."""
    votes: dict[str, list[str]] = defaultdict(list)
    answer, agree, total = {}, 0, 0
    for row, generation in recorded("mmlu_pro", first=6000):
        asked = Problem(row["id"], (Message("user", row["question"]),), "choice", options=tuple(row["options"]))
        found = choice.read(asked, generation["text"])
        answer[row["id"]] = row["answer"]
        votes[row["id"]] += [found.key] if found else []
        if found and generation["extracted_answer"]:
            total += 1
            agree += found.key == generation["extracted_answer"]
    right = sum(bool(v) and Counter(v).most_common(1)[0][0] == answer[i] for i, v in votes.items())
    assert agree / total > 0.97
    assert 0.55 < right / len(votes) < 0.75
