"""The answer that a model finds most consistent with the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest

from orchestrator.errors import ConnectionLost
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.aggregators.universal_sc import UniversalSelfConsistency, index_in
from orchestrator.types import Candidate, Choice, Estimate, Kind, Message, Problem, Request, Scored, Verdict
from tests.run.stage import Played, play
from tests.strategies.judging import answered, beside, last_words, named, saying

QUESTION = (Message("user", "Why is the sky blue?"),)
TEXT = Problem("p", QUESTION)
SEA = "The sea is mirrored in it."
LIGHT = "Air scatters blue light more than red."
ALSO = "Blue light is what air scatters more."


def ballot(*texts: str, expert: str = "author") -> list[Scored]:
    return [
        Scored(Candidate(str(i), "p", text, text, text.casefold(), expert, "s", (i,))) for i, text in enumerate(texts)
    ]


def numbered(request: Request) -> dict[str, str]:
    """What stands under each number."""
    return dict(re.findall(r"Candidate (\d+):\n```\n(.*?)\n```", last_words(request), re.DOTALL))


def picking(wanted: Callable[[str], bool], latency: float = 0.0) -> ScriptedExpert:
    """Names the first candidate shown whose text is wanted."""

    def script(request: Request) -> str:
        number = next((n for n, text in numbered(request).items() if wanted(text)), "1")
        return f"Most speak of light. The most consistent one is Candidate {number}"

    return ScriptedExpert(script, latency=latency)


def held(
    rules: UniversalSelfConsistency, scored: Sequence[Scored], *experts: ScriptedExpert, problem: Problem = TEXT
) -> Played[Choice]:
    return play(beside(lambda run: rules(problem, scored, run)), *experts, problem=problem)


def chosen(
    scored: Sequence[Scored], expert: ScriptedExpert, rules: UniversalSelfConsistency | None = None, kind: Kind = "text"
) -> Choice:
    played = held(rules or UniversalSelfConsistency(), scored, expert, problem=Problem("p", QUESTION, kind))
    assert played.result is not None, played.error
    return played.result


def test_the_candidate_that_is_named_is_chosen_wherever_it_stands() -> None:
    for texts in ((SEA, LIGHT, ALSO), (LIGHT, ALSO, SEA), (ALSO, SEA, LIGHT)):
        choice = chosen(ballot(*texts), picking(lambda text: text == LIGHT))
        assert choice.candidate is not None
        assert (choice.candidate.answer, choice.chosen_by, choice.reason) == (LIGHT, "judge", "")
        assert [each.answer for each in choice.ranking] == [LIGHT, *(text for text in texts if text != LIGHT)]


def test_confidence_is_what_all_have_in_common_with_it() -> None:
    (light, sea) = (chosen(ballot(SEA, LIGHT, ALSO), picking(lambda t, w=w: t == w)).confidence for w in (LIGHT, SEA))  # type: ignore[misc]
    assert 0.5 < light < 0.8
    assert 0.3 < sea < 0.5


def test_of_answers_that_can_be_counted_confidence_is_the_share() -> None:
    scored = [Scored(answered(i, answer)) for i, answer in enumerate(("4", "5", "4", "4"))]
    choice = chosen(scored, picking(lambda text: "4" in text), kind="number")
    assert (choice.confidence, [each.answer for each in choice.ranking]) == (0.75, ["4", "5"])


def test_every_candidate_is_shown_once_in_an_order_drawn_for_the_problem() -> None:
    def shown(id: str) -> list[str]:
        expert, problem = saying("The most consistent one is Candidate 1"), Problem(id, QUESTION)
        scored = ballot(*(f"text {i}" for i in range(8)))
        play(beside(lambda run: UniversalSelfConsistency()(problem, scored, run)), expert, problem=problem)
        (request,) = expert.requests
        assert list(numbered(request)) == [str(i) for i in range(1, 9)]
        return list(numbered(request).values())

    orders = [shown(f"p{i}") for i in range(4)]
    assert all(sorted(order) == sorted(orders[0]) for order in orders)
    assert len(set(map(tuple, orders))) == 4
    assert shown("p0") == orders[0]


def test_the_order_of_arrival_changes_nothing() -> None:
    scored = ballot(SEA, LIGHT, ALSO, "Nobody knows.")
    one, other = picking(lambda text: text == ALSO), picking(lambda text: text == ALSO)
    assert chosen(scored, one) == chosen(scored[::-1], other)
    assert one.requests == other.requests


def test_nothing_tells_who_wrote_what() -> None:
    expert = picking(lambda text: text == LIGHT)
    chosen(ballot(SEA, LIGHT, expert="openai/secret"), expert)
    assert "secret" not in last_words(expert.requests[0])


def test_a_reply_that_cannot_be_read_is_asked_for_again_at_temperature_zero() -> None:
    expert = ScriptedExpert(
        lambda r: "Hm." if r.sampling.temperature != 0 else "The most consistent one is Candidate 2"
    )
    choice = chosen(ballot(SEA, LIGHT, ALSO), expert, UniversalSelfConsistency(temperature=0.9))
    assert [(r.sampling.temperature, r.sample_index) for r in expert.requests] == [(0.9, 0), (0.0, 1)]
    assert choice.candidate is not None
    assert (choice.candidate.answer, choice.chosen_by) == (numbered(expert.requests[0])["2"], "judge")


@pytest.mark.parametrize("reply", ["Hm.", "The most consistent one is Candidate 9"], ids=["nothing", "out of range"])
def test_where_none_is_named_even_then_the_most_typical_is_taken_and_that_is_said(reply: str) -> None:
    choice = chosen(ballot(SEA, LIGHT, ALSO), saying(reply))
    assert choice.candidate is not None
    assert (choice.candidate.answer, choice.chosen_by) == (ALSO, "weight")
    assert "named no candidate" in choice.reason


def test_a_selector_that_is_lost_is_no_worse_than_one_that_cannot_be_read() -> None:
    lost = ScriptedExpert(lambda r: "", failures=dict.fromkeys(range(99), ConnectionLost("no line", expert="scripted")))
    choice = chosen(ballot(SEA, LIGHT, ALSO), lost)
    assert choice.candidate is not None
    assert (choice.candidate.answer, choice.chosen_by) == (ALSO, "weight")
    assert choice.reason


def test_of_equally_typical_ones_the_earliest_is_taken() -> None:
    choice = chosen(ballot("one", "two", "three"), saying("Hm."))
    assert choice.candidate is not None
    assert choice.candidate.answer == "one"


def test_programs_that_do_not_parse_are_dropped_first() -> None:
    expert = picking(lambda text: True)
    scored = [Scored(answered(i, program, text="def f(:")) for i, program in enumerate(("x = 1", None, "x = 2"))]
    chosen(scored, expert, kind="code")
    assert sorted(numbered(expert.requests[0]).values()) == ["x = 1", "x = 2"]


def test_refusals_are_left_out_where_there_is_anything_else() -> None:
    expert = picking(lambda text: text == LIGHT)
    choice = chosen(ballot(LIGHT, "I'm sorry, I can't help with that.", SEA), expert)
    assert sorted(numbered(expert.requests[0]).values()) == sorted([LIGHT, SEA])
    assert len(choice.ranking) == 2
    sorry = chosen(ballot("I'm sorry, I can't help with that."), expert)
    assert sorry.candidate is not None


def test_who_failed_a_check_is_left_out() -> None:
    expert = picking(lambda text: text == LIGHT)
    scored = ballot(LIGHT, ALSO, SEA)
    scored[1] = Scored(scored[1].candidate, Verdict(0.0, False, "", "v"))
    chosen(scored, expert)
    assert sorted(numbered(expert.requests[0]).values()) == sorted([LIGHT, SEA])


def test_candidates_of_one_answer_need_no_selection() -> None:
    expert = picking(lambda text: True)
    choice = chosen(ballot(LIGHT, LIGHT), expert)
    assert (choice.chosen_by, choice.confidence, expert.requests) == ("vote", 1.0, [])
    assert chosen([], expert) == Choice(None, 0.0, "none")


def test_long_candidates_are_cut_and_keep_their_numbers() -> None:
    expert = picking(lambda text: text.endswith("tail 1"))
    scored = ballot(*(f"head {i} {'x' * 9000} tail {i}" for i in range(3)))
    choice = chosen(scored, expert, UniversalSelfConsistency(longest=200))
    assert len(last_words(expert.requests[0])) < 2500
    assert all(
        text.startswith("head") and "[...]" in text and "tail" in text for text in numbered(expert.requests[0]).values()
    )
    assert choice.candidate is not None
    assert choice.candidate.id == "1"


def test_another_criterion_is_put_into_the_question() -> None:
    expert = picking(lambda text: True)
    chosen(ballot(SEA, LIGHT), expert, UniversalSelfConsistency(criterion="among those the most detailed"))
    assert "by majority consensus; among those the most detailed." in last_words(expert.requests[0])


def test_the_role_aggregator_selects() -> None:
    pool = [picking(lambda text: True) for _ in range(2)]
    values = [named(expert, f"e{i}") for i, expert in enumerate(pool)]
    play(
        beside(lambda run: UniversalSelfConsistency()(TEXT, ballot(SEA, LIGHT), run)),
        values[0],
        problem=TEXT,
        roles={"aggregator": values[1]},
    )
    assert [len(expert.requests) for expert in pool] == [0, 1]


@pytest.mark.parametrize(
    ("candidates", "calls", "depth"), [(2, 1, 1), (8, 1, 1), (9, 3, 2), (16, 3, 2), (17, 4, 2), (64, 9, 2), (65, 12, 3)]
)
def test_many_candidates_meet_in_a_tree_of_groups(candidates: int, calls: int, depth: int) -> None:
    expert = picking(lambda text: text.endswith(" 5"), latency=1.0)
    texts = [f"text {i} {'five' if i == 5 else ''} {i}" for i in range(candidates)]
    played = held(UniversalSelfConsistency(), ballot(*texts), expert)
    estimate = UniversalSelfConsistency().estimate_over(TEXT, 1, candidates)
    assert (len(expert.requests), played.seconds) == (calls, depth) == (estimate.expected, estimate.depth)
    sizes = [len(numbered(request)) for request in expert.requests]
    assert max(sizes) <= 8
    assert all(size >= 4 for size in sizes[: candidates // 8]) or candidates < 9
    assert played.result is not None
    assert played.result.candidate is not None
    assert candidates < 6 or played.result.candidate.id == "5"


def test_a_group_whose_candidates_agree_is_not_asked_about() -> None:
    expert = picking(lambda text: True)
    choice = chosen(ballot(*[LIGHT] * 15, SEA), expert)
    assert len(expert.requests) <= 2
    assert choice.candidate is not None


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("The most consistent one is Candidate 3", 2),
        ("The most consistent one is Candidate 3.", 2),
        ("**The most consistent one is: Candidate 2**", 1),
        ("The most consistent response is Response 4", 3),
        ("The most consistent candidate is **#1**", 0),
        ("Most consistent: 2", 1),
        ("the most consistent answer is (5)", 4),
        ("The most consistent one is Candidate 1? No. The most consistent one is Candidate 2", 1),
        ("**Candidate 2** is the most consistent one.", 1),
        ("The most consistent candidate is candidate number 4", 3),
        ("Candidate 1 is the most consistent? No: the most consistent one is Candidate 3", 2),
        ("Candidate 3 is not the most consistent.", None),
        ("3", 2),
        ("Candidate 3", 2),
        ("(3).", 2),
        ("The most consistent one is Candidate 6", None),
        ("The most consistent one is Candidate 0", None),
        ("The most consistent one is Candidate N", None),
        ("Candidates 1 and 2 agree, and so do 3 others.", None),
        ("3 of them say so", None),
        ("The most consistent one is 2.5", None),
        ("", None),
    ],
)
def test_choices_as_models_write_them(text: str, index: int | None) -> None:
    assert index_in(text, 5) == index


def test_estimate() -> None:
    assert UniversalSelfConsistency().estimate(TEXT, 1) == Estimate(0, 1.0, 2, 1)
    assert UniversalSelfConsistency().estimate_over(TEXT, 1, 1) == Estimate(0, 0.0, 0, 0)


@pytest.mark.parametrize("fields", [{"group": 1}, {"longest": 5}])
def test_fields_out_of_range_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        UniversalSelfConsistency(**fields)  # type: ignore[arg-type]
