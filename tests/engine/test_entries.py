"""What the journal gets of an attempt, and how its bill falls to its samples."""

from dataclasses import fields

import pytest

from orchestrator.engine.entries import identified, shares
from orchestrator.ledger import Amount
from orchestrator.types import Completion, Tokens, ToolCall

FULL = Completion(
    "text", "thought", "length", Tokens(3, 4, 1, 2, 0.25), "served", "print", (ToolCall("1", "f", "{}"),), (-0.5,), "x",
    "y", (1.25,), (("B", -0.125),),
)  # fmt: skip


def test_a_completion_gets_its_identity_and_keeps_all_else() -> None:
    plain = Completion("")
    got = identified(FULL, "e", b"\1" * 16)
    for field in fields(Completion):
        assert getattr(FULL, field.name) != getattr(plain, field.name), "a field that this test does not fill"
        if field.name not in ("expert", "id"):
            assert getattr(got, field.name) == getattr(FULL, field.name)
    assert (got.expert, got.id) == ("e", "01" * 16)


def test_nobody_sees_what_cannot_be_stored() -> None:
    got = identified(Completion("a\ud800b", "c\udfff", model="\ud800", fingerprint="\ud800ä"), "e", b"k" * 16)
    assert (got.text, got.reasoning, got.model, got.fingerprint) == ("a?b", "c?", "?", "?ä")


@pytest.mark.parametrize(
    ("completions", "expected"),
    [
        ([Tokens(10, 4, usd=0.5)], [Amount(1, 16, 0.75)]),
        ([Tokens(10, 4)], [Amount(1, 16, 0.75)]),
        ([Tokens(10, 4, usd=1.0), Tokens(10, 2, usd=0.5)], [Amount(1, 14, 0.5), Amount(1, 2, 0.25)]),
        ([Tokens(10, 4), Tokens(10, 2)], [Amount(1, 14, 0.375), Amount(1, 2, 0.375)]),
    ],
)
def test_the_bill_falls_to_the_samples_by_what_each_would_have_cost_and_the_prompt_to_the_first(
    completions: list[Tokens], expected: list[Amount]
) -> None:
    got = shares(Tokens(10, 6, usd=0.75), [Completion("x", tokens=tokens) for tokens in completions])
    assert got == expected
    assert sum(got, start=Amount()) == Amount(len(got), 16, 0.75)
