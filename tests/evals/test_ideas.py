"""How much programs differ in idea, as a model judges them pair by pair."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from orchestrator.errors import BadCompletion, NotRecorded
from orchestrator.evals.ideas import IdeaDiversity, Ideas, Pool, judgement_in, mean_of
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.types import Estimate, Message, Problem, Request
from tests.run.stage import Played, play

TASK = Problem("p", (Message("user", "Sort the list."),), "code")
PAIR = re.compile(r"# (\w+)\n.*# (\w+)\n", re.DOTALL)


def pool(*programs: str) -> Pool:
    """Programs by their marks: those with the same first letter share an idea."""
    return Pool(TASK, "s", 0, tuple(f"# {mark}\npass" if mark else "" for mark in programs))


def judge(request: Request) -> str:
    if request.labels.purpose == "describe":
        return f"It does {request.messages[-1].text.partition('# ')[2][:1]}."
    found = PAIR.search(request.messages[0].text)
    assert found is not None
    return "Yes." if found[1][0] == found[2][0] else "No."


def judging(script: object = judge) -> ScriptedExpert:
    return ScriptedExpert(script, max_n=1)  # type: ignore[arg-type]


def measured(of: Pool, expert: ScriptedExpert, **settings: object) -> Played[Ideas]:
    measure = IdeaDiversity(**settings)  # type: ignore[arg-type]
    return play(lambda run: measure(of, run), expert, problem=TASK)


def found_in(of: Pool, expert: ScriptedExpert | None = None, **settings: object) -> Ideas:
    played = measured(of, expert or judging(), **settings)
    assert played.result is not None, played.error
    return played.result


def purposes(expert: ScriptedExpert) -> tuple[int, int]:
    found = [request.labels.purpose for request in expert.requests]
    return found.count("describe"), found.count("judge")


def test_diversity_is_the_share_of_pairs_that_differ() -> None:
    expert = judging()
    ideas = found_in(pool("a1", "a2", "b1", "c1"), expert)
    assert (ideas.programs, ideas.pairs, ideas.alike, ideas.unread) == (4, 6, 1.0, 0)
    assert ideas.diversity == pytest.approx(5 / 6)
    assert purposes(expert) == (4, 6)


@pytest.mark.parametrize(("marks", "diversity"), [(("a1", "a2", "a3"), 0.0), (("a", "b", "c"), 1.0)])
def test_zero_is_all_alike_and_one_all_different(marks: tuple[str, ...], diversity: float) -> None:
    assert found_in(pool(*marks)).diversity == diversity


def test_descriptions_come_before_judgements_and_nothing_else_waits() -> None:
    expert = ScriptedExpert(judge, max_n=1, latency=1.0)
    played = measured(pool(*"abcdef"), expert)
    assert played.seconds == 2.0


def test_a_judge_sees_the_problem_both_programs_and_both_descriptions() -> None:
    expert = judging()
    found_in(pool("a1", "b1"), expert)
    text = expert.requests[-1].messages[-1].text
    for part in ("Sort the list.", "# a1", "# b1", "It does a.", "It does b."):
        assert part in text
    assert all(r.sampling.temperature == 0.0 and r.sampling.top_p == 0.9 for r in expert.requests)


def test_copies_are_alike_without_being_asked_about_and_count_as_often_as_they_are_there() -> None:
    expert = judging()
    ideas = found_in(pool("a1", "a1", "a1", "b1", ""), expert)
    assert (ideas.programs, ideas.pairs, ideas.alike) == (4, 6, 3.0)
    assert purposes(expert) == (2, 1)
    alone = judging()
    assert found_in(pool("a1", "a1"), alone).diversity == 0.0
    assert alone.requests == []


def test_one_program_has_no_diversity() -> None:
    assert found_in(pool("a1", "", "")).diversity is None


def test_at_most_forty_are_looked_at_and_the_same_ones_every_time() -> None:
    many = pool(*(f"a{i}" for i in range(100)))
    drawn = list(IdeaDiversity().drawn(many))
    assert len(drawn) == 40
    assert drawn == list(IdeaDiversity().drawn(many))
    assert drawn != list(IdeaDiversity(seed=1).drawn(many))
    assert drawn == sorted(drawn, key=list(many.programs).index), "in the order in which they were written"


class TestReplies:
    @pytest.mark.parametrize(
        ("text", "same", "by_the_published_rule"),
        [
            ("yes", True, True),
            ("No.", False, False),
            ("**Yes**, both sort first.", True, True),
            ("No, although yes, both use a loop.", False, True),
            ("They eyed each other.", None, False),
            ("Yesterday's program", None, True),
            ("Both use a stack.\nAnswer: no", False, False),
            ("Yes, at first sight. Looking closer, one sorts.\n\nNo", False, True),
            ("", None, False),
        ],
    )
    def test_a_judgement_is_an_answer_and_not_a_word_somewhere(
        self, text: str, same: bool | None, by_the_published_rule: bool
    ) -> None:
        assert judgement_in(text) is same
        assert judgement_in(text, "contains") is by_the_published_rule

    def test_one_that_cannot_be_read_is_asked_for_once_more_and_then_left_out(self) -> None:
        def script(request: Request) -> str:
            if request.labels.purpose == "describe":
                return judge(request)
            known = set(PAIR.search(request.messages[0].text).groups())  # type: ignore[union-attr]
            if known == {"a1", "b1"}:
                return "Hard to say."
            return judge(request) if known != {"a2", "b1"} or len(request.messages) > 1 else "Perhaps."

        expert = judging(script)
        ideas = found_in(pool("a1", "a2", "b1"), expert)
        assert (ideas.pairs, ideas.alike, ideas.unread) == (2, 1.0, 1)
        assert purposes(expert) == (3, 5)
        ideas = found_in(pool("a1", "a2", "b1"), judging(script), rule="contains")
        assert (ideas.pairs, ideas.alike, ideas.unread) == (3, 1.0, 0)

    def test_a_refusal_to_describe_is_asked_for_again_up_to_three_times(self) -> None:
        def script(request: Request) -> str:
            refuses = request.labels.purpose == "describe" and "# b1" in request.messages[-1].text
            return "I'm sorry, I can't help." if refuses and request.sample_index < 2 else judge(request)

        expert = judging(script)
        assert found_in(pool("a1", "b1"), expert).pairs == 1
        assert purposes(expert) == (4, 1)

    def test_pairs_of_a_program_that_nobody_describes_are_unread(self) -> None:
        def script(request: Request) -> str:
            if request.labels.purpose == "describe" and "# b" in request.messages[-1].text:
                raise NotRecorded("lost", expert="e")
            return judge(request)

        ideas = found_in(pool("a1", "a2", "b1", "b2"), judging(script))
        assert (ideas.pairs, ideas.alike, ideas.unread) == (1, 1.0, 5)

    def test_when_nothing_can_be_described_that_is_an_error(self) -> None:
        played = measured(pool("a1", "b1"), judging(lambda _: "I cannot help with that."))
        assert isinstance(played.error, BadCompletion)


class TestGreedy:
    def test_programs_are_compared_with_the_first_of_every_group(self) -> None:
        expert = judging()
        ideas = found_in(pool("a1", "b1", "a2", "b2", "a3"), expert, greedy=True)
        assert ideas.diversity == pytest.approx(6 / 10)
        # Against groups of 0, 1, 2, 2 and 2.
        assert purposes(expert) == (5, 7)

    def test_where_being_alike_carries_over_it_says_what_all_pairs_say(self) -> None:
        marks = ("a1", "b1", "a2", "c1", "c2", "c3", "d1", "a1")
        assert found_in(pool(*marks), greedy=True).diversity == found_in(pool(*marks)).diversity


class TestEstimate:
    def test_forty_programs_take_820_calls_in_two_rounds(self) -> None:
        whole = IdeaDiversity().estimate([pool(*(f"a{i}" for i in range(60)))])
        assert whole == Estimate(820, 820.0, 3 * 40 + 2 * 780, 2)

    @pytest.mark.parametrize("marks", [("a1", "b1", "a2", "c1"), ("a1", "a1", "b1"), ("a1", "a1"), ("a1",)])
    def test_calls_are_those_that_are_told(self, marks: tuple[str, ...]) -> None:
        expert = judging()
        found_in(pool(*marks), expert)
        assert len(expert.requests) == IdeaDiversity().estimate([pool(*marks)]).expected

    def test_greedy_ones_are_between_the_bounds(self) -> None:
        marks = ("a1", "b1", "a2", "b2", "a3")
        expert = judging()
        found_in(pool(*marks), expert, greedy=True)
        told = IdeaDiversity(greedy=True).estimate([pool(*marks)])
        assert told.least == 5 + 4 <= len(expert.requests) <= 5 + 10 < told.most

    def test_depth_of_all_pools_is_that_of_one(self) -> None:
        pools = [pool(*"ab"), pool(*"abc")]
        assert IdeaDiversity().estimate(pools) == Estimate(9, 9.0, 5 * 3 + 2 * 4, 2)


def test_the_mean_is_over_problems_and_repeats_of_one_count_once() -> None:
    found = [
        Ideas("p", "s", 0, 2, 1, 0.0),
        Ideas("p", "s", 1, 2, 1, 1.0),
        Ideas("q", "s", 0, 3, 3, 0.0),
        Ideas("r", "s", 0, 1, 0, 0.0),
    ]
    mean, between = mean_of(found)
    assert mean == 0.75
    assert between is not None
    assert between[0] <= 0.75 <= between[1]
    assert mean_of(found[-1:]) == (None, None)


def test_every_pair_is_judged_once_in_the_order_of_writing() -> None:
    expert = judging()
    found_in(pool(*"abcd"), expert)
    asked = [PAIR.search(r.messages[0].text) for r in expert.requests if r.labels.purpose == "judge"]
    assert sorted(found.groups() for found in asked if found) == list(combinations("abcd", 2))


@pytest.mark.parametrize("settings", [{"sample": 1}, {"tries": 0}, {"rule": "fuzzy"}])
def test_settings_out_of_range_are_said(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        IdeaDiversity(**settings)  # type: ignore[arg-type]
