"""Symbolic-MoE: how its profiles are made out of problems with known answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import (
    Budget,
    BudgetExceeded,
    ConfigError,
    ContentFiltered,
    Lesson,
    Message,
    NotRecorded,
    Orchestrator,
    Problem,
    Request,
)
from orchestrator.skills import ExpertProfile, SkillProfiles, Tagging, Tally, parse_profiles
from orchestrator.strategies.symbolic_moe import SymbolicMoE
from orchestrator.types import Expert
from tests.clock import run_virtual
from tests.skills.making import written

from .routing import Pool, spec


def lesson(a: int, b: int, kind: str = "sum") -> Lesson:
    words = f"What is the {kind} of {a} and {b}?"
    return Lesson(Problem(f"{kind}{a}{b}", (Message("user", words),), "number"), str(a + b if kind == "sum" else a * b))


LESSONS = [lesson(1, 2), lesson(3, 4), lesson(5, 6), lesson(2, 3, "product"), lesson(4, 5, "product")]


def solve(request: Request) -> str:
    """e0 adds whatever is asked, e1 multiplies, e2 knows both, e3 neither."""
    kind, a, b = re.findall(r"the (\w+) of (\d+) and (\d+)", request.messages[-1].text)[0]
    added, product = int(a) + int(b), int(a) * int(b)
    right = {"e0": added, "e1": product, "e2": added if kind == "sum" else product, "e3": 0}[request.expert]
    return f"{request.expert} works. The answer is {right}."


def tags(request: Request) -> str:
    return "Keywords: addition, numbers" if "sum" in request.messages[-1].text else "Keywords: products, numbers"


def pool(count: int = 4, **says: object) -> Pool:
    given = {"skills": tags, "answer": solve, "synthesis": solve, **says}
    return Pool(count, **given)  # type: ignore[arg-type]


async def prepared(
    asked: Pool, lessons: Sequence[Lesson] = LESSONS, strategy: str = "symbolic_moe", **options: object
) -> SkillProfiles:
    async with Orchestrator(experts=asked.experts) as orchestrator:
        return parse_profiles(await orchestrator.prepare(strategy, lessons, **options), "made")  # type: ignore[arg-type]


async def test_every_expert_answers_every_question_once_and_is_counted_by_skill() -> None:
    asked = pool()
    found = await prepared(asked)
    assert (asked.counts["skills"], asked.counts["answer"]) == (25, 20)
    assert found.experts["e0"] == ExpertProfile(
        Tally(3, 2), {"addition": Tally(3, 0), "numbers": Tally(3, 2), "products": Tally(0, 2)}
    )
    assert found.ratings.strengths == {"e0": 2, "e1": -2, "e2": 10, "e3": -10}
    assert {(r.sampling.temperature, r.sampling.max_tokens) for r in asked.asked("answer")} == {(0.7, 4096)}


async def test_the_file_knows_its_questions_tagger_and_way_of_tagging() -> None:
    found = await prepared(pool())
    assert found.tagging == Tagging("passes", 5, 2, "e0")
    assert found.problems == {
        one.mark: (("addition" if "sum" in one.problem.id else "products"), "numbers") for one in LESSONS
    }


def test_skills_and_answers_are_asked_for_together_and_then_who_writes() -> None:
    asked = pool()
    asked.experts = [asked._expert(f"e{i}", 1.0) for i in range(4)]
    _, seconds = run_virtual(prepared(asked))
    assert seconds == 2.0


async def test_a_right_and_two_wrong_answers_show_who_writes_best() -> None:
    asked = pool(synthesis=lambda r: solve(r) if r.expert != "e2" else "Whatever. The answer is 0.")
    found = await prepared(asked)
    assert (found.aggregation.rows, found.aggregation.skipped) == (5, 0)
    assert found.aggregation.scores == {"e0": Tally(3, 2), "e1": Tally(2, 3), "e2": Tally(0, 5), "e3": Tally(0, 5)}
    assert found.writer() == "e0"
    shown = {tuple(sorted(re.findall(r"(e\d) works", r.messages[-1].text))) for r in asked.asked("synthesis")}
    assert all(len(each) == len(set(each)) == 3 for each in shown)


async def test_questions_without_a_right_or_two_wrong_answers_are_skipped_and_counted() -> None:
    def reply(request: Request) -> str:
        if "1 and 2" in request.messages[-1].text:
            return "The answer is 99."  # nobody is right
        if "3 and 4" in request.messages[-1].text:
            return "I cannot tell." if request.expert == "e3" else "The answer is 7."  # an unread one is no chain
        return solve(request)

    asked = pool(answer=reply)
    found = await prepared(asked)
    assert (found.aggregation.rows, found.aggregation.skipped) == (3, 2)
    for request in asked.asked("synthesis"):
        assert len(re.findall(r"Candidate \d:\n```\n\S", request.messages[-1].text)) == 3


async def test_rows_are_asked_for_in_the_form_of_their_kind_and_graded_like_any_answer() -> None:
    asked = pool(synthesis=lambda r: f"{solve(r)[:-1]}.0 altogether.")
    found = await prepared(asked)
    assert found.aggregation.scores["e2"] == Tally(5, 0)  # 3.0 is 3
    assert all("The answer is N" in r.messages[-1].text for r in asked.asked("synthesis"))


async def test_the_question_stands_where_it_stands_when_problems_are_solved(tmp_path: Path) -> None:
    def form(request: Request) -> str:
        return re.sub(r"```.*?```", "", re.sub(r"\d+|sum|product", "", request.messages[-1].text), flags=re.DOTALL)

    asked = pool()
    profiles = await prepared(asked)
    tried = {form(request) for request in asked.asked("synthesis")}
    solving = pool()
    async with Orchestrator(experts=solving.experts) as orchestrator:
        await orchestrator.solve(LESSONS[0].problem, strategy=spec(tmp_path, "draw=distinct", profiles))
    assert {form(request) for request in solving.asked("synthesis")} == tried


async def test_what_a_writer_writes_and_cannot_be_read_is_wrong() -> None:
    found = await prepared(pool(synthesis=lambda r: "Hm." if r.expert == "e2" else solve(r)))
    assert found.aggregation.scores["e2"] == Tally(0, 5)


async def test_recorded_experts_that_cannot_write_have_no_score() -> None:
    def reply(request: Request) -> str:
        raise NotRecorded("no sample", expert=request.expert)

    found = await prepared(pool(synthesis=reply))
    assert (found.aggregation.scores, found.writer()) == ({}, "e2")


async def test_a_pool_of_two_has_nothing_to_try_writers_on() -> None:
    asked = pool(2)
    found = await prepared(asked)
    assert ("synthesis" in asked.counts, found.aggregation.skipped) == (False, 5)


async def test_seldom_recruited_experts_are_told_in_the_file() -> None:
    found = await prepared(pool(), strategy="symbolic_moe(recruits=4)")
    assert found.trimming is not None
    assert (found.trimming.slots, sum(found.trimming.counts.values())) == (20, 20)
    assert "e3" in found.trimming.removed


async def test_a_lost_reply_counts_neither_way() -> None:
    def reply(request: Request) -> str:
        if request.expert == "e0" and "1 and 2" in request.messages[-1].text:
            raise ContentFiltered("no", expert="e0")
        return solve(request)

    found = await prepared(pool(answer=reply))
    assert (found.experts["e0"].lost, found.experts["e0"].total) == (1, Tally(2, 2))


async def test_the_order_of_the_questions_changes_nothing() -> None:
    assert await prepared(pool()) == await prepared(pool(), list(reversed(LESSONS)))


async def test_the_order_of_replies_changes_nothing() -> None:
    async def slowly(request: Request) -> str:
        await asyncio.sleep(int(request.key.hex()[:2], 16) / 2_000)
        return solve(request)

    assert await prepared(pool(answer=slowly)) == await prepared(pool())


async def test_a_question_that_comes_twice_is_asked_once() -> None:
    again = replace(LESSONS[0].problem, id="copy", messages=(Message("user", "what is the SUM of 1 and 2 ?"),))
    asked = pool()
    found = await prepared(asked, [*LESSONS, Lesson(again, "3")])
    assert (len(found.problems), asked.counts["answer"]) == (5, 20)


async def test_profiles_that_are_given_are_added_to(tmp_path: Path) -> None:
    first = await prepared(pool(), LESSONS[:2])
    asked = pool()
    both = await prepared(asked, LESSONS, spec(tmp_path, profiles=first))
    assert (asked.counts["skills"], asked.counts["answer"]) == (15, 12)
    whole = await prepared(pool())
    assert both.experts == whole.experts
    assert both.aggregation == whole.aggregation
    assert both.problems == whole.problems


async def test_profiles_that_know_all_the_questions_are_said(tmp_path: Path) -> None:
    known = await prepared(pool())
    with pytest.raises(ConfigError, match="all 5 problems are in the profiles already"):
        await prepared(pool(), LESSONS, spec(tmp_path, profiles=known))


async def test_profiles_are_added_to_by_all_of_their_experts(tmp_path: Path) -> None:
    known = await prepared(pool(), LESSONS[:2])
    with pytest.raises(ConfigError, match="lacks e3"):
        await prepared(pool(3), LESSONS, spec(tmp_path, profiles=known))
    with pytest.raises(ConfigError, match="has e4 besides"):
        await prepared(pool(5), LESSONS, spec(tmp_path, profiles=known))


async def test_profiles_are_added_to_in_their_own_way_of_tagging(tmp_path: Path) -> None:
    known = await prepared(pool(), LESSONS[:2])
    with pytest.raises(ConfigError, match="tagged by passes"):
        await prepared(pool(), LESSONS, spec(tmp_path, "tagging=text", known))


async def test_words_alone_may_tag() -> None:
    asked = pool()
    found = await prepared(asked, strategy="symbolic_moe(tagging=text)")
    assert ("skills" in asked.counts, found.tagging) == (False, Tagging("text", 5, 2, None))
    assert "arithmetic" in found.ratings.skills


async def test_no_skill_at_all_is_said_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"e0 named no skills for any of 5 problems.*tagging=text"):
        await prepared(pool(skills="I'm sorry, I can't do that."))


async def test_the_role_tagger_names_the_skills() -> None:
    asked = pool()
    roles: dict[str, str | Expert] = {"tagger": asked.another("t")}
    found = await prepared(asked, roles=roles)
    assert (set(asked.who("skills")), found.tagging.tagger) == ({"t"}, "t")


async def test_a_cap_ends_it() -> None:
    with pytest.raises(BudgetExceeded):
        await prepared(pool(), budget=Budget(calls=30))


async def test_an_expert_that_fails_throughout_is_said() -> None:
    def reply(request: Request) -> str:
        if request.expert == "e1":
            raise ContentFiltered("refused", expert="e1")
        return solve(request)

    with pytest.raises(ContentFiltered, match="refused"):
        await prepared(pool(answer=reply))


def test_what_it_takes_is_told_beforehand(tmp_path: Path) -> None:
    told = SymbolicMoE().preparation(lessons=5, experts=4)
    assert (told.least, told.most, told.depth) == (45, 65, 2)
    of_two = SymbolicMoE(tagging="text").preparation(5, 2)
    assert (of_two.least, of_two.most, of_two.depth) == (10, 10, 1)
    file = written(SkillProfiles({"e0": ExpertProfile()}), tmp_path)
    assert SymbolicMoE(profiles=file).preparation(5, 1).least == 0


async def test_it_takes_as_many_calls_as_told() -> None:
    asked = pool()
    await prepared(asked)
    told = SymbolicMoE().preparation(len(LESSONS), 4)
    assert told.least <= len(asked.requests) == told.most
