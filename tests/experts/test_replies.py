from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadCompletion, ContentFiltered
from orchestrator.experts.replies import alone, estimated_tokens, response_of, shared
from orchestrator.types import Expert, Price, Tokens
from tests.experts.serving import batch

EXPERT = Expert("e", "m", price=Price(2e-6, 10e-6, 1e-6))


def raw(*choices: Any, usage: Any = None, **fields: Any) -> Any:
    return SimpleNamespace(choices=list(choices), usage=usage, **fields)


def choice(text: str | None = "hi", index: int = 0, finish: str = "stop", **message: Any) -> Any:
    return SimpleNamespace(index=index, finish_reason=finish, message=SimpleNamespace(content=text, **message))


def usage(prompt: int, completion: int, reasoning: int = 0, cached: int = 0) -> Any:
    return SimpleNamespace(
        prompt_tokens=prompt,
        completion_tokens=completion,
        completion_tokens_details=SimpleNamespace(reasoning_tokens=reasoning),
        prompt_tokens_details=SimpleNamespace(cached_tokens=cached),
    )


@given(st.integers(0, 100_000), st.lists(st.integers(0, 5_000), min_size=1, max_size=40))
def test_a_total_is_split_into_whole_parts_that_sum_to_it(total: int, weights: list[int]) -> None:
    parts = shared(total, weights)
    assert sum(parts) == total
    assert all(part >= 0 for part in parts)
    if any(weights):
        exact = [total * weight / sum(weights) for weight in weights]
        assert all(abs(part - share) < 1 for part, share in zip(parts, exact, strict=True))


@given(st.integers(0, 5_000), st.integers(0, 5_000), st.lists(st.integers(0, 900), min_size=1, max_size=20))
def test_no_completion_has_more_reasoning_than_tokens(completion: int, reasoning: int, sizes: list[int]) -> None:
    bill = Tokens(10, completion, min(reasoning, completion), 4)
    each = alone(bill, sizes, None)
    assert sum(tokens.completion for tokens in each) == bill.completion
    assert sum(tokens.reasoning for tokens in each) == bill.reasoning
    assert all(tokens.reasoning <= tokens.completion for tokens in each)
    assert all((tokens.prompt, tokens.cached_prompt) == (10, 4) for tokens in each)


@pytest.mark.parametrize(("told", "whole"), [(100, 100), (40, 140), (0, 100)])
def test_what_a_server_counts_beside_the_prompt_is_billed_too(told: int, whole: int) -> None:
    counted: dict[str, Any] = {"prompt_tokens": told, "completion_tokens": 5, "cache_creation_input_tokens": 30}
    body = {"choices": [{"message": {"content": "hi"}}], "usage": {**counted, "cache_read_input_tokens": 70}}
    bill = response_of(body, EXPERT, batch(0), ())[0].bill
    assert (bill.prompt, bill.cached_prompt, bill.written_prompt) == (whole, 70, 30)


def test_the_bill_holds_the_prompt_once_and_each_completion_holds_it_whole() -> None:
    answer = raw(choice("a" * 30), choice("b" * 10, index=1), usage=usage(100, 40, cached=60), model="served")
    response, choices = response_of(answer, EXPERT, batch(0, 1), ())
    assert choices == 2
    assert response.bill == Tokens(100, 40, 0, 60, usd=pytest.approx(40 * 2e-6 + 60 * 1e-6 + 40 * 10e-6))
    first, second = response.completions
    assert (first.tokens.prompt, first.tokens.completion) == (100, 30)
    assert (second.tokens.prompt, second.tokens.completion) == (100, 10)
    assert second.tokens.usd == pytest.approx(100 * 2e-6 + 10 * 10e-6), "alone, nobody had asked it before"
    assert first.model == "served"
    assert first.expert == "e"


def test_choices_come_in_the_order_of_their_index() -> None:
    response, _ = response_of(raw(choice("two", 1), choice("one", 0)), EXPERT, batch(3, 4), ())
    assert [c.text for c in response.completions] == ["one", "two"]


def test_usage_that_nobody_gave_is_estimated_from_bytes() -> None:
    asked = batch(0, text="x" * 10)
    response, _ = response_of(raw(choice("äöü")), EXPERT, asked, ())
    assert response.bill.prompt == 3
    assert response.bill.completion == 2
    assert estimated_tokens(["", "abcde"]) == 2


def test_hidden_reasoning_that_is_counted_beside_the_completion_is_part_of_it() -> None:
    beside = usage(100, 10, reasoning=50)
    beside.total_tokens = 160
    response, _ = response_of(raw(choice(), usage=beside), EXPERT, batch(0), ())
    assert (response.bill.completion, response.bill.reasoning) == (60, 50)
    assert response.bill.usd == pytest.approx(100 * 2e-6 + 60 * 10e-6)
    within = usage(100, 60, reasoning=50)
    within.total_tokens = 160
    assert response_of(raw(choice(), usage=within), EXPERT, batch(0), ())[0].bill.completion == 60


@pytest.mark.parametrize("content", [7, [None], [{}], [{"logprob": "low"}]])
def test_log_probabilities_that_cannot_be_read_cost_no_answer(content: Any) -> None:
    said = choice("good")
    said.logprobs = SimpleNamespace(content=content)
    response, _ = response_of(raw(said), EXPERT, batch(0), ())
    assert (response.completions[0].text, response.completions[0].logprobs) == ("good", ())


