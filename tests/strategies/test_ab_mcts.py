"""AB-MCTS: answers that grow out of answers, and what scores them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestrator import Budget, Request, asolve
from orchestrator.errors import ConfigError, ContentFiltered
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.registry import build
from orchestrator.strategies.ab_mcts import AbMcts
from orchestrator.types import Candidate, Completion, Estimate, Outcome, Verdict
from orchestrator.types import Problem as Asked
from tests.clock import run_virtual

from .exploring import HAND, SUM
from .golden import batches, emitted, lineage_is_sound
from .judging import last_words
from .planning import asked_for, counts, wide
from .writing import DOUBLE, PUBLIC, RIGHT, SQUARE

Says = Callable[[Request], "str | Completion"]


def climber(latency: float | str = 0.0, seed: int = 0, max_n: int = 128, **says: str | Says) -> ScriptedExpert:
    """Starts between 0 and 4, and refines a number into the next; its judge rates a number by itself, up to 9.

    Args:
        says: by purpose, what is said instead.
    """

    def usual(request: Request) -> str:
        text = last_words(request)
        found = re.search(r"answer is (\d+)", text)
        if request.labels.purpose == "judge":
            return f"Rating: {min(9, int(found[1]))}" if found else "Rating: 0"
        if "An earlier attempt" in text and found:
            return f"The answer is {int(found[1]) + 1}."
        return f"The answer is {request.sample_index % 5}."

    def reply(request: Request) -> str | Completion:
        said = says.get(request.labels.purpose, usual)
        return said if isinstance(said, str) else said(request)

    return ScriptedExpert(reply, latency=latency, seed=seed, max_n=max_n)


def nodes(out: Outcome) -> list[tuple[Any, ...]]:
    """Number, parent, place of the candidate and score of the tree's nodes."""
    found = [event.facts for event in out.trace if event.kind == "node"]
    return sorted((f["number"], f["parent"], f["candidate"], f["score"]) for f in found)


def test_golden_trace() -> None:
    expert = climber(latency=1.0)
    out, seconds = run_virtual(asolve(SUM, experts=[wide(expert)], strategy="ab_mcts(answers=9, batch=3)"))
    assert batches(expert)[0] == [0, 1, 2]
    tree = nodes(out)
    assert [node[:2] for node in tree[:3]] == [(0, None), (1, None), (2, None)]
    assert len(tree) == len(out.candidates) == 9
    assert seconds == 5.0  # three waves of an answer and its rating; those of the last had all been rated
    assert lineage_is_sound(out, [expert])
    parents = {number: parent for number, parent, *_ in tree}
    places = [scored.candidate.id for scored in out.candidates]
    for number, scored in enumerate(out.candidates):
        parent = parents[number]
        assert (parent is not None) == (scored.candidate.parents[0] in places)
        if parent is not None:
            assert scored.candidate.parents[0] == places[parent]
            assert int(scored.candidate.answer or 0) == int(out.candidates[parent].candidate.answer or 0) + 1


@pytest.mark.parametrize("variant", ["a", "m"])
@pytest.mark.parametrize("posterior", ["gaussian", "beta"])
async def test_the_search_goes_deeper_where_refining_pays(variant: str, posterior: str) -> None:
    """Repeated sampling would end at 4."""
    spec = f"ab_mcts(answers=40, variant={variant}, posterior={posterior})"
    out = await asolve(SUM, experts=[climber().value], strategy=spec)
    assert int(out.answer or 0) > 4
    assert (out.chosen_by, len(out.candidates)) == ("score", 40)


async def test_the_best_scored_answer_is_chosen_and_nobody_is_asked_twice() -> None:
    expert = climber()
    out = await asolve(SUM, experts=[expert.value], strategy="ab_mcts(answers=10)")
    assert counts(expert)["answer"] == 10
    assert out.usage.calls == len(expert.requests)
    ratings = [scored.verdict.score for scored in out.candidates if scored.verdict]
    assert out.confidence == max(ratings)


