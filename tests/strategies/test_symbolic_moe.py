"""Symbolic-MoE: whom it asks, and who writes the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import ConfigError, ContentFiltered, Request, asolve
from orchestrator.evals.sets import open_set
from orchestrator.registry import build
from orchestrator.skills import Aggregation, Tagging, Tally
from orchestrator.strategies.symbolic_moe import SymbolicMoE
from tests.clock import run_virtual

from .golden import calls, emitted
from .routing import KNOWN, Pool, facts, solved, spec


def test_golden_trace(tmp_path: Path) -> None:
    pool = Pool(latency=1.0)
    out, seconds = run_virtual(solved(pool, spec(tmp_path, "draw=top")))
    assert sorted(calls(out)[:5]) == [((0, i), "skills") for i in range(5)]
    assert sorted(calls(out)[5:8]) == [((1, i, 0), "answer") for i in range(3)]
    assert calls(out)[8:] == [((2**31,), "synthesis")]
    assert emitted(out) == [((1, i, 0, 0), "8") for i in range(3)]
    assert (seconds, out.chosen_by, out.answer, out.usage.calls) == (3.0, "synthesis", "8", 9)


# -- consulting and writing ---------------------------------------------------------------


async def test_any_strategy_may_be_what_a_recruit_does(tmp_path: Path) -> None:
    pool = Pool()
    out = await solved(pool, spec(tmp_path, "inner=self_consistency(samples=2), draw=distinct"))
    assert sorted(pool.who("answer")) == ["e0", "e0", "e1", "e1", "e2", "e2"]
    assert len(out.candidates) == 6


async def test_the_writer_of_the_profiles_writes_unless_the_role_is_given(tmp_path: Path) -> None:
    pool = Pool()
    chosen = replace(KNOWN, aggregation=Aggregation({"e0": Tally(9, 1), "e2": Tally(5, 5)}, 10))
    await solved(pool, spec(tmp_path, profiles=chosen))
    await solved(pool, spec(tmp_path, profiles=chosen), roles={"aggregator": pool.another("w")})
    assert pool.who("synthesis") == ["e0", "w"]


async def test_the_writer_writes_with_the_settings_of_the_strategy(tmp_path: Path) -> None:
    pool = Pool()
    await solved(pool, spec(tmp_path, "temperature=0.2, max_tokens=900"))
    (request,) = pool.asked("synthesis")
    assert (request.sampling.temperature, request.sampling.max_tokens) == (0.2, 900)


async def test_where_the_chosen_writer_is_not_here_the_best_of_those_here_writes(tmp_path: Path) -> None:
    pool = Pool(count=2)
    chosen = replace(KNOWN, chosen="e2", aggregation=Aggregation({"e1": Tally(9, 1), "e0": Tally(5, 5)}, 10))
    await solved(pool, spec(tmp_path, profiles=chosen))
    assert pool.who("synthesis") == ["e1"]


async def test_routing_with_a_vote_takes_one_call_less(tmp_path: Path) -> None:
    pool = Pool()
    out = await solved(pool, spec(tmp_path), aggregator="majority")
    assert (out.chosen_by, out.usage.calls, pool.counts) == ("vote", 8, {"skills": 5, "answer": 3})


async def test_a_failed_and_an_unread_recruit_leave_an_answer_and_never_vote(tmp_path: Path) -> None:
    def reply(request: Request) -> str:
        if request.expert == "e0":
            raise ContentFiltered("no line", expert="e0")
        return "N/A" if request.expert == "e1" else "The answer is 8."

    pool = Pool(answer=reply)
    out = await solved(pool, spec(tmp_path, "draw=distinct"), aggregator="majority")
    assert [(s.candidate.expert, s.candidate.answer) for s in out.candidates if s.candidate.key] == [("e2", "8")]
    assert (out.answer, out.confidence, out.usage.refused) == ("8", 1.0, 1)
    assert not any("no line" in m.text for request in pool.requests for m in request.messages)


async def test_all_sentences_of_thinking_stay_out_of_the_synthesis(tmp_path: Path) -> None:
    pool = Pool(answer="<think>Secret doubts.</think>Because of this. The answer is 8.")
    await solved(pool, spec(tmp_path))
    (request,) = pool.asked("synthesis")
    assert "Secret" not in request.messages[-1].text
    assert request.messages[-1].text.count("Because of this.") == 3


# -- determinism and settings -------------------------------------------------------------


async def test_concurrency_changes_nothing(tmp_path: Path) -> None:
    strategy = spec(tmp_path)
    wide, narrow = Pool(), Pool()
    narrow.experts = [replace(expert, concurrency=1) for expert in narrow.experts]
    one, other = await solved(wide, strategy, seed=5), await solved(narrow, strategy, seed=5)
    assert facts(one) == facts(other)
    assert [s.candidate for s in one.candidates] == [s.candidate for s in other.candidates]


async def test_seeds_recruit_anew(tmp_path: Path) -> None:
    strategy = spec(tmp_path)
    teams = {tuple(facts(await solved(Pool(), strategy, seed=seed))["experts"]) for seed in range(12)}
    assert len(teams) > 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("recruits=0", "recruits"),
        ("passes=0", "passes"),
        ("routing_temperature=0", "routing_temperature"),
        ("similarity=2", "similarity"),
        ("profiles='none.json'", "none.json"),
    ],
)
def test_settings_that_cannot_be_are_said(settings: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        build("strategies", f"symbolic_moe({settings})")


def test_fewer_passes_than_must_agree_keep_what_all_of_them_name() -> None:
    assert SymbolicMoE(passes=1)._tagger.tagging == Tagging("passes", 1, 1)


def test_it_tells_what_its_profiles_have_seen(tmp_path: Path) -> None:
    made = build("strategies", spec(tmp_path, profiles=replace(KNOWN, problems={"00ff": ("riddles",)})))
    assert isinstance(made, SymbolicMoE)
    assert (list(made.seen), list(SymbolicMoE().seen)) == (["00ff"], [])
    assert made.aggregator.startswith("profiled_synthesis(")


@pytest.mark.parametrize("how", ["passes", "list"])
async def test_simulated_experts_understand_what_is_asked(how: str) -> None:
    problem = next(iter(open_set("choice"))).problem
    out = await asolve(problem, experts=["sim:all"], strategy=f"symbolic_moe(tagging={how})")
    assert facts(out)["rule"] == "skills"
    assert out.chosen_by == "synthesis"
