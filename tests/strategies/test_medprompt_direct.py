"""Medprompt+: members that name a letter at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator import Message, Problem, Request, answers, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.medprompt import Medprompt
from orchestrator.types import LETTERS, Completion, Estimate
from tests.clock import run_virtual

from .planning import wide
from .quizzing import ASKED, picks, shown


def hasty(latency: float = 0.0, **shares: float) -> ScriptedExpert:
    """Reasons its way to Mars; asked for a letter alone, it has these probabilities for the texts."""

    def answer(request: Request) -> str | Completion:
        if request.labels.purpose == "screen":
            return "no"
        if request.sampling.top_logprobs is None:
            return picks("Mars")(request)
        letters = {text: LETTERS[i] for i, text in enumerate(shown(request))}
        told = tuple((f" {letters[text]}", math.log(share)) for text, share in shares.items())
        return Completion(letters[max(shares, key=lambda text: shares[text])], alternatives=told)

    return ScriptedExpert(answer, latency=latency)


def test_they_count_by_the_probability_of_the_texts_whatever_their_letters() -> None:
    expert = hasty(1.0, Saturn=0.6, Mars=0.3, Venus=0.1)
    out, seconds = run_virtual(asolve(ASKED, experts=[wide(expert)], strategy="medprompt(members=2, direct=4)"))
    assert [scored.candidate.answer for scored in out.candidates] == ["A", "A", "C", "C", "C", "C"]
    assert (out.answer, out.chosen_by, seconds) == ("C", "weight", 2.0)
    assert out.confidence == pytest.approx(4 * 0.6 / (4 * 0.6 + 4 * 0.3 + 2 * 0.5))
    assert (out.usage.calls, len({request.key for request in expert.requests})) == (7, 7)


async def test_whoever_reads_their_text_finds_the_same_answer() -> None:
    out = await asolve(ASKED, experts=[hasty(Venus=0.9).value], strategy="medprompt(members=1, direct=5)")
    for scored in out.candidates:
        reading = answers.read_now(ASKED, scored.candidate.text)
        assert reading is not None
        assert reading.key == scored.candidate.key


async def test_their_examples_are_answered_with_a_letter_alone(stored: Callable[..., str]) -> None:
    expert = hasty(Jupiter=1.0)
    spec = f"medprompt(store={stored()}, members=1, direct=1, examples=2)"
    await asolve(ASKED, experts=[expert.value], strategy=spec)
    (request,) = [one for one in expert.requests if one.sampling.top_logprobs]
    assert [message.text for message in request.messages if message.role == "assistant"] == ["A", "B"]
    assert "with nothing else" in request.messages[0].text


async def test_the_settings_go_with_every_call_and_letters_come_with_their_rivals() -> None:
    expert = hasty(Jupiter=1.0)
    spec = "medprompt(members=1, direct=1, temperature=0.3, max_tokens=900)"
    await asolve(ASKED, experts=[expert.value], strategy=spec)
    sent = [request.sampling for request in expert.requests if request.labels.purpose == "answer"]
    assert [(one.temperature, one.max_tokens, one.top_logprobs) for one in sent] == [(0.3, 900, None), (0.3, 900, 20)]


async def test_an_order_that_comes_again_is_an_independent_sample_of_theirs_too() -> None:
    expert = hasty(Mars=0.9, Jupiter=0.1)
    problem = replace(ASKED, options=("Mars", "Jupiter"))
    await asolve(problem, experts=[expert.value], strategy="medprompt(members=1, direct=5)")
    asked = [(shown(one)[0], one.sample_index) for one in expert.requests if one.sampling.top_logprobs]
    assert sorted(asked) == [("Jupiter", 0), ("Jupiter", 1), ("Jupiter", 2), ("Mars", 1), ("Mars", 2)]


async def test_without_log_probabilities_they_abstain_and_the_reasoned_vote() -> None:
    expert = ScriptedExpert(lambda request: "B" if request.sampling.top_logprobs else picks("Mars")(request))
    out = await asolve(ASKED, experts=[expert.value], strategy="medprompt(members=2, direct=3)")
    assert [scored.candidate.answer for scored in out.candidates] == ["A", "A", None, None, None]
    assert (out.answer, out.chosen_by, len(expert.requests)) == ("A", "vote", 5)


async def test_other_kinds_have_none() -> None:
    expert = ScriptedExpert(lambda _: "The answer is 4")
    problem = Problem("n", (Message("user", "2 + 2?"),), "number")
    out = await asolve(problem, experts=[expert.value], strategy="medprompt(members=2, direct=3)")
    assert (out.answer, len(expert.requests)) == ("4", 2)


def test_the_ladder_drops_them_first() -> None:
    full = Medprompt(members=20, direct=10)
    assert full.aggregator == "portfolio"
    assert full.estimate(ASKED, 1) == Estimate(30, 30.0, 30, 1, 30)
    assert full.fit(25, ASKED, 1) == replace(full, direct=5)
    assert full.fit(7, ASKED, 1) == replace(full, members=7, direct=0)