def test_a_shape_that_nobody_foresaw_is_a_bad_completion_and_no_crash() -> None:
    with pytest.raises(BadCompletion, match="not the shape of an answer"):
        response_of(raw(choice("", tool_calls=[SimpleNamespace(id="1")])), EXPERT, batch(0), ())


def test_nothing_is_spent_where_no_price_is_known() -> None:
    response, _ = response_of(raw(choice(), usage=usage(9, 9)), Expert("e", "m"), batch(0), ())
    assert response.bill.usd == 0.0


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": "4", "reasoning_content": "2+2"}, "4", "2+2"),
        ({"content": "4", "reasoning": "2+2"}, "4", "2+2"),
        ({"content": "4", "provider_specific_fields": {"reasoning": "2+2"}}, "4", "2+2"),
        ({"content": "<think>2+2</think>4"}, "4", "2+2"),
        ({"content": "<think>b</think>4", "reasoning_content": "a"}, "4", "a\n\nb"),
        ({"content": [{"type": "text", "text": "4"}]}, "4", ""),
    ],
)
def test_reasoning_stands_apart_from_the_text(message: dict[str, Any], text: str, reasoning: str) -> None:
    said = SimpleNamespace(index=0, finish_reason="stop", message=SimpleNamespace(**message))
    response, _ = response_of(raw(said), EXPERT, batch(0), ())
    assert (response.completions[0].text, response.completions[0].reasoning) == (text, reasoning)


@pytest.mark.parametrize(
    ("given", "finish"),
    [("stop", "stop"), ("length", "length"), ("function_call", "tool_calls"), ("eos_token", "stop"), (None, "stop")],
)
def test_reasons_to_finish_are_four(given: str | None, finish: str) -> None:
    said = SimpleNamespace(index=0, finish_reason=given, message=SimpleNamespace(content="hi"))
    response, _ = response_of(raw(said), EXPERT, batch(0), ())
    assert response.completions[0].finish == finish


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_a_text_that_the_server_broke_off_is_none(reason: str) -> None:
    half = choice("It is 4", finish=reason, reasoning_content="hm", tool_calls=None)
    response, choices = response_of(raw(choice("It is 42"), half), EXPERT, batch(0, 1), ())
    assert ([reply.text for reply in response.completions], choices, response.spoiled) == (["It is 42"], 2, 1)
    with pytest.raises(BadCompletion):
        response_of(raw(half), EXPERT, batch(0), ())


def test_an_empty_choice_is_left_out_and_the_others_stay() -> None:
    answer = raw(choice("", 0), choice("good", 1), choice(None, 2), usage=usage(5, 12))
    response, choices = response_of(answer, EXPERT, batch(7, 8, 9), ())
    assert [c.text for c in response.completions] == ["good"]
    assert response.completions[0].tokens.completion == response.bill.completion == 12
    assert (choices, response.spoiled) == (3, 2)


def test_more_choices_than_asked_for_spoil_nothing() -> None:
    response, choices = response_of(raw(*(choice(f"{i}", i) for i in range(4))), EXPERT, batch(0, 1), ())
    assert [c.text for c in response.completions] == ["0", "1"]
    assert (choices, response.spoiled) == (4, 0)


@pytest.mark.parametrize("answer", [raw(), raw(choice("")), raw(choice(" \n"), choice(None, 1)), SimpleNamespace()])
def test_an_answer_that_says_nothing_is_a_bad_completion(answer: Any) -> None:
    with pytest.raises(BadCompletion):
        response_of(answer, EXPERT, batch(0, 1), ())


def test_a_text_that_the_cap_ate_is_a_reply() -> None:
    response, _ = response_of(raw(choice("", finish="length"), usage=usage(5, 500, 500)), EXPERT, batch(0), ())
    assert (response.completions[0].text, response.completions[0].finish) == ("", "length")
    assert response.completions[0].tokens.reasoning == 500


def test_what_was_withheld_is_filtered() -> None:
    with pytest.raises(ContentFiltered):
        response_of(raw(choice("", finish="content_filter")), EXPERT, batch(0), ())
    with pytest.raises(ContentFiltered):
        response_of(raw(choice(None, refusal="I will not.")), EXPERT, batch(0), ())


def test_more_choices_than_asked_are_not_returned() -> None:
    response, _ = response_of(raw(*(choice(str(i), i) for i in range(4))), EXPERT, batch(0, 1), ())
    assert len(response.completions) == 2


def test_tool_calls_and_log_probabilities_are_kept() -> None:
    call = SimpleNamespace(id="c1", function=SimpleNamespace(name="f", arguments='{"a": 1}'))
    said = choice(None, finish="tool_calls", tool_calls=[call])
    said.logprobs = SimpleNamespace(content=[SimpleNamespace(logprob=-0.5), {"logprob": -0.25}])
    completion = response_of(raw(said), EXPERT, batch(0), ())[0].completions[0]
    assert completion.tool_calls[0].name == "f"
    assert completion.finish == "tool_calls"
    assert completion.logprobs == (-0.5, -0.25)


def test_a_text_completion_is_read_like_a_chat() -> None:
    logprobs = SimpleNamespace(token_logprobs=[None, -1.0])
    said = SimpleNamespace(index=0, finish_reason="length", text="of the story", logprobs=logprobs)
    completion = response_of(raw(said), EXPERT, batch(0), ())[0].completions[0]
    assert (completion.text, completion.finish, completion.logprobs) == ("of the story", "length", (-1.0,))
