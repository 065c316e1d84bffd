"""Preparing an approach book: what is asked of whom, what is kept, and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from orchestrator import (
    Budget,
    BudgetExceeded,
    ConfigError,
    ContentFiltered,
    Lesson,
    Message,
    Orchestrator,
    Problem,
    Request,
)
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies._approaches import Book, parse_book
from orchestrator.strategies.div_se import DivSE
from orchestrator.strategies.idiv_se import IDivSE
from orchestrator.types import Completion, Expert
from tests.clock import run_virtual

from .planning import wide

SMALL = DivSE(size=2, elicitations=8, approaches=2, personas=1, validation=6, examples=2)
NAMED = "Approach 1: Algebra\nApproach 2: Tables"
Says = Callable[[Request, int], "str | Completion"]


def lessons(count: int = 12) -> list[Lesson]:
    return [Lesson(_sum(i), str(2 * i)) for i in range(count)]


def _sum(i: int) -> Problem:
    return Problem(f"p{i}", (Message("user", f"What is {i} + {i}?"),), "number")


def teacher(*, latency: float | str = 0.0, **says: str | Says) -> ScriptedExpert:
    """Names two approaches and one persona, and solves everything.

    Args:
        says: by purpose what is said instead; functions are given the number that the problem is about.
    """

    def reply(request: Request) -> str | Completion:
        purpose, number = request.labels.purpose, int(request.labels.problem[1:])
        said = says.get(purpose)
        if callable(said):
            return said(request, number)
        usual = {"approaches": NAMED, "personas": "Persona 1: a banker"}
        return said or usual.get(purpose, f"It doubles. The answer is {2 * number}.")

    return ScriptedExpert(reply, latency=latency, max_n=1)


async def prepared(
    *experts: ScriptedExpert,
    strategy: DivSE | IDivSE = SMALL,
    among: Sequence[Lesson] | None = None,
    seed: int = 0,
    **options: Any,
) -> Book:
    return parse_book(await text_of(*experts, strategy=strategy, among=among, seed=seed, **options), "book.toml")


async def text_of(
    *experts: ScriptedExpert,
    strategy: DivSE | IDivSE = SMALL,
    among: Sequence[Lesson] | None = None,
    seed: int = 0,
    **options: Any,
) -> str:
    values = [wide(expert, f"e{i}") for i, expert in enumerate(experts)]
    async with Orchestrator(experts=values, seed=seed) as orchestrator:
        return await orchestrator.prepare(strategy, lessons() if among is None else among, **options)


def purposes(expert: ScriptedExpert) -> Counter[str]:
    return Counter(request.labels.purpose for request in expert.requests)


def about(expert: ScriptedExpert, purpose: str) -> set[str]:
    return {request.labels.problem for request in expert.requests if request.labels.purpose == purpose}


def solves(**shares: int) -> Says:
    """Right on the problems below a number that goes by the approach; wrong, each time differently, on all others."""

    def reply(request: Request, number: int) -> str:
        text = request.messages[-1].text
        limit = next((below for name, below in shares.items() if name in text), 0)
        return f"The answer is {2 * number if number < limit else 100 + len(text)}."

    return reply


@pytest.mark.parametrize(
    "strategy", [SMALL, IDivSE(size=2, elicitations=8, approaches=2, personas=1, validation=6, examples=2)]
)
def test_it_makes_the_calls_that_it_estimates_and_waits_three_times(strategy: DivSE | IDivSE) -> None:
    expert = teacher(latency=1.0)
    _, seconds = run_virtual(prepared(expert, strategy=strategy))
    told = strategy.preparation(12, 1)
    assert len(expert.requests) == told.expected == told.most == 8 + 1 + 3 * 2 * 6 + 2 * 2
    assert purposes(expert) == {"approaches": 8, "personas": 1, "answer": 36, "example": 4}
    assert (seconds, told.depth) == (3.0, 3)


async def test_where_less_is_named_it_takes_less_but_never_under_the_least() -> None:
    expert = teacher(approaches="None come to mind.", personas="Nobody.")
    found = await prepared(expert, strategy=DivSE(elicitations=8, validation=6, examples=2, personas=1))
    assert [(pair.approach, pair.persona) for pair in found.pairs] == [("", ""), ("", "a professor of mathematics")]
    least = DivSE(elicitations=8, validation=6, examples=2, personas=1).preparation(12, 1).least
    assert len(expert.requests) == least == 8 + 1 + 2 * 6 + 2 * 2


async def test_the_papers_settings_are_the_defaults() -> None:
    told = DivSE().preparation(100, 1)
    assert told.most == 100 + 1 + (1 + 3) * (1 + 5) * 20 + 5 * 4


async def test_plain_steps_and_nobody_compete_with_all_others() -> None:
    found = await prepared(teacher(answer=solves(Algebra=3, Tables=3, banker=3)))
    every = {(pair.approach, pair.persona) for pair in (*found.pairs, *found.spares)}
    assert every == {(a, p) for a in ("", "Algebra", "Tables") for p in ("", "a banker")}


async def test_validation_problems_and_examples_are_disjoint() -> None:
    expert = teacher()
    await prepared(expert)
    assert (len(about(expert, "answer")), len(about(expert, "example"))) == (6, 2)
    assert not about(expert, "answer") & about(expert, "example")


async def test_one_problem_under_two_ids_is_one() -> None:
    again = [
        *lessons(4),
        *(Lesson(Problem(f"p{i}", (Message("user", f"what is {i}  + {i}"),), "number"), str(2 * i)) for i in range(4)),
    ]
    expert = teacher()
    await prepared(expert, among=again)
    assert (len(about(expert, "answer")), len(about(expert, "example"))) == (3, 1)
    assert not about(expert, "answer") & about(expert, "example")


async def test_every_problem_that_was_looked_at_is_marked_and_no_other() -> None:
    expert = teacher()
    among = lessons(40)
    found = await prepared(expert, among=among)
    looked_at = {request.labels.problem for request in expert.requests}
    assert found.seen == {lesson.mark for lesson in among if lesson.problem.id in looked_at}
    assert len(found.seen) < 40


async def test_repeated_questions_about_one_problem_are_independent_samples() -> None:
    expert = teacher()
    await prepared(expert, among=lessons(2), strategy=DivSE(elicitations=30, validation=1, personas=0))
    assert purposes(expert)["approaches"] == 30
    assert len({request.key for request in expert.requests if request.labels.purpose == "approaches"}) == 30


async def test_lines_in_another_form_are_not_counted() -> None:
    def name(request: Request, number: int) -> str:
        return "Approach 1: Algebra\n- Guessing\nI would guess." if number % 2 else "Approach 1: Tables\nGuessing"

    found = await prepared(teacher(approaches=name), strategy=DivSE(elicitations=40, validation=2, personas=0))
    counts = dict(found.approaches)
    assert set(counts) == {"Algebra", "Tables"}
    assert sum(counts.values()) == 40


async def test_the_best_alone_are_kept_best_first() -> None:
    among = lessons(8)  # two of them become examples
    found = await prepared(teacher(answer=solves(Tables=7, Algebra=5)), among=among)
    assert [pair.approach for pair in found.pairs] == ["Tables", "Tables"]
    scores = [pair.score for pair in (*found.pairs, *found.spares)]
    assert scores == sorted(scores, reverse=True)
    assert {pair.tried for pair in (*found.pairs, *found.spares)} == {6}


async def test_the_best_together_differ() -> None:
    """Two personas make no difference to an approach here: alone the same approach is kept twice."""

    def answer(request: Request, number: int) -> str:
        text = request.messages[-1].text
        good = number != 0 if "Algebra" in text else number == 0 or number > 4
        wrong = 1000 if "Algebra" in text else 2000
        return f"The answer is {2 * number if good else wrong}."

    strategy = DivSE(size=3, elicitations=4, approaches=2, personas=1, validation=20, examples=0)
    alone = await prepared(teacher(answer=answer), strategy=strategy, among=lessons(10))
    together = DivSE(size=3, elicitations=4, approaches=2, personas=1, validation=20, examples=0, choose="together")
    found = await prepared(teacher(answer=answer), strategy=together, among=lessons(10))
    assert [pair.approach for pair in alone.pairs][:2] == ["Algebra", "Algebra"]
    assert [pair.approach for pair in found.pairs][:2] != ["Algebra", "Algebra"]


async def test_an_example_whose_answer_changed_is_dropped() -> None:
    def example(request: Request, number: int) -> str:
        wrong = "Algebra" in request.messages[-1].text
        return f"Elegant. The answer is {2 * number + wrong}."

    found = await prepared(teacher(example=example, answer=solves(Algebra=99, Tables=99)))
    shown = {pair.approach: [one.solution for one in pair.examples] for pair in found.pairs}
    assert shown["Algebra"] == []
    assert len(shown["Tables"]) == 2
    assert all(solution.startswith("Elegant.") for solution in shown["Tables"])


@pytest.mark.parametrize("says", ["I'm sorry, I can't help with that.", "No number here."])
async def test_a_refused_or_unreadable_example_is_dropped(says: str) -> None:
    found = await prepared(teacher(example=says))
    assert [pair.examples for pair in found.pairs] == [(), ()]


async def test_an_example_is_solved_with_its_right_answer_given_and_measuring_never_is() -> None:
    expert = teacher()
    await prepared(expert)
    for request in expert.requests:
        number, text = int(request.labels.problem[1:]), request.messages[-1].text
        assert (f"so must yours: {2 * number}" in text) is (request.labels.purpose == "example")


async def test_a_lost_call_counts_as_wrong_and_not_as_untried() -> None:
    def answer(request: Request, number: int) -> str:
        if "Algebra" in request.messages[-1].text and number % 2:
            raise ContentFiltered("no", expert=request.expert)
        return f"The answer is {2 * number}."

    found = await prepared(teacher(answer=answer))
    measured = {(pair.approach, pair.persona): pair for pair in (*found.pairs, *found.spares)}
    held = measured["Algebra", ""]
    assert held.tried == 6
    assert held.right is not None
    assert held.right < 6
    assert measured["", ""].right == 6


async def test_a_pair_that_nobody_answers_is_wrong_everywhere() -> None:
    def answer(request: Request, number: int) -> str:
        if "banker" in request.messages[-1].text:
            raise ContentFiltered("no", expert=request.expert)
        return f"The answer is {2 * number}."

    found = await prepared(teacher(answer=answer))
    assert {pair.right for pair in (*found.pairs, *found.spares) if pair.persona} == {0}


async def test_experts_that_answer_nothing_end_it() -> None:
    def refuse(request: Request, number: int) -> str:
        raise ContentFiltered("no", expert=request.expert)

    with pytest.raises(ContentFiltered):
        await prepared(teacher(answer=refuse))


async def test_a_cap_ends_it_and_is_told() -> None:
    with pytest.raises(BudgetExceeded, match="calls"):
        await prepared(teacher(), budget=Budget(calls=20))


async def test_without_lessons_it_says_so() -> None:
    with pytest.raises(ConfigError, match="problems with known answers"):
        await prepared(teacher(), among=[])


@pytest.mark.parametrize(("count", "held", "shown"), [(1, 1, 0), (3, 3, 0), (5, 4, 1), (8, 6, 2), (100, 20, 4)])
async def test_a_handful_of_problems_is_enough(count: int, held: int, shown: int) -> None:
    expert = teacher()
    strategy = DivSE(size=1, elicitations=1, approaches=1, personas=0)
    await prepared(expert, strategy=strategy, among=lessons(count))
    assert (len(about(expert, "answer")), len(about(expert, "example"))) == (held, shown)
    assert len(expert.requests) == strategy.preparation(count, 1).most


async def test_every_pair_is_measured_on_the_same_mix_of_experts() -> None:
    pool = [teacher(), teacher()]
    await prepared(*pool)
    assert [purposes(expert)["answer"] for expert in pool] == [18, 18]
    assert not about(pool[0], "answer") & about(pool[1], "answer")


async def test_the_role_idea_names_and_shows() -> None:
    pool, idea = teacher(), teacher()
    roles: dict[str, str | Expert] = {"idea": wide(idea, "idea")}
    await prepared(pool, roles=roles)
    assert (set(purposes(pool)), set(purposes(idea))) == ({"answer"}, {"approaches", "personas", "example"})


def test_the_same_seed_makes_the_same_book_whatever_comes_first() -> None:
    def made(latency: float | str, seed: int = 0) -> str:
        return run_virtual(text_of(teacher(latency=latency, approaches=by_problem), seed=seed))[0]

    def by_problem(request: Request, number: int) -> str:
        return f"Approach 1: Way {number % 4}\nApproach 2: Way {number % 3}"

    assert made(0.0) == made("exp:1") == made("uniform:1,9")
    assert made(0.0, seed=1) != made(0.0)


def test_how_much_an_expert_does_at_once_changes_nothing() -> None:
    async def made(width: int) -> str:
        value = replace(teacher(latency="exp:1").value, concurrency=width)
        async with Orchestrator(experts=[value]) as orchestrator:
            return await orchestrator.prepare(SMALL, lessons())

    assert run_virtual(made(1))[0] == run_virtual(made(64))[0]


async def test_the_book_says_who_measured_and_on_how_many_problems() -> None:
    found = await prepared(teacher(), teacher(), seed=3)
    assert found.made == "on 12 problems, measured on 6 by e0, e1; seed 3"


async def test_programs_are_judged_by_their_check() -> None:
    async def check(program: str) -> bool:
        return "+ x" in program

    problem = Problem("p0", (Message("user", "Write f that doubles x."),), "code")
    among = [Lesson(problem, check=check)]
    found = await prepared(teacher(answer="```python\ndef f(x):\n    return x + x\n```"), among=among)
    assert (found.task, {pair.score for pair in found.pairs}) == ("code", {1.0})
