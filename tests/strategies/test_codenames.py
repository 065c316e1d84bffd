"""Codenames: who sees what, and what the rules of the game do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator import Budget, ConfigError, Message, Problem, Request, asolve
from orchestrator.answers import codenames
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.codenames import Codenames
from orchestrator.strategies.cot import ChainOfThought
from orchestrator.strategies.self_consistency import SelfConsistency
from orchestrator.strategies.self_refine import SelfRefine
from orchestrator.types import Estimate, Json, Outcome
from tests.clock import run_virtual

from .golden import calls, emitted, lineage_is_sound
from .planning import wide

BOARD: dict[str, Json] = {"board": ["apple", "pear", "river", "New York", "drum"], "targets": ["apple", "pear"]}
GAME = Problem("g", (Message("system", "Be brief."), Message("user", "Spymaster!")), "text", meta={"codenames": BOARD})


def players(
    hint: str = "Fruit.",
    guesses: str | Callable[[Request], str] = "Apple, pear.",
    latency: float = 0.0,
    id: str = "scripted",
) -> ScriptedExpert:
    def reply(request: Request) -> str:
        if "Spymaster!" in request.messages[-1].text:
            return f"Final answer: {hint}"
        return f"Final answer: {guesses if isinstance(guesses, str) else guesses(request)}"

    return ScriptedExpert(reply, id=id, latency=latency, max_n=1)


async def played(expert: ScriptedExpert, spec: str = "codenames(inner=cot)") -> Outcome:
    return await asolve(GAME, experts=[wide(expert)], strategy=spec)


def broken(out: Outcome) -> list[object]:
    return [event.facts["why"] for event in out.trace if event.kind == "against the rules"]


def test_golden_trace() -> None:
    expert = players(latency=1.0)
    out, seconds = run_virtual(asolve(GAME, experts=[wide(expert)], strategy="codenames(inner=cot)"))
    assert calls(out) == [((0, 0), "answer"), ((1, 0), "answer")]
    assert emitted(out) == [((2,), "fruit: apple, pear")]
    assert lineage_is_sound(out, [expert])
    assert (seconds, out.usage.calls, out.stopped_by) == (2.0, 2, "done")
    assert (out.text, out.candidates[0].candidate.expert) == ("Final answer: Apple, pear.", "scripted")


async def test_the_guesser_sees_the_board_and_the_hint_but_no_targets() -> None:
    expert = players()
    await played(expert)
    system, asked = expert.requests[1].messages
    assert system.text == "Be brief."
    assert "apple, pear, river, New York, drum" in asked.text
    assert 'the hint "fruit" for 2 words' in asked.text
    assert "Spymaster" not in asked.text
    assert "targets" not in asked.text


async def test_one_target_is_asked_for_as_one_word() -> None:
    expert = players("drums")
    problem = Problem("g", (Message("user", "Spymaster!"),), "text", meta={"codenames": {**BOARD, "targets": ["drum"]}})
    await asolve(problem, experts=[wide(expert)], strategy="codenames(inner=cot)")
    assert "for one word of the board. Which word is it?" in expert.requests[1].messages[-1].text


@pytest.mark.parametrize(
    ("hint", "why"),
    [
        ("apple", "the hint is on the board"),
        ("APPLE.", "the hint is on the board"),
        ("fruit salad", "the hint is no single word"),
        ("New York", "the hint is no single word"),
        ("...", "the hint is no single word"),
    ],
)
async def test_a_hint_against_the_rules_ends_the_game_without_an_answer(hint: str, why: str) -> None:
    expert = players(hint)
    out = await played(expert)
    assert (out.answer, len(expert.requests), broken(out)) == (None, 1, [why])
    assert len(out.candidates) == 1


async def test_where_rules_are_not_enforced_the_game_goes_on_and_it_is_told() -> None:
    out = await played(players("apple", "apple, pear, drum"), "codenames(inner=cot, enforce=false)")
    assert out.answer == "apple: apple, pear, drum"
    assert broken(out) == ["the hint is on the board", "too many guesses"]


async def test_no_more_guesses_count_than_there_are_targets() -> None:
    out = await played(players(guesses="river, apple, pear, drum"))
    assert (out.answer, broken(out)) == ("fruit: river, apple", ["too many guesses"])


async def test_guesses_in_another_order_are_the_same_answer() -> None:
    expert = players(guesses=lambda request: ("pear, apple", "apple, pear", "drum")[request.sample_index])
    out = await played(expert, "codenames(inner=self_consistency(samples=3))")
    assert (out.answer, out.usage.calls) == ("fruit: pear, apple", 6)


async def test_players_of_several_samples_vote_on_the_hint_first() -> None:
    def reply(request: Request) -> str:
        if "Spymaster!" in request.messages[-1].text:
            return f"Final answer: {('music', 'fruit', 'fruit')[request.sample_index]}"
        return "Final answer: apple, pear"

    out = await played(ScriptedExpert(reply, max_n=1), "codenames(inner=self_consistency(samples=3))")
    assert out.answer == "fruit: apple, pear"


async def test_a_guesser_without_an_answer_leaves_none() -> None:
    out = await played(players(guesses="..."))
    assert out.answer is None


async def test_a_problem_without_a_board_is_refused_with_what_it_needs() -> None:
    problem = Problem("p", (Message("user", "6 times 7?"),), "number")
    with pytest.raises(ConfigError, match=r"codenames needs a board: problem 'p' has no meta\.codenames"):
        await asolve(problem, experts=[wide(players())], strategy="codenames")


def test_estimate() -> None:
    assert Codenames(ChainOfThought()).estimate(GAME, 1) == Estimate(1, 2.0, 2, 2, 1)
    assert Codenames(SelfConsistency(samples=3)).estimate(GAME, 1) == Estimate(3, 6.0, 6, 2, 1)
    assert Codenames().estimate(GAME, 1) == Estimate(1, 2.0, 6, 6, 1)
    assert Codenames(SelfConsistency()).estimate(GAME, 3) == Estimate(3, 6.0, 6, 2, 1)


async def test_players_with_several_experts_take_the_calls_that_are_told() -> None:
    team = [wide(players(id=f"e{i}")) for i in range(3)]
    out = await asolve(GAME, experts=team, strategy="codenames(inner=self_refine(attempts=1))")
    assert out.usage.calls == Codenames(SelfRefine(attempts=1)).estimate(GAME, 3).most == 6


@pytest.mark.parametrize(("cap", "calls"), [(2, 2), (5, 4), (6, 6)])
async def test_several_experts_are_left_out_under_a_cap(cap: int, calls: int) -> None:
    team = [wide(players(id=f"e{i}")) for i in range(3)]
    out = await asolve(GAME, experts=team, strategy="codenames(inner=self_consistency)", budget=Budget(calls=cap))
    assert (out.usage.calls, out.answer) == (calls, "fruit: apple, pear")


@pytest.mark.parametrize(("cap", "calls"), [(2, 2), (5, 4), (6, 6), (99, 20)])
async def test_both_players_think_with_the_largest_form_that_fits_twice(cap: int, calls: int) -> None:
    out = await asolve(
        GAME, experts=[wide(players())], strategy="codenames(inner=self_consistency)", budget=Budget(calls=cap)
    )
    assert (out.usage.calls, out.stopped_by, out.answer) == (calls, "done", "fruit: apple, pear")


async def test_below_two_calls_the_smallest_budget_is_named() -> None:
    out = await asolve(GAME, experts=[wide(players())], strategy="codenames", budget=Budget(calls=1))
    assert (out.stopped_by, out.usage.calls) == ("budget", 0)
    assert "calls=2" in out.reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Apple, pear.", ["apple", "pear"]),
        ("apple and pear", ["apple", "pear"]),
        ("1. apple\n2. New  York", ["apple", "new york"]),
        ("**apple**; \"pear\"", ["apple", "pear"]),
        ("apple, Apple", ["apple"]),
        ("", []),
    ],
)  # fmt: skip
def test_guesses(text: str, words: list[str]) -> None:
    assert codenames.guesses(text) == words
