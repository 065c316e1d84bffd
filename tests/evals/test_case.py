from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from orchestrator.evals.case import Case, Reference, part_of, split_of
from orchestrator.sandbox import Asserts
from orchestrator.types import Kind, Message, Problem


def case(kind: Kind, reference: Reference, **meta: str) -> Case:
    return Case(Problem("p", (Message("user", "?"),), kind=kind, meta=meta), reference)


@pytest.mark.parametrize("kind", ["choice", "number", "expression", "text", "json"])
def test_an_answer_kind_is_gradable_with_a_reference_answer(kind: Kind) -> None:
    assert case(kind, Reference("A")).gradable
    assert not case(kind, Reference()).gradable


def test_code_is_gradable_with_hidden_tests_only() -> None:
    assert case("code", Reference(tests=(Asserts(("assert f() == 1",)),))).gradable
    assert not case("code", Reference(answer="def f(): return 1")).gradable


def test_a_puzzle_needs_no_reference() -> None:
    assert case("game24", Reference()).gradable


def test_a_plan_is_gradable_with_domain_and_instance() -> None:
    assert case("plan", Reference(), pddl_domain="(d)", pddl_instance="(i)").gradable
    assert not case("plan", Reference(answer="(a b)"), pddl_instance="(i)").gradable


def test_cases_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        case("text", Reference("A")).part = "fit"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("key", "part", "split"),
    [  # sha256 of "part:" + key and of key, by another program: 1dac1c86 acc646b0, 50464a8a db98add0, e47dc8a2 bafe465b
        ("gsm8k/1", "eval", "dev"),
        ("gsm8k/2", "fit", "dev"),
        ("gsm8k/3", "fit", "heldout"),
    ],
)
def test_part_and_split_follow_the_digits_of_a_hash(key: str, part: str, split: str) -> None:
    assert (part_of(key), split_of(key)) == (part, split)


def test_three_tenths_fit_and_half_is_held_out() -> None:
    parts = Counter(part_of(f"p/{i}") for i in range(2000))
    splits = Counter(split_of(f"p/{i}") for i in range(2000))
    assert 540 <= parts["fit"] <= 660
    assert 930 <= splits["dev"] <= 1070
