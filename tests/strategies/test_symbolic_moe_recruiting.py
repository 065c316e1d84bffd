"""Symbolic-MoE: which skills a problem asks for, and whom it recruits for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import ConfigError, ContentFiltered, Message, Problem, Request, WrongKey, asolve
from orchestrator.skills import Tagging, Trimming
from orchestrator.types import packed

from .routing import KNOWN, LEGS, Pool, facts, solved, spec

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


async def test_seldom_recruited_experts_are_left_out_unless_it_is_said(tmp_path: Path) -> None:
    trimmed = replace(KNOWN, trimming=Trimming(0.05, 60, {"e0": 30, "e1": 29, "e2": 1}, ("e2",)))
    out = await solved(Pool(), spec(tmp_path, "draw=top", trimmed))
    assert facts(out)["experts"] == ["e1", "e0"]
    out = await solved(Pool(), spec(tmp_path, "draw=top, trim=false", trimmed))
    assert facts(out)["experts"] == ["e2", "e1", "e0"]


@pytest.mark.parametrize(("temperature", "teams"), [(0.01, {("e2",) * 3}), (1000.0, None)])
async def test_the_lower_the_temperature_of_routing_the_more_goes_to_the_best(
    temperature: float, teams: set[tuple[str, ...]] | None, tmp_path: Path
) -> None:
    named = spec(tmp_path, f"weighting=paper, routing_temperature={temperature}")
    found = {tuple(facts(await solved(Pool(), named, seed=seed))["experts"]) for seed in range(8)}
    assert found == teams if teams else len({name for team in found for name in team}) == 3


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
