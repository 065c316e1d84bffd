"""Tree of Thoughts: states, opinions, what is kept, and what comes of it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from orchestrator import Message, Problem, Request, asolve
from orchestrator.errors import ConfigError, ContentFiltered
from orchestrator.registry import build
from orchestrator.strategies.tot import TreeOfThoughts, drawn
from orchestrator.types import Estimate, Expert
from tests.clock import run_virtual

from .exploring import ESSAY, HAND, SUM, TASK, left_in, looking_ahead, player
from .golden import calls, emitted, lineage_is_sound
from .judging import last_words
from .planning import asked_for, counts, wide


def test_golden_trace() -> None:
    expert = player(latency=1.0, value=looking_ahead)
    spec = "tot(keep=2, thoughts=3, opinions=2)"
    out, seconds = run_virtual(asolve(HAND, experts=[wide(expert)], strategy=spec))
    purposes = [(place, purpose) for place, purpose in calls(out)]
    assert purposes[0] == ((0, 0), "propose")
    assert sorted(purposes[1:7]) == [((1, i), "value") for i in range(6)]
    assert sorted(purposes[7:9]) == [((2, 0), "propose"), ((2, 1), "propose")]
    # One number is left then: nobody is asked what it is worth.
    assert sorted(purposes[9:11]) == [((4, 0), "answer"), ((4, 1), "answer")]
    assert sorted(purposes[11:]) == [((5, i), "value") for i in range(4)]
    assert emitted(out) == [((6,), "2 * 3 * 4"), ((7,), "2 + 3 * 4")]
    assert lineage_is_sound(out, [expert])
    assert (seconds, out.answer, out.chosen_by) == (5.0, "2 * 3 * 4", "verified")


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_depth_is_two_replies_a_step(steps: int) -> None:
    expert = player(latency=1.0)
    out, seconds = run_virtual(asolve(ESSAY, experts=[wide(expert)], strategy=f"tot(steps={steps})"))
    form = TreeOfThoughts(steps=steps).estimate(ESSAY, 1)
    assert (seconds, out.usage.calls) == (2.0 * steps, 10 * steps)
    assert (form.depth, form.expected) == (2 * steps, 10 * steps)


def test_the_settings_of_the_paper_by_kind() -> None:
    four = Problem("g", (Message("user", "4 7 8 8"),), "game24")
    assert TreeOfThoughts().estimate(four, 1) == Estimate(2, 175.0, 175, 7, candidates=5)
    assert TreeOfThoughts().estimate(ESSAY, 1) == Estimate(10, 20.0, 20, 4, candidates=1)
    # Opinions are as many as the way that they are had in takes, whatever the kind.
    assert TreeOfThoughts(evaluate="value").estimate(ESSAY, 1).expected == 5 + 3 * 5 + 5 + 3 * 5
    assert TreeOfThoughts(evaluate="vote", steps=2).estimate(four, 1).expected == 1 + 5 + 5 + 5


async def test_the_best_valued_answer_comes_first_and_the_checker_picks_another() -> None:
    """Top-1 and verified-of-b are two figures: lineage order is the order of value."""
    expert = player(value=lambda r: "sure" if "2 + 3 * 4" in last_words(r) else "likely")
    out = await asolve(HAND, experts=[expert.value], strategy="tot(keep=9)", verifier="none")
    assert [answer for _, answer in emitted(out)] == ["2 + 3 * 4", "2 * 3 * 4"]
    assert out.answer == "2 + 3 * 4"
    checked = await asolve(HAND, experts=[expert.value], strategy="tot(keep=9)")
    assert (checked.answer, checked.chosen_by) == ("2 * 3 * 4", "verified")


async def test_a_reply_without_a_label_is_worth_nothing_and_not_asked_again() -> None:
    expert = player(value="Hard to say.")
    out = await asolve(HAND, experts=[expert.value], strategy="tot(opinions=1)", verifier="none")
    assert counts(expert)["value"] == 3 + 2
    assert len(out.candidates) == 2


async def test_of_a_proposal_the_first_few_steps_count() -> None:
    expert = player()
    await asolve(HAND, experts=[expert.value], strategy="tot(thoughts=2, opinions=1)")
    assert [left_in(request) for request in asked_for(expert, "value")][:3] == ["4 5", "4 6", ""]


async def test_equal_states_are_valued_once() -> None:
    """Both first steps of the two fours leave 4 4 6 and are one state from there on."""
    problem = Problem("g4", (Message("user", "Use 2 4 4 6 to make 24."),), "game24")
    expert = player(propose=lambda r: "4 + 2 = 6\n2 + 4 = 6\n4 - 2 = 2" if left_in(r) == "2 4 4 6" else "4 + 6 = 10")
    await asolve(problem, experts=[expert.value], strategy="tot(opinions=1)")
    valued = [left_in(request) for request in asked_for(expert, "value") if left_in(request)]
    assert valued[:2] == ["4 6 6", "2 4 6"]
    assert len(valued) == len(set(valued))


# -- selection ------------------------------------------------------------------------------


def test_drawing_takes_each_once_and_stands_values_of_zero() -> None:
    assert len(drawn([0.0, 0.0, 0.0], 2, random.Random(1))) == 2
    assert len(set(drawn([0.0, 0.0, 0.0], 3, random.Random(1)))) == 3
    assert drawn([0.0, 5.0, 0.0], 1, random.Random(1)) == [1]
    firsts = [drawn([3.0, 1.0], 1, random.Random(seed))[0] for seed in range(400)]
    assert firsts.count(0) == pytest.approx(300, abs=40)


@pytest.mark.parametrize("labelled", [True, False], ids=["valued", "worth nothing"])
async def test_states_can_be_drawn_in_proportion_to_their_values(labelled: bool) -> None:
    async def kept(seed: int) -> str:
        expert = player(value=looking_ahead if labelled else "No label here.")
        spec = "tot(select=sample, keep=1, opinions=1)"
        out = await asolve(HAND, experts=[expert.value], strategy=spec, verifier="none", seed=seed)
        assert (len(out.candidates), out.stopped_by) == (1, "done")
        return left_in(asked_for(expert, "propose")[1])

    drawn = [await kept(seed) for seed in range(12)]
    assert drawn == [await kept(seed) for seed in range(12)]
    # One state is sure, one likely and one impossible: 20 to 1 to 0.001.
    assert drawn.count("4 6") >= 10 if labelled else set(drawn) == {"4 5", "4 6", "2 3"}


async def test_of_the_states_that_were_drawn_the_best_go_on_first() -> None:
    likely = {"2 3": 3, "4 6": 2, "4 5": 1}

    def value(request: Request) -> str:
        return "likely" if request.sample_index < likely.get(left_in(request), 0) else "Hard to say."

    for seed in range(8):
        expert = player(value=value)
        await asolve(HAND, experts=[expert.value], strategy="tot(select=sample, keep=2)", verifier="none", seed=seed)
        first, second = (left_in(request) for request in asked_for(expert, "propose")[1:3])
        assert likely[first] > likely[second]


# -- other kinds ----------------------------------------------------------------------------


async def test_votes_choose_the_plan_and_then_the_passage() -> None:
    def vote(request: Request) -> str:
        return "The best choice is 4." if "Plan 3" in last_words(request) else "The best choice is 2."

    expert = player(vote=vote, answer=lambda r: f"Final answer: passage {r.sample_index}")
    out = await asolve(ESSAY, experts=[expert.value], strategy="tot")
    assert counts(expert) == {"think": 5, "vote": 10, "answer": 5}
    assert {("Plan 3 of this." in last_words(request)) for request in asked_for(expert, "answer")} == {True}
    assert out.answer == "passage 1"
    assert len(out.candidates) == 1


async def test_of_programs_the_states_are_plans() -> None:
    expert = player()
    out = await asolve(TASK, experts=[expert.value], strategy="tot(thoughts=2, opinions=1)")
    assert "Do not write code yet" in last_words(asked_for(expert, "think")[0])
    assert "Write the program by this plan:\n\nPlan 0 of this." in last_words(asked_for(expert, "answer")[0])
    assert out.answer == "x = 0\n"


async def test_public_tests_choose_among_the_programs_that_were_kept() -> None:
    problem = Problem("c", (Message("user", "Write f."),), "code", public_tests=("assert x == 1",))
    out = await asolve(problem, experts=[player().value], strategy="tot(thoughts=2, keep=2, opinions=1)")
    assert (out.answer, out.chosen_by) == ("x = 1\n", "verified")


async def test_proposals_can_also_carry_other_kinds() -> None:
    expert = player(propose="1. Take six sevens.\n2. Add sevens.", value="likely", answer="The answer is 42.")
    out = await asolve(SUM, experts=[expert.value], strategy="tot(steps=3, generate=propose, evaluate=value, keep=2)")
    assert out.answer == "42"
    assert "- Take six sevens.\n- Add sevens." in last_words(asked_for(expert, "answer")[1])


async def test_a_game_of_24_can_also_be_planned_and_voted_on() -> None:
    expert = player()
    out = await asolve(HAND, experts=[expert.value], strategy="tot(generate=sample, evaluate=vote, steps=2)")
    assert counts(expert)["think"] == 8
    assert "Plan 0 of this." in last_words(asked_for(expert, "answer")[0])
    assert len(out.candidates) == 1


async def test_a_game_of_24_whose_numbers_nobody_finds_is_searched_as_text() -> None:
    problem = Problem("g0", (Message("user", "Make 24 of the numbers on the card."),), "game24")
    expert = player(propose="Add them.\nMultiply them.", answer="Answer: 4 * 6 = 24")
    out = await asolve(problem, experts=[expert.value], strategy="tot(steps=2, opinions=1)", verifier="none")
    assert counts(expert) == {"propose": 1, "value": 2, "answer": 2}
    assert out.answer == "4 * 6"


async def test_an_answer_that_cannot_be_read_stands_in_no_vote() -> None:
    def answer(request: Request) -> str:
        return "No idea." if request.sample_index < 2 else f"The answer is {request.sample_index}."

    expert = player(answer=answer)
    out = await asolve(SUM, experts=[expert.value], strategy="tot")
    assert out.answer == "2"
    assert not any("No idea" in last_words(request) for request in asked_for(expert, "vote"))


async def test_without_any_answer_that_can_be_read_one_abstains() -> None:
    out = await asolve(SUM, experts=[player(answer="No idea.").value], strategy="tot")
    assert (out.answer, len(out.candidates)) == (None, 1)


# -- failures -------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["", "I'm sorry, I can't help with that.", "There is nothing to be done."])
async def test_a_model_without_next_steps_still_answers(said: str) -> None:
    expert = player(propose=said)
    out = await asolve(HAND, experts=[expert.value], strategy="tot")
    assert (counts(expert), out.answer) == ({"propose": 1, "answer": 1}, "2 + 3 * 4")


async def test_a_lost_call_costs_its_branch_and_its_text_reaches_nobody() -> None:
    def propose(request: Request) -> str:
        if left_in(request) == "4 5":
            raise ContentFiltered("no answer for a long time", expert="scripted")
        return {"2 3 4": "2 + 3 = 5\n2 * 3 = 6"}.get(left_in(request), "4 * 6 = 24")

    expert = player(propose=propose)
    out = await asolve(HAND, experts=[expert.value], strategy="tot")
    assert (out.answer, out.usage.refused > 0) == ("2 * 3 * 4", True)
    assert not any("long time" in message.text for request in expert.requests for message in request.messages)


async def test_a_lost_value_leaves_its_state_behind_the_others() -> None:
    def value(request: Request) -> str:
        if left_in(request) == "4 5":
            raise ContentFiltered("no answer", expert="scripted")
        return "likely"

    out = await asolve(HAND, experts=[player(value=value).value], strategy="tot(keep=2, opinions=1)")
    (first, *_) = [event.facts["values"] for event in out.trace if event.kind == "states"]
    assert first == [0.0, 1.0, 1.0]


# -- experts, budgets -------------------------------------------------------------------------


async def test_several_experts_are_dealt_to_in_turn() -> None:
    pool = [player(), player()]
    await asolve(ESSAY, experts=[wide(expert, f"e{i}") for i, expert in enumerate(pool)], strategy="tot")
    assert [counts(expert) for expert in pool] == [
        {"think": 3, "vote": 6, "answer": 3},
        {"think": 2, "vote": 4, "answer": 2},
    ]


async def test_every_state_is_valued_by_the_same_experts() -> None:
    """A mild judge and a strict one: by turns they would decide which state is the better one."""
    mild, strict = player(value="sure"), player(value="impossible")
    values = [wide(mild, "mild"), wide(strict, "strict")]
    out = await asolve(HAND, experts=values, strategy="tot(opinions=2)", verifier="none")
    assert next(event.facts["values"] for event in out.trace if event.kind == "states") == [20.001] * 3
    assert counts(mild)["value"] == counts(strict)["value"]


async def test_roles_think_and_judge() -> None:
    main, idea, judge = player(), player(), player()
    roles: dict[str, str | Expert] = {"idea": wide(idea, "idea"), "judge": wide(judge, "judge")}
    out = await asolve(ESSAY, experts=[wide(main)], roles=roles, strategy="tot")
    assert [counts(expert) for expert in (idea, judge, main)] == [{"think": 5}, {"vote": 10}, {"answer": 5}]
    assert len({request.key for request in (*idea.requests, *judge.requests)}) == 15
    assert out.answer is not None


async def test_roles_propose_and_value() -> None:
    main, idea, judge = player(), player(), player()
    roles: dict[str, str | Expert] = {"idea": wide(idea, "idea"), "judge": wide(judge, "judge")}
    await asolve(HAND, experts=[wide(main)], roles=roles, strategy="tot(opinions=1)", verifier="none")
    assert [set(counts(expert)) for expert in (idea, judge, main)] == [{"propose"}, {"value"}, {"answer"}]


def test_concurrency_changes_nothing() -> None:
    found = []
    for width in (1, 64):
        expert = player("exp:1", value=looking_ahead)
        value = replace(expert.value, concurrency=width)
        out, _ = run_virtual(asolve(HAND, experts=[value], strategy="tot(select=sample, keep=2)", verifier="none"))
        found.append([scored.candidate for scored in out.candidates])
    assert found[0] == found[1] != []


async def test_the_settings_temperature_and_cap_go_with_every_call() -> None:
    expert = player()
    await asolve(ESSAY, experts=[expert.value], strategy="tot(temperature=0.2, max_tokens=50)")
    assert {(r.sampling.temperature, r.sampling.max_tokens) for r in expert.requests} == {(0.2, 50)}


@pytest.mark.parametrize("name", ["steps", "keep", "thoughts", "opinions"])
def test_numbers_count_from_1(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} counts from 1"):
        build("strategies", f"tot({name}=0)")
