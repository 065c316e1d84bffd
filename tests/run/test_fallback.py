"""Experts that stand in for one another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.engine import MemoryJournal
from orchestrator.errors import (
    BadRequest,
    ConnectionLost,
    ContentFiltered,
    ExpertError,
    ExpertTimeout,
    NotRecorded,
    RateLimited,
    ServerBusy,
    Truncated,
    UnknownModel,
    WrongKey,
)
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Completion, Expert, Message, Request, Sampling

from .stage import Played, play, prompt


def failing(error: ExpertError, id: str = "a") -> ScriptedExpert:
    def answer(request: Request) -> str:
        raise error

    return ScriptedExpert(answer, id=id)


def standing_in(id: str = "b") -> ScriptedExpert:
    return ScriptedExpert(lambda request: f"{id} {request.sample_index}", id=id)


def with_fallback(scripted: ScriptedExpert, fallback: str, **settings: object) -> Expert:
    return replace(scripted.value, fallback=fallback, **settings)  # type: ignore[arg-type]


LOST = [ConnectionLost("x"), ServerBusy("x"), ExpertTimeout("x"), RateLimited("x"), WrongKey("x"), UnknownModel("x")]
NOT_LOST = [BadRequest("x"), ContentFiltered("x"), NotRecorded("x"), Truncated("x")]


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
def test_the_same_sample_is_asked_of_the_fallback(error: ExpertError) -> None:
    a, b = failing(error), standing_in()
    played = play(lambda run: run.generate(prompt("q"), sample=5), with_fallback(a, "b"), b)
    assert played.result is not None
    assert (played.result.text, played.result[0].expert) == ("b 5", "b")
    (request,) = b.requests
    assert (request.salt, request.model) == ("seed=0!a", "b")
    assert played.journal.links == {a.requests[0].key: "b"}
    assert played.events("fallback") == [()]
    assert (played.table.meter.usage.calls, played.table.meter.usage.failed) == (1, 0)


@pytest.mark.parametrize("error", NOT_LOST, ids=lambda error: type(error).__name__)
def test_what_another_expert_would_not_mend_does_not_fall_back(error: ExpertError) -> None:
    a, b = failing(error), standing_in()
    played = play(lambda run: run.generate(prompt()), with_fallback(a, "b"), b)
    assert type(played.error) is type(error)
    assert b.requests == []
    assert played.journal.links == {}


def test_a_reply_that_stays_cut_does_not_fall_back() -> None:
    a, b = ScriptedExpert(lambda _: Completion("", finish="length"), id="a"), standing_in()
    played = play(lambda run: run.generate(prompt()), with_fallback(a, "b"), b)
    assert isinstance(played.error, Truncated)
    assert (len(a.requests), b.requests) == (2, [])


def test_the_fallback_is_asked_with_its_own_persona_and_settings() -> None:
    a, b = failing(WrongKey("x")), standing_in()
    first = with_fallback(a, "b", persona="You are A.", sampling=Sampling(0.1, extra_body={"only": "a"}, mode="chat"))
    second = replace(b.value, persona="You are B.", sampling=Sampling(max_tokens=77))
    play(lambda run: run.generate(prompt("q"), sampling=Sampling(0.7, stop=("X",))), first, second)
    (request,) = b.requests
    assert request.sampling == Sampling(0.7, max_tokens=77, stop=("X",))
    assert request.messages == (Message("system", "You are B."), Message("user", "q"))


def test_after_a_resume_the_same_expert_is_asked() -> None:
    a, b, journal = failing(ConnectionLost("x")), standing_in(), MemoryJournal()
    first = play(lambda run: run.generate(prompt(), n=2), with_fallback(a, "b"), b, journal=journal)
    asked = len(a.requests)
    again = play(lambda run: run.generate(prompt(), n=2), with_fallback(a, "b"), b, journal=journal)
    assert first.result == again.result
    assert (len(a.requests), len(b.requests)) == (asked, 2)


def test_a_link_holds_even_before_the_fallback_has_answered() -> None:
    """A kill between the two leaves the link alone in the journal."""
    healthy, b, journal = standing_in("a"), standing_in(), MemoryJournal()
    lost = play(lambda run: run.generate(prompt()), with_fallback(failing(WrongKey("x")), "b"), b, journal=journal)
    journal.replies.clear()
    again = play(lambda run: run.generate(prompt()), with_fallback(healthy, "b"), b, journal=journal)
    assert again.result == lost.result
    assert healthy.requests == []


def test_a_link_to_an_expert_that_no_longer_stands_in_is_not_followed() -> None:
    healthy, journal = standing_in("a"), MemoryJournal()
    play(lambda run: run.generate(prompt()), with_fallback(failing(WrongKey("x")), "b"), standing_in(), journal=journal)
    again = play(lambda run: run.generate(prompt()), healthy, journal=journal)
    assert again.result is not None
    assert again.result.text == "a 0"


def test_fallbacks_may_have_fallbacks() -> None:
    a, b, c = failing(WrongKey("x")), failing(WrongKey("x"), "b"), standing_in("c")
    played = play(lambda run: run.generate(prompt()), with_fallback(a, "b"), with_fallback(b, "c"), c)
    assert played.result is not None
    assert played.result.text == "c 0"
    assert c.requests[0].salt == "seed=0!a!b"


@pytest.mark.parametrize("error", [ConnectionLost("x"), WrongKey("x")], ids=lambda error: type(error).__name__)
def test_experts_that_stand_in_for_each_other_are_each_asked_once(error: ExpertError) -> None:
    a, b = failing(error), failing(error, "b")
    played: Played[object] = play(lambda run: run.generate(prompt()), with_fallback(a, "b"), with_fallback(b, "a"))
    assert type(played.error) is type(error)
    assert {request.salt for request in a.requests} == {"seed=0"}
    assert {request.salt for request in b.requests} == {"seed=0!a"}
    assert played.table.meter.usage.failed == 1


def test_a_cut_reply_of_the_fallback_is_asked_of_the_fallback_again() -> None:
    def answer(request: Request) -> Completion:
        enough = (request.sampling.max_tokens or 0) > 5000
        return Completion("The answer is 4" if enough else "", finish="stop" if enough else "length")

    a, b = failing(WrongKey("x")), ScriptedExpert(answer, id="b")
    played = play(lambda run: run.generate(prompt()), with_fallback(a, "b"), b)
    assert played.result is not None
    assert played.result.text == "The answer is 4"
    assert len(a.requests) == 1
    assert [(r.salt, r.sampling.max_tokens) for r in b.requests] == [("seed=0!a", 2048), ("seed=0!a", 8192)]


def test_the_larger_cap_holds_for_the_fallback_too() -> None:
    def answer(request: Request) -> Completion:
        if request.sampling.max_tokens == 2048:
            return Completion("", finish="length")
        raise WrongKey("x")

    a, b = ScriptedExpert(answer, id="a"), standing_in()
    second = replace(b.value, sampling=Sampling(max_tokens=100))
    played = play(lambda run: run.generate(prompt()), with_fallback(a, "b"), second)
    assert played.result is not None
    assert [r.sampling.max_tokens for r in b.requests] == [400]


def test_samples_fall_back_one_by_one() -> None:
    def answer(request: Request) -> str:
        if request.sample_index == 1:
            raise ExpertTimeout("x")
        return f"a {request.sample_index}"

    a, b = ScriptedExpert(answer, id="a", max_n=1), standing_in()
    played = play(lambda run: run.generate(prompt(), n=3), with_fallback(a, "b"), b)
    assert played.result is not None
    assert [(c.text, c.expert) for c in played.result] == [("a 0", "a"), ("b 1", "b"), ("a 2", "a")]