async def test_a_refinement_is_told_the_answer_its_score_and_the_tests_that_fail() -> None:
    def answer(request: Request) -> str:
        told = "assert double(3) == 6" in last_words(request).partition("fails:")[2]
        return f"```python\n{RIGHT if told else SQUARE}```"

    expert = climber(answer=answer)
    out = await asolve(PUBLIC, experts=[expert.value], strategy="ab_mcts(batch=2)")
    asked = next(last_words(request) for request in expert.requests if "An earlier attempt" in last_words(request))
    assert SQUARE.strip() in asked
    assert "reached 0.50" in asked
    assert "It passes 1 of 2 tests." in asked
    assert "The smallest test that fails:\nassert double(3) == 6\n" in asked
    assert asked.endswith("nothing else.")
    assert (out.answer, out.chosen_by) == (RIGHT, "verified")


async def test_the_search_ends_when_an_answer_passes_its_check() -> None:
    expert = climber(answer=lambda r: "Answer: 2 * 3 * 4 = 24" if r.sample_index == 6 else "Answer: 2 + 3 * 4 = 24")
    out = await asolve(HAND, experts=[expert.value], strategy="ab_mcts(answers=60)", verifier="none")
    assert len(out.candidates) < 60
    assert out.candidates[-1].candidate.answer is not None
    assert "2 * 3 * 4" in {scored.candidate.answer for scored in out.candidates[-5:]}


# -- determinism ----------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["a", "m"])
def test_which_reply_comes_first_changes_nothing(variant: str) -> None:
    found = []
    for seed in range(3):
        pool = [climber("exp:1", seed + i) for i in range(2)]
        values = [replace(wide(expert, f"e{i}"), concurrency=1 + 63 * (seed % 2)) for i, expert in enumerate(pool)]
        out, _ = run_virtual(asolve(SUM, experts=values, strategy=f"ab_mcts(answers=30, variant={variant})"))
        found.append((nodes(out), [scored.candidate for scored in out.candidates]))
    assert found[0] == found[1] == found[2]


async def test_another_seed_grows_another_tree() -> None:
    trees = [
        nodes(await asolve(SUM, experts=[climber().value], strategy="ab_mcts(answers=25)", seed=seed))
        for seed in (0, 0, 1)
    ]
    assert trees[0] == trees[1] != trees[2]


async def test_no_two_answers_are_the_same_sample() -> None:
    """Also where two nodes hold equal answers, and so are refined by equal words."""
    expert = climber(answer="The answer is 3.")
    await asolve(SUM, experts=[expert.value], strategy="ab_mcts(answers=30)")
    answers = asked_for(expert, "answer")
    assert len({request.key for request in answers}) == len(answers) == 30


# -- failures -------------------------------------------------------------------------------


async def test_a_lost_call_says_nothing_of_scores() -> None:
    def answer(request: Request) -> str:
        if request.sample_index % 2:
            raise ContentFiltered("filtered out", expert="scripted")
        return "The answer is 5."

    expert = climber(max_n=1, answer=answer)
    out = await asolve(SUM, experts=[expert.value], strategy="ab_mcts(answers=20)")
    tree = nodes(out)
    assert 0 < out.usage.refused == 20 - len(tree)
    assert {node[3] for node in tree} == {0.5}
    assert {node[1] for node in tree} <= {node[0] for node in tree} | {None}


async def test_an_answer_that_cannot_be_read_scores_nothing_and_is_not_refined() -> None:
    expert = climber(answer=lambda r: "Hm." if r.sample_index % 2 else "The answer is 5.")
    out = await asolve(SUM, experts=[expert.value], strategy="ab_mcts(answers=20)")
    unread = {number for number, scored in enumerate(out.candidates) if scored.candidate.key is None}
    tree = nodes(out)
    assert unread
    assert {tree[number][3] for number in unread} == {0.0}
    assert not {node[1] for node in tree} & unread


async def test_an_answer_of_which_nobody_could_tell_says_nothing() -> None:
    expert = climber(judge="Hard to say.")
    out = await asolve(SUM, experts=[expert.value], strategy="ab_mcts(answers=6)")
    assert [node[1:2] + node[3:] for node in nodes(out)] == [(None, None)] * 6
    assert len(out.candidates) == 6


# -- experts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["a", "m"])
@pytest.mark.parametrize("choice", ["thompson", "ucb", "stack"])
async def test_the_better_of_two_experts_writes_more(variant: str, choice: str) -> None:
    good, bad, judge = climber(answer="The answer is 9."), climber(answer="The answer is 1."), climber()
    values = [wide(bad, "bad"), wide(good, "good")]
    spec = f"ab_mcts(answers=40, variant={variant}, choice={choice})"
    out = await asolve(SUM, experts=values, strategy=spec, roles={"judge": wide(judge, "judge")})
    assert counts(good)["answer"] > counts(bad)["answer"] > 0
    assert out.answer == "9"
    assert {scored.candidate.expert for scored in out.candidates} == {"good", "bad"}


