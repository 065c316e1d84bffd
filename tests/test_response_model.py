"""Answers as values of a type of the user's own."""

from __future__ import annotations

import dataclasses

from pydantic import BaseModel, Field

from orchestrator import asolve

from .cycling import cycling


class Invoice(BaseModel):
    total: float = Field(ge=0)
    currency: str


async def test_an_answer_is_validated_into_the_response_model() -> None:
    expert = cycling('```json\n{"total": 12.5, "currency": "EUR"}\n```')
    out = await asolve("What is due?", response_model=Invoice, experts=[expert.value])
    assert out.parsed == Invoice(total=12.5, currency="EUR")
    assert '"currency"' in expert.requests[0].messages[0].text


async def test_what_does_not_fit_the_model_does_not_vote() -> None:
    wrong, right = '```json\n{"total": -1, "currency": "EUR"}\n```', '```json\n{"total": 1, "currency": "EUR"}\n```'
    expert = cycling(wrong, wrong, right)
    out = await asolve("q?", response_model=Invoice, experts=[expert.value], strategy="self_consistency(samples=3)")
    assert out.parsed == Invoice(total=1, currency="EUR")
    failed = [scored.verdict.reason for scored in out.candidates if scored.verdict and scored.verdict.passed is False]
    assert failed == ["total: Input should be greater than or equal to 0"] * 2


async def test_when_nothing_fits_the_model_there_is_an_answer_but_no_value() -> None:
    expert = cycling('```json\n{"total": -1, "currency": "EUR"}\n```')
    out = await asolve("q?", response_model=Invoice, experts=[expert.value], strategy="cot")
    assert out.answer is not None
    assert out.parsed is None
    assert "response_model: total" in out.reason


async def test_a_dataclass_is_a_response_model_too() -> None:
    @dataclasses.dataclass
    class Point:
        x: int
        y: int

    expert = cycling('{"x": 1, "y": 2}')
    assert (await asolve("q?", response_model=Point, experts=[expert.value], strategy="cot")).parsed == Point(1, 2)
