"""What the log-probabilities of a reply come to."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.experts.confidences import Likelihoods, likelihoods_of


def chat(*tokens: tuple[str, dict[str, float]]) -> Any:
    """The `logprobs` of a chat choice: each token with its alternatives."""
    return SimpleNamespace(
        content=[
            {
                "token": token,
                "logprob": others.get(token, -5.0),
                "top_logprobs": [{"token": t, "logprob": p} for t, p in others.items()],
            }
            for token, others in tokens
        ]
    )


def test_a_confidence_is_minus_the_mean_of_all_alternatives_and_high_where_one_stands_out() -> None:
    peaked, flat = {"a": -0.01, "b": -9.0, "c": -10.0}, {"a": -1.0, "b": -1.1, "c": -1.2}
    found = likelihoods_of(chat(("a", peaked), ("a", flat)), "aa")
    assert found.confidences == (round(19.01 / 3, 3), 1.1)
    assert found.confidences[0] > found.confidences[1]
    assert found.logprobs == (-0.01, -1.0)


def test_tokens_without_alternatives_have_no_confidence() -> None:
    assert likelihoods_of(chat(("a", {"a": -1.0}), ("b", {})), "ab").confidences == (1.0,)
    assert likelihoods_of(None, "ab") == Likelihoods()


def test_alternatives_are_those_of_the_first_token_of_the_text_the_likeliest_first() -> None:
    raw = chat(("B", {"A": -1.0, "B": -0.5, "C": -3.0}), (".", {".": -0.1}))
    assert likelihoods_of(raw, "B.").alternatives == (("B", -0.5), ("A", -1.0), ("C", -3.0))


@pytest.mark.parametrize(
    ("before", "thoughts"),
    [
        (["\n"], ()),
        (["<think>", "B", " or C", "</think>", "\n\n"], ("</think>",)),
        (["Is it B?", " I think so."], ("Is it B? I think so.",)),
    ],
    ids=["blank", "thoughts in the text", "thoughts told apart"],
)
def test_blanks_and_thoughts_before_the_text_are_passed_over(before: list[str], thoughts: tuple[str, ...]) -> None:
    raw = chat(*((token, {token: -0.3, "other": -2.0}) for token in before), ("B", {"B": -0.2, "C": -1.7}), ("<e>", {}))
    found = likelihoods_of(raw, "B", thoughts)
    assert found.alternatives == (("B", -0.2), ("C", -1.7))
    assert len(found.confidences) == len(before) + 1


def test_what_is_too_unlikely_to_tell_has_a_bound() -> None:
    raw = chat(("a", {"a": 0.0, "b": -9999.0, "c": -math.inf}))
    assert likelihoods_of(raw, "a").confidences == (round(200 / 3, 3),)


@pytest.mark.parametrize("odd", [math.nan, math.inf, "low", None])
def test_a_number_that_is_none_leaves_all_of_them_out(odd: Any) -> None:
    assert likelihoods_of(chat(("a", {"a": -1.0}), ("b", {"b": odd})), "ab") == Likelihoods()


def test_a_text_choice_has_its_alternatives_in_dicts_and_none_at_the_prompts_first_token() -> None:
    raw = SimpleNamespace(
        content=None,
        tokens=["Once", " upon"],
        token_logprobs=[None, -0.5],
        top_logprobs=[None, {" upon": -0.5, " more": -1.5}],
    )
    found = likelihoods_of(raw, "Once upon")
    assert (found.logprobs, found.confidences, found.alternatives) == ((-0.5,), (1.0,), ())


def test_a_text_choice_without_alternatives_still_has_log_probabilities() -> None:
    raw = SimpleNamespace(content=None, token_logprobs=[-0.5, -0.25])
    assert likelihoods_of(raw, "Once upon") == Likelihoods((-0.5, -0.25))