# -- settings and budgets -----------------------------------------------------------------------


async def test_a_function_of_ones_own_can_score() -> None:
    async def closeness(problem: Asked, candidate: Candidate, run: object) -> Verdict:
        return Verdict(min(1.0, int(candidate.answer or 0) / 10), None, "closer to 10 is better", "closeness")

    out = await asolve(SUM, experts=[climber().value], strategy=AbMcts(answers=30, scorer=closeness))
    assert int(out.answer or 0) >= 5
    assert out.chosen_by == "score"


async def test_the_pilot_sets_what_is_expected() -> None:
    spec = "ab_mcts(answers=20, prior_mean=pilot)"
    out = await asolve(SUM, experts=[climber().value], strategy=spec)
    plain = await asolve(SUM, experts=[climber().value], strategy="ab_mcts(answers=20)")
    assert nodes(out)[:5] == nodes(plain)[:5]
    assert nodes(out) != nodes(plain)
    as_number = await asolve(SUM, experts=[climber().value], strategy="ab_mcts(answers=20, prior_mean=0.2)")
    assert nodes(out) == nodes(as_number)  # the first five score 0 to 4 tenths


@pytest.mark.parametrize(("batch", "waves"), [(1, 12), (5, 3), (12, 1), (50, 1)])
def test_answers_are_written_side_by_side(batch: int, waves: int) -> None:
    expert = climber(latency=1.0, answer="Answer: 2 + 3 * 4 = 24")
    spec = f"ab_mcts(answers=12, batch={batch})"
    out, seconds = run_virtual(asolve(HAND, experts=[wide(expert)], strategy=spec))
    assert (seconds, out.usage.calls) == (waves, 12)
    assert AbMcts(answers=12, batch=batch).estimate(HAND, 1).depth == waves


@pytest.mark.parametrize(("cap", "answers"), [(3, 1), (8, 2), (30, 10), (1000, 12)])
async def test_ladder(cap: int, answers: int) -> None:
    expert = climber()
    spec = "ab_mcts(answers=12)"
    out = await asolve(SUM, experts=[expert.value], strategy=spec, budget=Budget(calls=cap))
    assert (len(out.candidates), out.stopped_by, out.usage.calls <= cap) == (answers, "done", True)


async def test_below_the_lowest_rung_the_smallest_budget_is_named() -> None:
    out = await asolve(SUM, experts=[climber().value], strategy="ab_mcts", budget=Budget(calls=1))
    assert (out.stopped_by, out.usage.calls) == ("budget", 0)
    assert "calls=3" in out.reason


async def test_what_was_found_is_kept_when_the_budget_ends() -> None:
    out = await asolve(SUM, experts=[climber().value], strategy="ab_mcts(max_tokens=50)", budget=Budget(tokens=6000))
    assert out.stopped_by == "budget"
    assert out.answer is not None


def test_estimate() -> None:
    assert AbMcts().estimate(PUBLIC, 1) == Estimate(5, 128.0, 128, 26, 128)
    assert AbMcts(answers=10, batch=1).estimate(SUM, 1) == Estimate(1, 20.0, 30, 20, 10)
    assert AbMcts(answers=10).estimate(DOUBLE, 1).expected == 20


@pytest.mark.parametrize("setting", ["answers=0", "batch=0", "prior_mean=2", "prior_mean=best", "variant=b"])
def test_settings_out_of_range_are_said(setting: str) -> None:
    with pytest.raises(ConfigError, match=setting.partition("=")[0]):
        build("strategies", f"ab_mcts({setting})")


async def test_sampling() -> None:
    expert = climber()
    await asolve(HAND, experts=[expert.value], strategy="ab_mcts(answers=3, temperature=0.1, max_tokens=60)")
    assert {(r.sampling.temperature, r.sampling.max_tokens) for r in expert.requests} == {(0.1, 60)}


async def test_candidates_keep_the_order_of_the_tree() -> None:
    out = await asolve(SUM, experts=[climber().value], strategy="ab_mcts(answers=8, batch=4)")
    assert [place for place, _ in emitted(out)] == [(wave, i, 0) for wave in range(2) for i in range(4)]
