"""Symbolic-MoE: whom it asks, and who writes the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import Budget, ConfigError, ContentFiltered, Message, Outcome, Problem, Request, WrongKey, asolve
from orchestrator.contest import contestant_for
from orchestrator.evals.sets import open_set
from orchestrator.fitting import estimated
from orchestrator.registry import build
from orchestrator.skills import Aggregation, Tagging, Tally, Trimming
from orchestrator.strategies.symbolic_moe import SymbolicMoE
from orchestrator.types import Estimate, packed
from tests.clock import run_virtual

from .golden import calls, emitted
from .routing import KNOWN, LEGS, Pool, facts, spec


async def solved(pool: Pool, strategy: str, problem: Problem = LEGS, **options: object) -> Outcome:
    return await asolve(problem, experts=pool.experts, strategy=strategy, **options)  # type: ignore[arg-type]


def test_golden_trace(tmp_path: Path) -> None:
    pool = Pool(latency=1.0)
    out, seconds = run_virtual(solved(pool, spec(tmp_path, "draw=top")))
    assert sorted(calls(out)[:5]) == [((0, i), "skills") for i in range(5)]
    assert sorted(calls(out)[5:8]) == [((1, i, 0), "answer") for i in range(3)]
    assert calls(out)[8:] == [((2**31,), "synthesis")]
    assert emitted(out) == [((1, i, 0, 0), "8") for i in range(3)]
    assert (seconds, out.chosen_by, out.answer, out.usage.calls) == (3.0, "synthesis", "8", 9)


# -- skills -------------------------------------------------------------------------------


async def test_skills_are_asked_for_five_times_as_different_samples(tmp_path: Path) -> None:
    pool = Pool()
    await solved(pool, spec(tmp_path))
    asked = pool.asked("skills")
    assert sorted(request.sample_index for request in asked) == [0, 1, 2, 3, 4]
    assert {request.expert for request in asked} == {"e0"}
    assert {(request.sampling.temperature, request.sampling.max_tokens) for request in asked} == {(0.7, 4096)}


async def test_the_role_tagger_names_skills_else_the_tagger_of_the_profiles(tmp_path: Path) -> None:
    pool = Pool()
    by_e2 = replace(KNOWN, tagging=Tagging(tagger="e2"))
    await solved(pool, spec(tmp_path, profiles=by_e2))
    await solved(pool, spec(tmp_path, profiles=by_e2), roles={"tagger": pool.another("t")})
    assert pool.who("skills") == ["e2"] * 5 + ["t"] * 5


async def test_a_keyword_of_a_single_pass_is_not_kept(tmp_path: Path) -> None:
    pool = Pool(skills=lambda r: "Keywords: riddles" if r.sample_index else "Keywords: sums, riddles")
    assert facts(await solved(pool, spec(tmp_path)))["keywords"] == ["riddles"]


async def test_a_lost_or_refused_pass_costs_itself_only(tmp_path: Path) -> None:
    def reply(request: Request) -> str:
        if request.sample_index == 0:
            raise ContentFiltered("no line", expert=request.expert)
        return "I'm sorry, I can't help." if request.sample_index == 1 else "Keywords: riddles"

    pool = Pool(skills=reply)
    out = await solved(pool, spec(tmp_path))
    assert (facts(out)["keywords"], out.stopped_by, out.answer) == (["riddles"], "done", "8")


async def test_one_reply_may_name_all_skills_as_json(tmp_path: Path) -> None:
    pool = Pool(skills='Here: {"skills": ["Riddles", "sums"]}')
    found = facts(await solved(pool, spec(tmp_path, "tagging=list")))
    assert (pool.counts["skills"], found["keywords"]) == (1, ["riddles", "sums"])
    assert pool.asked("skills")[0].response_format is not None


async def test_words_alone_may_tell_the_skills_without_a_call(tmp_path: Path) -> None:
    pool = Pool()
    coins = Problem("c", (Message("user", "A fair coin: what is the probability of heads twice?"),), "number")
    found = facts(await solved(pool, spec(tmp_path, "tagging=text"), coins))
    assert ("skills" in pool.counts, "probability" in found["keywords"]) == (False, True)


async def test_problems_are_tagged_as_those_of_the_profiles_were(tmp_path: Path) -> None:
    pool = Pool()
    await solved(pool, spec(tmp_path, profiles=replace(KNOWN, tagging=Tagging("text"))))
    assert "skills" not in pool.counts


# -- recruiting ---------------------------------------------------------------------------


async def test_recruits_and_the_reasons_for_them_are_in_the_trace(tmp_path: Path) -> None:
    found = facts(await solved(Pool(), spec(tmp_path, "draw=top, recruits=2")))
    assert (found["experts"], found["unique"], found["rule"]) == (["e2", "e1"], 2, "skills")
    assert found["because"] == {"e2": "riddles +8", "e1": "riddles +5"}


async def test_an_expert_that_is_drawn_twice_is_asked_for_two_samples(tmp_path: Path) -> None:
    pool = Pool()
    only_e2 = replace(KNOWN, experts={"e2": KNOWN.experts["e2"]})
    out = await solved(pool, spec(tmp_path, profiles=only_e2))
    assert (facts(out)["unique"], pool.who("answer")) == (1, ["e2"] * 3)
    assert len({request.key for request in pool.asked("answer")}) == 3
    assert out.usage.cached_calls == 0


async def test_all_scores_negative_still_recruits_the_least_bad(tmp_path: Path) -> None:
    pool = Pool(skills="Keywords: sums")
    bad = replace(KNOWN, experts={name: KNOWN.experts[name] for name in ("e1", "e2")})
    found = facts(await solved(pool, spec(tmp_path, "draw=top, recruits=1", bad)))
    assert (found["experts"], found["because"]) == (["e2"], {"e2": "sums -3"})


async def test_without_keywords_recruits_are_drawn_uniformly(tmp_path: Path) -> None:
    pool = Pool(skills=lambda r: f"Keywords: k{r.sample_index}")
    out = await solved(pool, spec(tmp_path))
    assert (facts(out)["rule"], facts(out)["keywords"], out.answer) == ("uniform", [], "8")


async def test_keywords_unlike_every_skill_leave_it_to_overall_strength(tmp_path: Path) -> None:
    pool = Pool(skills="Keywords: zymurgy")
    found = facts(await solved(pool, spec(tmp_path, "draw=top, recruits=1")))
    assert (found["rule"], found["skills"], found["because"]) == ("strength", [], {"e2": "strength +5"})


async def test_worded_otherwise_a_keyword_finds_its_skill_once(tmp_path: Path) -> None:
    pool = Pool(skills="Keywords: riddle, riddles, simple riddle")
    assert facts(await solved(pool, spec(tmp_path)))["skills"] == ["riddles"]
    top1 = facts(await solved(pool, spec(tmp_path, "matching=top1")))
    assert top1["skills"] == ["riddles"] * 3


async def test_an_embedder_may_tell_how_alike_keywords_are(tmp_path: Path) -> None:
    vectors = {"sums": (1.0, 0.0), "riddles": (0.0, 1.0), "addition": (0.9, 0.1)}

    def embedded(request: Request) -> str:
        return packed([vectors[message.text] for message in request.messages])

    pool = Pool(skills="Keywords: addition", embed=embedded)
    found = facts(await solved(pool, spec(tmp_path), roles={"embedder": pool.another("v")}))
    assert found["skills"] == ["sums"]
    assert pool.counts["embed"] == 1


async def test_an_embedder_that_fails_leaves_the_letters(tmp_path: Path) -> None:
    pool = Pool(skills="Keywords: riddling", embed="I cannot embed.")
    out = await solved(pool, spec(tmp_path), roles={"embedder": pool.another("v")})
    assert (facts(out)["skills"], out.answer) == (["riddles"], "8")


async def test_an_embedder_that_is_lost_for_good_ends_the_problem(tmp_path: Path) -> None:
    def refused(_: Request) -> str:
        raise WrongKey("401")

    pool = Pool(skills="Keywords: riddling", embed=refused)
    out = await solved(pool, spec(tmp_path), roles={"embedder": pool.another("v")})
    assert (out.stopped_by, pool.asked("answer")) == ("failed", [])


@pytest.mark.parametrize("cap", range(4, 12))
async def test_calls_to_an_embedder_have_room_under_a_cap(cap: int, tmp_path: Path) -> None:
    pool = Pool(skills="Keywords: addition", embed=lambda r: packed([(1.0, 0.0) for _ in r.messages]))
    out = await solved(pool, spec(tmp_path), roles={"embedder": pool.another("v")}, budget=Budget(calls=cap))
    assert (out.stopped_by, out.answer, pool.counts["embed"]) == ("done", "8", 1)
    assert out.usage.calls <= cap


async def test_seldom_recruited_experts_are_left_out_unless_it_is_said(tmp_path: Path) -> None:
    trimmed = replace(KNOWN, trimming=Trimming(0.05, 60, {"e0": 30, "e1": 29, "e2": 1}, ("e2",)))
    out = await solved(Pool(), spec(tmp_path, "draw=top", trimmed))
    assert facts(out)["experts"] == ["e1", "e0"]
    out = await solved(Pool(), spec(tmp_path, "draw=top, trim=false", trimmed))
    assert facts(out)["experts"] == ["e2", "e1", "e0"]


async def test_experts_that_the_profiles_do_not_know_are_not_recruited(tmp_path: Path) -> None:
    pool = Pool(count=5)
    found = facts(await solved(pool, spec(tmp_path, "draw=top, recruits=5")))
    assert found["experts"] == ["e2", "e1", "e0"]


async def test_profiles_that_know_none_of_the_experts_are_said(tmp_path: Path) -> None:
    pool = Pool()
    strangers = [pool.another("x")]
    with pytest.raises(ConfigError, match=r"know none of the experts; they know: e0, e1, e2"):
        await asolve(LEGS, experts=strangers, strategy=spec(tmp_path))


async def test_without_profiles_declared_skills_decide() -> None:
    pool = Pool(count=1)
    experts = [*pool.experts, pool.another("a", skills=("Riddles",)), pool.another("b", skills=("law",))]
    out = await asolve(LEGS, experts=experts, strategy="symbolic_moe")
    assert (facts(out)["experts"], facts(out)["because"]) == (["a"] * 3, {"a": "riddles +1"})


async def test_with_nothing_to_go_by_nobody_is_asked_for_skills() -> None:
    pool = Pool()
    out = await solved(pool, "symbolic_moe")
    assert (pool.counts, facts(out)["rule"]) == ({"answer": 3, "synthesis": 1}, "uniform")


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


# -- budgets and determinism --------------------------------------------------------------


def test_estimate(tmp_path: Path) -> None:
    made = build("strategies", spec(tmp_path))
    assert isinstance(made, SymbolicMoE)
    assert made.estimate(LEGS, 3) == Estimate(8, 8.0, 8, 2, candidates=3)
    whole = estimated(contestant_for(LEGS, made, None, None), LEGS, 3)
    assert whole is not None
    assert (whole.expected, whole.depth) == (9, 3)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("tagging=list", Estimate(4, 4.0, 4, 2, 3)),
        ("tagging=text", Estimate(3, 3.0, 3, 1, 3)),
        ("draw=distinct, recruits=9", Estimate(8, 8.0, 8, 2, 3)),
        ("inner=self_consistency(samples=4)", Estimate(17, 17.0, 17, 2, 12)),
        ("inner=ideasearch(samples=2), recruits=2", Estimate(13, 13.0, 13, 3, 4)),
    ],
)
def test_estimate_follows_the_settings(settings: str, told: Estimate, tmp_path: Path) -> None:
    made = build("strategies", spec(tmp_path, settings))
    assert isinstance(made, SymbolicMoE)
    assert made.estimate(LEGS, 3) == told


@pytest.mark.parametrize(("pool", "asked"), [(3, 2), (2, 1)], ids=str)
async def test_estimate_knows_of_teams_that_lack_those_who_are_left_out(pool: int, asked: int, tmp_path: Path) -> None:
    trimming = Trimming(0.05, 30, {"e0": 0, "e1": 15, "e2": 15}, ("e0",))
    named = spec(tmp_path, "draw=distinct, tagging=text", profiles=replace(KNOWN, trimming=trimming))
    told = estimated(contestant_for(LEGS, named, None, None), LEGS, pool)
    out = await solved(Pool(pool), named)
    assert told is not None
    assert len(out.candidates) == asked
    assert told.least <= out.usage.calls <= told.most
    assert told.expected == min(pool, 2) + 1


def test_without_profiles_it_may_come_without_naming_skills() -> None:
    assert SymbolicMoE().estimate(LEGS, 3) == Estimate(3, 8.0, 8, 2, candidates=3)


@pytest.mark.parametrize(
    ("cap", "made"),
    [
        (1, {"answer": 1}),
        (2, {"skills": 1, "answer": 1}),
        (3, {"skills": 1, "answer": 1}),
        (4, {"skills": 1, "answer": 2, "synthesis": 1}),
        (5, {"skills": 1, "answer": 3, "synthesis": 1}),
        (8, {"skills": 1, "answer": 3, "synthesis": 1}),
        (9, {"skills": 5, "answer": 3, "synthesis": 1}),
    ],
)
async def test_ladder(cap: int, made: dict[str, int], tmp_path: Path) -> None:
    pool = Pool()
    out = await solved(pool, spec(tmp_path), budget=Budget(calls=cap))
    assert (pool.counts, out.stopped_by, out.answer) == (made, "done", "8")


async def test_an_inner_strategy_gets_smaller_before_recruits_get_fewer(tmp_path: Path) -> None:
    pool = Pool()
    inner = spec(tmp_path, "inner=self_consistency(samples=5)")
    out = await solved(pool, inner, budget=Budget(calls=8))
    assert (pool.counts, out.stopped_by) == ({"skills": 1, "answer": 6, "synthesis": 1}, "done")


async def test_a_cap_on_tokens_is_not_cut_into_shares_smaller_than_a_call(tmp_path: Path) -> None:
    out = await solved(Pool(), spec(tmp_path, "inner=self_consistency(samples=2)"), budget=Budget(tokens=5000))
    assert (out.answer, len(out.candidates) > 1) == ("8", True)


async def test_below_the_lowest_rung_the_smallest_budget_is_named(tmp_path: Path) -> None:
    out = await solved(Pool(), spec(tmp_path, "inner=ideasearch(samples=2)"), budget=Budget(calls=1))
    assert (out.stopped_by, "calls=2" in out.reason) == ("budget", True)


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
