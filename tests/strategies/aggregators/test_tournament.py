"""Answers compared two at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import asolve
from orchestrator.errors import ConnectionLost, ExpertError, VerifierError
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.aggregators.tournament import Tournament, preference_in
from orchestrator.types import Choice, Estimate, Request, Scored, Verdict
from tests.clock import run_virtual
from tests.run.stage import Played
from tests.strategies.golden import calls
from tests.strategies.judging import ASKED, answered, judged, last_words, named, saying

_PAIR = re.compile(r"So it is (\w+)\..*So it is (\w+)\.", re.DOTALL)


def pair(request: Request) -> tuple[str, str]:
    """The two answers, in the order in which they are shown."""
    found = _PAIR.search(request.messages[0].text)
    assert found is not None
    return found[1], found[2]


def preferring(better: Callable[[str, str], bool]) -> ScriptedExpert:
    """Says A where `better(a, b)`."""
    return ScriptedExpert(lambda r: f"Hm. The better one is {'A' if better(*pair(r)) else 'B'}")


def by_size(request: Request) -> str:
    a, b = pair(request)
    return f"Numbers speak for themselves. The better one is {'A' if int(a) > int(b) else 'B'}"


def larger(latency: float = 0.0) -> ScriptedExpert:
    return ScriptedExpert(by_size, latency=latency)


def ballot(*answers: str | None, expert: str = "author") -> list[Scored]:
    return [Scored(answered(i, answer, expert=expert)) for i, answer in enumerate(answers)]


def held(rules: Tournament, scored: list[Scored], *experts: ScriptedExpert) -> Played[Choice]:
    return judged(lambda run: rules(ASKED, scored, run), experts)


def chosen(rules: Tournament, scored: list[Scored], *experts: ScriptedExpert) -> Choice:
    played = held(rules, scored, *experts)
    assert played.result is not None, played.error
    return played.result


def ranked(choice: Choice) -> list[str | None]:
    return [candidate.answer for candidate in choice.ranking]


FORMS = [Tournament(), Tournament(form="round_robin")]


@pytest.mark.parametrize("rules", FORMS, ids=["knockout", "round_robin"])
class TestBothForms:
    @given(answers=st.lists(st.integers(1, 30).map(str), min_size=2, max_size=12))
    def test_the_answer_that_beats_all_others_wins(self, rules: Tournament, answers: list[str]) -> None:
        choice = chosen(rules, ballot(*answers), larger())
        assert choice.candidate is not None
        assert choice.candidate.answer == max(answers, key=int)
        assert (choice.confidence, choice.chosen_by) == (1.0, "judge" if len(set(answers)) > 1 else "vote")
        assert sorted(ranked(choice), key=str) == sorted(set(answers))

    def test_equal_answers_never_meet(self, rules: Tournament) -> None:
        expert = larger()
        chosen(rules, ballot("3", "1", "3", "2", "1", "3"), expert)
        pairs = [pair(request) for request in expert.requests]
        assert all(a != b for a, b in pairs)
        assert len(pairs) == {"knockout": 4, "round_robin": 6}[rules.form]

    def test_each_pair_is_asked_about_in_both_orders(self, rules: Tournament) -> None:
        expert = larger()
        chosen(rules, ballot("1", "2", "3", "4"), expert)
        pairs = [pair(request) for request in expert.requests]
        assert sorted(pairs) == sorted((b, a) for a, b in pairs)

    def test_a_judge_that_goes_by_the_order_decides_nothing(self, rules: Tournament) -> None:
        """Regression test 20: then all matches are draws, and the answer with most support stays first."""
        choice = chosen(rules, ballot("4", "1", "2", "1"), saying("The better one is A"))
        assert choice.candidate is not None
        assert (choice.candidate.answer, choice.confidence) == ("1", 0.5)

    def test_one_answer_needs_no_judge(self, rules: Tournament) -> None:
        expert = larger()
        choice = chosen(rules, ballot("5", None, "5"), expert)
        assert (ranked(choice), choice.confidence, choice.chosen_by, expert.requests) == (["5"], 1.0, "vote", [])

    def test_no_answer_is_none(self, rules: Tournament) -> None:
        assert chosen(rules, ballot(None, None), larger()) == Choice(None, 0.0, "none")

    def test_who_failed_a_check_does_not_take_part(self, rules: Tournament) -> None:
        scored = ballot("1", "9", "3")
        scored[1] = Scored(scored[1].candidate, Verdict(0.0, False, "", "v"))
        assert ranked(chosen(rules, scored, larger())) == ["3", "1"]

    def test_only_the_best_supported_take_part(self, rules: Tournament) -> None:
        expert = larger()
        limited = Tournament(rules.form, entrants=2)
        choice = chosen(limited, ballot("1", "9", "2", "1", "2", "8"), expert)
        assert ranked(choice) == ["2", "1", "9", "8"]
        assert len(expert.requests) == 2

    def test_the_order_of_arrival_changes_nothing(self, rules: Tournament) -> None:
        scored = ballot("1", "2", "3", "1", "4")
        judge = preferring(lambda a, b: (int(a) * 7) % 5 > (int(b) * 7) % 5)
        assert chosen(rules, scored[::-1], judge) == chosen(rules, scored, judge)

    def test_a_reply_that_cannot_be_read_is_asked_for_again(self, rules: Tournament) -> None:
        expert = ScriptedExpert(lambda r: "Both are fine." if len(r.messages) == 1 else by_size(r))
        choice = chosen(rules, ballot("1", "2"), expert)
        assert (ranked(choice), choice.confidence, len(expert.requests)) == (["2", "1"], 1.0, 4)

    def test_one_order_alone_is_a_draw(self, rules: Tournament) -> None:
        expert = ScriptedExpert(lambda r: "The better one is B" if pair(r) == ("1", "2") else "Who knows?")
        choice = chosen(rules, ballot("1", "2"), expert)
        assert (ranked(choice), choice.confidence) == (["1", "2"], 0.5)

    def test_without_any_preference_nothing_is_chosen_by_it(self, rules: Tournament) -> None:
        played = held(rules, ballot("1", "2"), saying("Who knows?"))
        assert isinstance(played.error, VerifierError)
        assert "no readable preference among 2 answers" in str(played.error)

    def test_a_judge_that_is_lost_is_said(self, rules: Tournament) -> None:
        lost = ScriptedExpert(
            lambda r: "", failures=dict.fromkeys(range(99), ConnectionLost("no line", expert="scripted"))
        )
        played = held(rules, ballot("1", "2", "3"), lost)
        assert isinstance(played.error, ExpertError)
        assert "no line" in str(played.error)

    def test_who_wrote_neither_judges(self, rules: Tournament) -> None:
        pool = [larger() for _ in range(3)]
        values = [named(expert, f"e{i}") for i, expert in enumerate(pool)]
        scored = [Scored(answered(0, "1", expert="e0")), Scored(answered(1, "2", expert="e1"))]
        judged(lambda run: rules(ASKED, scored, run), values)
        assert [len(expert.requests) for expert in pool] == [0, 0, 2]

    def test_nothing_tells_who_wrote_what(self, rules: Tournament) -> None:
        expert = larger()
        chosen(rules, ballot("1", "2", expert="openai/secret"), expert)
        assert all("secret" not in last_words(request) for request in expert.requests)


class TestKnockout:
    def test_byes_go_to_the_answers_with_most_support(self) -> None:
        expert = larger()
        chosen(Tournament(), ballot("1", "1", "1", "2", "2", "3", "4", "5"), expert)
        met = [frozenset(pair(request)) for request in expert.requests[::2]]
        assert met[0] == {"4", "5"}
        assert len(set(met)) == 4

    def test_best_seeds_meet_worst(self) -> None:
        expert = larger()
        chosen(Tournament(), ballot("1", "1", "1", "2", "2", "3", "4"), expert)
        assert {frozenset(pair(request)) for request in expert.requests[:4]} == {
            frozenset({"1", "4"}),
            frozenset({"2", "3"}),
        }

    def test_the_later_one_goes_the_better_its_rank(self) -> None:
        choice = chosen(Tournament(), ballot("8", "7", "6", "5", "4", "3", "2", "1"), larger())
        assert ranked(choice) == ["8", "7", "6", "5", "4", "3", "2", "1"]

    def test_confidence_is_the_winners_share_of_its_matches(self) -> None:
        """1 draws with 4, then beats 2."""
        judge = ScriptedExpert(
            lambda r: (
                "The better one is A"
                if {"1", "4"} == set(pair(r))
                else f"The better one is {'AB'[int(pair(r)[1] < pair(r)[0])]}"
            )
        )
        choice = chosen(Tournament(), ballot("1", "2", "3", "4"), judge)
        assert (ranked(choice)[0], choice.confidence) == ("1", 0.75)

    @pytest.mark.parametrize(("answers", "depth"), [(2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (16, 4)])
    def test_rounds_are_as_deep_as_the_estimate_and_no_deeper(self, answers: int, depth: int) -> None:
        expert = larger(latency=1.0)
        played = held(Tournament(), ballot(*map(str, range(answers))), expert)
        estimate = Tournament().estimate_over(ASKED, 1, answers)
        assert played.seconds == depth == estimate.depth
        assert len(expert.requests) == 2 * (answers - 1) == estimate.expected


class TestRoundRobin:
    def test_everybody_meets_everybody_at_once(self) -> None:
        expert = larger(latency=1.0)
        played = held(Tournament(form="round_robin"), ballot(*map(str, range(6))), expert)
        estimate = Tournament(form="round_robin").estimate_over(ASKED, 1, 6)
        assert (played.seconds, len(expert.requests)) == (1.0, 30) == (estimate.depth, estimate.expected)

    def test_points_rank(self) -> None:
        """1 beats 2 beats 3 beats 1, and all of them beat 4: three with two points each, in the order of seeds."""
        beats = {("1", "2"), ("2", "3"), ("3", "1"), ("1", "4"), ("2", "4"), ("3", "4")}
        choice = chosen(
            Tournament(form="round_robin"), ballot("1", "2", "3", "4"), preferring(lambda a, b: (a, b) in beats)
        )
        assert (ranked(choice), choice.confidence) == (["1", "2", "3", "4"], pytest.approx(2 / 3))


@pytest.mark.parametrize(
    ("text", "preferred"),
    [
        ("The better one is A", 0),
        ("**The better one is B.**", 1),
        ("The better one is: **B**", 1),
        ("The better answer is Candidate B", 1),
        ("Better answer: A", 0),
        ("The better one is A, I thought. The better one is B", 1),
        ("B", 1),
        ("(A)", 0),
        ("Candidate B.", 1),
        ("The better one is X", None),
        ("A better one is Answer", None),
        ("Both are right.", None),
        ("", None),
    ],
)
def test_preferences_as_models_write_them(text: str, preferred: int | None) -> None:
    assert preference_in(text) == preferred


def test_golden_trace() -> None:
    """The judge picks the answer that one sample of three has, where a vote takes the other."""
    solver = ScriptedExpert(
        lambda r: f"So it is {(6, 8, 6)[r.sample_index]}. The answer is {(6, 8, 6)[r.sample_index]}."
    )
    judge = ScriptedExpert(by_size, id="judge", latency=1.0)
    solving = asolve(
        ASKED,
        experts=[solver.value],
        roles={"judge": judge.value},
        strategy="self_consistency(samples=3)",
        aggregator="tournament",
    )
    out, seconds = run_virtual(solving)
    assert (out.answer, out.chosen_by, out.confidence, out.stopped_by) == ("8", "judge", 1.0, "done")
    assert calls(out) == [((0, i), "answer") for i in range(3)] + [((2**31, 0, 0, 0, i), "judge") for i in range(2)]
    assert seconds == 1.0
    assert [candidate.answer for candidate in out.ranking] == ["8", "6"]


async def test_where_the_judge_fails_the_majority_is_taken_and_the_reason_said() -> None:
    solver = ScriptedExpert(lambda r: f"The answer is {(6, 8, 6)[r.sample_index]}.")
    judge = ScriptedExpert(lambda r: "I cannot say.", id="judge")
    out = await asolve(
        ASKED,
        experts=[solver.value],
        roles={"judge": judge.value},
        strategy="self_consistency(samples=3)",
        aggregator="tournament",
    )
    assert (out.answer, out.chosen_by) == ("6", "vote")
    assert "no readable preference" in out.reason


def test_estimate() -> None:
    assert Tournament().estimate(ASKED, 1) == Estimate(0, 30.0, 60, 4)
    assert Tournament().estimate_over(ASKED, 1, 1) == Estimate(0, 0.0, 0, 0)
    calls = [Tournament(form="round_robin", entrants=4).estimate_over(ASKED, 1, n).expected for n in range(7)]
    assert calls == [0, 0, 2, 6, 12, 12, 12]
    assert all(a <= b for a, b in pairwise(calls))


@pytest.mark.parametrize("fields", [{"form": "swiss"}, {"entrants": 1}, {"tries": 0}, {"longest": 5}])
def test_fields_out_of_range_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"at least|knockout or round_robin"):
        Tournament(**fields)  # type: ignore[arg-type]
