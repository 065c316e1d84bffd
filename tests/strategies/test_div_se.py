"""DIV-SE: one line of reasoning for each pair of approach and persona."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Budget, ContentFiltered, Message, Orchestrator, Outcome, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies.div_se import DivSE
from orchestrator.types import Completion, Estimate
from tests.clock import run_virtual

from .approaching import ASKED, BOOK, Says, asked, book, by_approach, thinking
from .golden import calls, emitted, lineage_is_sound
from .planning import wide

NAMES = "Approach 1: Algebra\nApproach 2: Working backwards\nApproach 3: Drawing a table"
LEGS = {"Algebra": "The answer is 7.", "Working backwards": "The answer is 56.", "table": "The answer is 56."}
EXAMPLE = """[[pair.example]]
question = "How many legs has a cat?"
solution = "From the end: 4. The answer is 4"
"""
UNNAMED = {"Do not solve": NAMES, **LEGS}


async def solved(expert: ScriptedExpert, folder: Path, problem: Problem = ASKED, **options: Any) -> Outcome:
    return await asolve(problem, experts=[expert.value], strategy=DivSE(book(folder)), **options)


def test_golden_trace(tmp_path: Path) -> None:
    expert = thinking(LEGS, latency=1.0)
    out, seconds = run_virtual(asolve(ASKED, experts=[wide(expert)], strategy=DivSE(book(tmp_path))))
    assert sorted(calls(out)) == [((0, i), "answer") for i in range(3)]
    assert emitted(out) == [((0, 0, 0), "56"), ((0, 1, 0), "56"), ((0, 2, 0), "7")]
    assert [event.facts["approach"] for event in sorted(out.trace, key=lambda e: e.place) if event.kind == "pair"] == [
        "Working backwards",
        "Drawing a table",
        "Algebra",
    ]
    assert lineage_is_sound(out, [expert])
    assert (out.answer, out.chosen_by, out.confidence) == ("56", "vote", pytest.approx(2 / 3))
    assert (seconds, out.stopped_by) == (1.0, "done")


def test_golden_trace_without_a_book() -> None:
    expert = thinking(UNNAMED, latency=1.0)
    out, seconds = run_virtual(asolve(ASKED, experts=[wide(expert)], strategy="div_se(size=3)"))
    assert calls(out)[0] == ((0, 0), "approaches")
    assert sorted(calls(out)[1:]) == [((1, i), "answer") for i in range(3)]
    assert emitted(out) == [((1, 0, 0), "7"), ((1, 1, 0), "56"), ((1, 2, 0), "56")]
    assert (out.answer, seconds) == ("56", 2.0)


async def test_each_pair_is_asked_with_its_persona_and_its_approach_and_no_other(tmp_path: Path) -> None:
    expert = thinking(LEGS)
    await solved(expert, tmp_path)
    names = ("Algebra", "Working backwards", "Drawing a table")
    texts = asked(expert)
    assert [[name for name in names if name in text] for text in texts] == [[names[1]], [names[2]], [names[0]]]
    assert ["a zoologist" in text for text in texts] == [False, False, True]
    assert all("seven spiders" in text and "The answer is N" in text for text in texts)


async def test_the_paper_samples_at_temperature_zero(tmp_path: Path) -> None:
    expert = thinking(LEGS)
    await solved(expert, tmp_path)
    assert {request.sampling.temperature for request in expert.requests} == {0.0}


async def test_three_different_answers_tie_and_the_best_scored_pair_wins(tmp_path: Path) -> None:
    answers = {"Algebra": "The answer is 7.", "Working backwards": "The answer is 56.", "table": "The answer is 8."}
    out = await solved(thinking(answers), tmp_path)
    assert (out.answer, out.chosen_by, out.confidence) == ("56", "vote", pytest.approx(1 / 3))


async def test_where_no_pair_was_measured_the_first_in_the_book_wins_a_tie(tmp_path: Path) -> None:
    path = book(tmp_path, '[[pair]]\napproach = "Algebra"\n\n[[pair]]\napproach = "Working backwards"\n')
    out = await asolve(ASKED, experts=[thinking(LEGS).value], strategy=DivSE(path))
    assert (out.answer, out.confidence) == ("7", 0.5)


async def test_an_answer_that_cannot_be_read_abstains_and_is_not_asked_for_again(tmp_path: Path) -> None:
    expert = thinking({**LEGS, "Working backwards": "Hard to say."})
    out = await solved(expert, tmp_path)
    assert [scored.candidate.answer for scored in out.candidates] == [None, "56", "7"]
    assert (out.answer, out.confidence, len(expert.requests)) == ("56", 0.5, 3)


async def test_a_lost_call_costs_its_pair_alone(tmp_path: Path) -> None:
    def reply(request: Request) -> str | Completion:
        if "Algebra" in request.messages[-1].text:
            raise ContentFiltered("no", expert=request.expert)
        return by_approach(LEGS)(request)

    out = await solved(ScriptedExpert(reply), tmp_path)
    assert ([scored.candidate.answer for scored in out.candidates], out.answer) == (["56", "56"], "56")
    assert (out.usage.refused, out.stopped_by) == (1, "done")


async def test_a_check_picks_where_there_is_one_and_the_result_says_so(tmp_path: Path) -> None:
    """A pass of one in three is no vote result, and is not to be reported as one."""
    program = "```python\ndef f(x):\n    return x + {}\n```"
    says = {name: program.format(number) for name, number in (("Algebra", 0), ("Working", 1), ("table", 1))}
    problem = Problem("p", (Message("user", "Write f."),), "code", public_tests=("assert f(3) == 3",))
    out = await solved(thinking(says), tmp_path, problem)
    assert (out.answer, out.chosen_by) == ("def f(x):\n    return x + 0\n", "verified")
    unchecked = await solved(thinking(says), tmp_path, problem, verifier="none")
    assert (unchecked.answer, unchecked.chosen_by) == ("def f(x):\n    return x + 1\n", "vote")


async def test_among_options_the_closest_is_asked_for(tmp_path: Path) -> None:
    choice = Problem("p", (Message("user", "Legs?"),), "choice", ("55", "60"))
    expert = thinking({}, otherwise="The answer is (A).")
    out = await solved(expert, tmp_path, choice)
    assert (out.answer, all("choose the closest" in text for text in asked(expert))) == ("A", True)
    other = thinking(LEGS)
    await solved(other, tmp_path)
    assert not any("choose the closest" in text for text in asked(other))


class TestExamples:
    TEXT = BOOK.replace('[[pair]]\napproach = "Drawing', f'{EXAMPLE}\n\n[[pair]]\napproach = "Drawing')

    async def test_a_pair_shows_its_own(self, tmp_path: Path) -> None:
        expert = thinking(LEGS)
        await asolve(ASKED, experts=[expert.value], strategy=DivSE(book(tmp_path, self.TEXT)))
        assert ["legs has a cat" in text for text in asked(expert)] == [True, False, False]
        first = asked(expert)[0]
        assert first.index("legs has a cat") < first.index("The answer is 4") < first.index("seven spiders")

    async def test_the_very_question_is_never_shown_solved(self, tmp_path: Path) -> None:
        problem = Problem("p", (Message("user", "How many LEGS has a cat ?"),), "number")
        expert = thinking(LEGS)
        await asolve(problem, experts=[expert.value], strategy=DivSE(book(tmp_path, self.TEXT)))
        assert not any("From the end" in text for text in asked(expert))


class TestWithoutABook:
    async def test_only_lines_of_the_form_become_approaches(self) -> None:
        says = "Sure, here they are!\n- Guessing\nApproach 1: Algebra\n2. Estimating\n**Approach 2: Working backwards**"
        expert = thinking({"Do not solve": says, **LEGS})
        out = await asolve(ASKED, experts=[expert.value], strategy="div_se(size=5)")
        assert ([s.candidate.answer for s in out.candidates], out.usage.calls) == (["7", "56"], 3)

    async def test_more_than_asked_for_are_left_out(self) -> None:
        out = await asolve(ASKED, experts=[thinking(UNNAMED).value], strategy="div_se(size=2)")
        assert (len(out.candidates), out.usage.calls) == (2, 3)

    @pytest.mark.parametrize("says", ["I'm sorry, I can't help with that.", "Let us think.", "Approach 1: <name>"])
    async def test_where_nothing_is_named_plain_steps_remain(self, says: str) -> None:
        expert = thinking({"Do not solve": says, "step by step": "The answer is 56."})
        out = await asolve(ASKED, experts=[expert.value], strategy="div_se")
        assert (out.answer, out.usage.calls) == ("56", 2)
        assert not any(says in text for text in asked(expert))

    async def test_a_lost_call_for_names_is_no_approach_and_no_end(self) -> None:
        def reply(request: Request) -> str:
            if request.labels.purpose == "approaches":
                raise ContentFiltered("refused by the provider", expert=request.expert)
            return "The answer is 56."

        expert = ScriptedExpert(reply)
        out = await asolve(ASKED, experts=[expert.value], strategy="div_se")
        assert (out.answer, out.stopped_by) == ("56", "done")
        assert not any("refused" in text for text in asked(expert))

    async def test_the_role_idea_names_them(self) -> None:
        pool, idea = thinking(LEGS), thinking(UNNAMED)
        out = await asolve(
            ASKED, experts=[wide(pool, "e0")], roles={"idea": wide(idea, "i")}, strategy="div_se(size=3)"
        )
        assert (out.answer, len(pool.requests), len(idea.requests)) == ("56", 3, 1)


async def test_pairs_are_dealt_to_several_experts_in_turn(tmp_path: Path) -> None:
    pool = [thinking(LEGS), thinking(LEGS)]
    values = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
    out = await asolve(ASKED, experts=values, strategy=DivSE(book(tmp_path)))
    assert [scored.candidate.expert for scored in out.candidates] == ["e0", "e1", "e0"]


async def test_equal_pairs_of_two_experts_are_different_samples(tmp_path: Path) -> None:
    pool = [thinking(LEGS), thinking(LEGS)]
    values = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
    await asolve(ASKED, experts=values, strategy=DivSE(book(tmp_path)))
    assert [[request.sample_index for request in expert.requests] for expert in pool] == [[0, 1], [0]]


@pytest.mark.parametrize(("cap", "asked_for"), [(1, ["Algebra"]), (2, ["Working backwards", "Algebra"]), (9, None)])
async def test_ladder_keeps_the_pairs_that_were_chosen_first(
    tmp_path: Path, cap: int, asked_for: list[str] | None
) -> None:
    expert = thinking(LEGS)
    out = await solved(expert, tmp_path, budget=Budget(calls=cap))
    found = [str(e.facts["approach"]) for e in sorted(out.trace, key=lambda e: e.place) if e.kind == "pair"]
    assert (found, out.stopped_by) == (asked_for or ["Working backwards", "Drawing a table", "Algebra"], "done")


@pytest.mark.parametrize(("cap", "size"), [(2, 1), (3, 2), (6, 5), (7, 5)])
def test_ladder_without_a_book(cap: int, size: int) -> None:
    form = DivSE().fit(cap, ASKED, 1)
    assert form is not None
    assert form.size == size
    assert form.estimate(ASKED, 1).most <= cap


async def test_below_the_lowest_rung_the_smallest_budget_is_named() -> None:
    out = await asolve(ASKED, experts=[thinking(UNNAMED).value], strategy="div_se", budget=Budget(calls=1))
    assert (out.stopped_by, out.usage.calls) == ("budget", 0)
    assert "calls=2" in out.reason


async def test_all_pairs_of_a_book_are_asked_however_many_there_are(tmp_path: Path) -> None:
    path = book(tmp_path, "".join(f'[[pair]]\napproach = "Way {i}"\n' for i in range(8)))
    expert = thinking({}, otherwise="The answer is 56.")
    out = await asolve(ASKED, experts=[expert.value], strategy=DivSE(path))
    assert (out.usage.calls, DivSE(path).estimate(ASKED, 1)) == (8, Estimate(8, 8.0, 8, 1, 8))


@pytest.mark.parametrize("width", [1, 64])
async def test_how_much_an_expert_does_at_once_changes_nothing(tmp_path: Path, width: int) -> None:
    expert = thinking(UNNAMED)
    value = replace(expert.value, concurrency=width)
    out = await asolve(ASKED, experts=[value], strategy="div_se(size=3)", seed=7)
    assert [(s.candidate.id, s.candidate.answer) for s in out.candidates] == [
        ("1.0.0", "7"),
        ("1.1.0", "56"),
        ("1.2.0", "56"),
    ]


def test_estimate(tmp_path: Path) -> None:
    assert DivSE(book(tmp_path)).estimate(ASKED, 1) == Estimate(3, 3.0, 3, 1, 3)
    assert DivSE(book(tmp_path), size=2).estimate(ASKED, 4) == Estimate(2, 2.0, 2, 1, 2)
    assert DivSE(size=3).estimate(ASKED, 1) == Estimate(2, 4.0, 4, 2, 3)


def test_order_of_replies_changes_nothing(tmp_path: Path) -> None:
    def outcome(waits: dict[str, float]) -> Any:
        says: Says = by_approach(LEGS)

        async def reply(request: Request) -> str | Completion:
            text = request.messages[-1].text
            await asyncio.sleep(next(seconds for name, seconds in waits.items() if name in text))
            return says(request)

        out, _ = run_virtual(
            asolve(ASKED, experts=[wide(ScriptedExpert(reply, max_n=1))], strategy=DivSE(book(tmp_path)))
        )
        return [replace(scored.candidate) for scored in out.candidates], out.answer, out.confidence

    assert outcome({"Algebra": 1, "Working": 2, "table": 3}) == outcome({"Algebra": 3, "Working": 2, "table": 1})


async def test_a_wallet_with_room_for_two_calls_gives_two_answers(tmp_path: Path) -> None:
    async with Orchestrator(experts=[thinking(LEGS).value], budget=Budget(calls=2)) as orchestrator:
        out = await orchestrator.solve(ASKED, strategy=DivSE(book(tmp_path)))
    assert (out.usage.calls, len(out.candidates)) == (2, 2)


def test_settings_that_cannot_hold_are_told() -> None:
    with pytest.raises(ValueError, match="size"):
        DivSE(size=0)
    with pytest.raises(ValueError, match="personas"):
        DivSE(personas=-1)
