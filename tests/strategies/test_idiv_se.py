"""IDIV-SE: several approaches in one reply, and the reading of its sections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator import Budget, ContentFiltered, Message, Outcome, Problem, Request, asolve
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.strategies._sections import sections
from orchestrator.strategies.idiv_se import IDivSE
from orchestrator.types import Completion, Estimate
from tests.clock import run_virtual

from .approaching import ASKED, BOOK, asked, book, thinking
from .golden import calls, emitted, lineage_is_sound
from .planning import wide

NAMES = "Approach 1: Algebra\nApproach 2: Working backwards\nApproach 3: Drawing a table"
REPLY = """Approach 1: Working backwards
Seven times eight.
The answer is 56.

Approach 2: Drawing a table
| 7 | 8 |
The answer is 57.

Approach 3: Algebra, as a zoologist would
Let s = 7. The answer is 56."""


async def solved(reply: str | Completion, folder: Path, problem: Problem = ASKED, **options: Any) -> Outcome:
    expert = ScriptedExpert(lambda request: reply)
    return await asolve(problem, experts=[expert.value], strategy=IDivSE(book(folder)), **options)


def answers(out: Outcome) -> list[str | None]:
    return [scored.candidate.answer for scored in out.candidates]


def test_golden_trace(tmp_path: Path) -> None:
    expert = ScriptedExpert(lambda request: REPLY, latency=1.0)
    out, seconds = run_virtual(asolve(ASKED, experts=[wide(expert)], strategy=IDivSE(book(tmp_path))))
    assert calls(out) == [((), "answer")]
    assert emitted(out) == [((0,), "56"), ((1,), "57"), ((2,), "56")]
    assert [event.facts for event in out.trace if event.kind == "sections"] == [{"asked": 3, "found": 3, "read": 3}]
    assert lineage_is_sound(out, [expert])
    assert (out.answer, out.chosen_by, out.confidence) == ("56", "vote", pytest.approx(2 / 3))
    assert (seconds, out.stopped_by) == (1.0, "done")


def test_golden_trace_without_a_book() -> None:
    expert = thinking({"Do not solve": NAMES}, latency=1.0, otherwise=REPLY)
    out, seconds = run_virtual(asolve(ASKED, experts=[wide(expert)], strategy="idiv_se(size=3)"))
    assert calls(out) == [((0, 0), "approaches"), ((), "answer")]
    assert emitted(out) == [((1,), "56"), ((2,), "57"), ((3,), "56")]
    assert (out.answer, seconds) == ("56", 2.0)
    assert all(line in asked(expert)[0] for line in NAMES.splitlines())


async def test_all_approaches_are_asked_for_best_first_with_the_personas_of_each(tmp_path: Path) -> None:
    expert = ScriptedExpert(lambda request: REPLY)
    await asolve(ASKED, experts=[expert.value], strategy=IDivSE(book(tmp_path)))
    (text,) = asked(expert)
    lines = [line for line in text.splitlines() if line.startswith("Approach ")]
    assert lines == [
        "Approach 1: Working backwards",
        "Approach 2: Drawing a table",
        "Approach 3: Algebra, as a zoologist would",
    ]
    assert "3 times over" in text
    assert "No section may build on another" in text
    assert expert.requests[0].sampling.temperature == 0.0


async def test_one_persona_of_all_is_named_once(tmp_path: Path) -> None:
    text = '[[pair]]\napproach = "Algebra"\npersona = "Euler"\n\n[[pair]]\npersona = "Euler"\n'
    expert = ScriptedExpert(lambda request: REPLY)
    await asolve(ASKED, experts=[expert.value], strategy=IDivSE(book(tmp_path, text)))
    assert asked(expert)[0].count("Euler") == 1
    assert "Approach 2: Step by step" in asked(expert)[0]


async def test_three_different_answers_tie_and_the_best_scored_approach_wins(tmp_path: Path) -> None:
    reply = "Approach 3: The answer is 1.\nApproach 1: The answer is 56.\nApproach 2: The answer is 3."
    out = await solved(reply, tmp_path)
    assert (answers(out), out.answer, out.confidence) == (["56", "3", "1"], "56", pytest.approx(1 / 3))


async def test_sections_that_can_be_read_vote_and_the_others_abstain(tmp_path: Path) -> None:
    out = await solved("Approach 1: Hard to say.\n\nApproach 2: The answer is 56.\n\nApproach 3: No.", tmp_path)
    assert (answers(out), out.answer, out.confidence) == ([None, "56", None], "56", 1.0)


@pytest.mark.parametrize(
    "reply", ["Both ways lead to it. The answer is 56.", "Approach 1: Guess\n\nApproach 2: Look\n\nThe answer is 56."]
)
async def test_where_no_section_has_an_answer_the_whole_reply_is_one(tmp_path: Path, reply: str) -> None:
    out = await solved(reply, tmp_path)
    assert (answers(out)[-1], out.answer) == ("56", "56")
    assert out.confidence == 1.0


async def test_a_reply_without_any_answer_abstains_once(tmp_path: Path) -> None:
    out = await solved("Approach 1: Hmm.\nApproach 2: Hmm.\nNobody knows.", tmp_path)
    assert (answers(out), out.answer, out.stopped_by) == ([None], None, "done")


async def test_a_section_that_the_cap_cut_does_not_vote(tmp_path: Path) -> None:
    """What stands there may be half a number."""
    cut = Completion(
        "Approach 1: The answer is 56.\n\nApproach 2: The answer is 56.\n\nApproach 3: The answer is 5", finish="length"
    )
    out = await solved(cut, tmp_path)
    assert (answers(out), out.confidence) == (["56", "56"], 1.0)


async def test_what_is_said_of_all_approaches_at_the_end_is_no_part_of_the_last(tmp_path: Path) -> None:
    reply = f"{REPLY}\n\nComparing all three approaches, most say 57.\nThe answer is 57."
    out = await solved(reply, tmp_path)
    assert (answers(out), out.answer) == (["56", "57", "56"], "56")


async def test_a_check_picks_among_the_sections(tmp_path: Path) -> None:
    programs = "\n\n".join(
        f"Approach {i}: so\n```python\n# Approach {9 - i}: a comment\ndef f(x):\n    return x + {i != 2}\n```"
        for i in (1, 2, 3)
    )
    problem = Problem("p", (Message("user", "Write f."),), "code", public_tests=("assert f(3) == 3",))
    out = await solved(programs, tmp_path, problem)
    assert (len(out.candidates), out.chosen_by) == (3, "verified")
    assert (out.answer or "").endswith("return x + False\n")
    assert (await solved(programs, tmp_path, problem, verifier="none")).chosen_by == "vote"


async def test_every_section_has_the_call_as_its_parent(tmp_path: Path) -> None:
    expert = ScriptedExpert(lambda request: REPLY)
    out = await asolve(ASKED, experts=[expert.value], strategy=IDivSE(book(tmp_path)))
    key = expert.requests[0].key.hex()
    assert {scored.candidate.parents for scored in out.candidates} == {(key,)}
    assert out.candidates[0].candidate.text.splitlines()[0] == "Working backwards"


class TestExamples:
    ONE = '[[pair.example]]\nquestion = "Legs of a cat?"\nsolution = "{} cat. The answer is 4"\n'
    TWO = '[[pair.example]]\nquestion = "Legs of an ant?"\nsolution = "{} ant. The answer is 6"\n'

    async def shown(self, folder: Path, text: str, problem: Problem = ASKED) -> str:
        expert = ScriptedExpert(lambda request: REPLY)
        await asolve(problem, experts=[expert.value], strategy=IDivSE(book(folder, text)))
        return asked(expert)[0]

    def pairs(self, *examples: str) -> str:
        return "".join(
            f'[[pair]]\napproach = "Way {i}"\n{text.replace("{}", f"By {i}:")}\n' for i, text in enumerate(examples, 1)
        )

    async def test_each_shows_all_approaches_on_one_question(self, tmp_path: Path) -> None:
        text = await self.shown(tmp_path, self.pairs(self.ONE, self.ONE))
        assert text.count("Legs of a cat?") == 1
        assert "Approach 1: Way 1\nBy 1: cat. The answer is 4\n\nApproach 2: Way 2\nBy 2: cat. The answer is 4" in text

    async def test_a_question_that_an_approach_lost_is_left_out(self, tmp_path: Path) -> None:
        text = await self.shown(tmp_path, self.pairs(self.ONE + self.TWO, self.TWO))
        assert ("cat" in text, "By 1: ant" in text, "By 2: ant" in text) == (False, True, True)

    async def test_without_a_common_question_none_is_shown(self, tmp_path: Path) -> None:
        text = await self.shown(tmp_path, self.pairs(self.ONE, self.TWO))
        assert "Example" not in text

    async def test_the_very_question_is_never_shown_solved(self, tmp_path: Path) -> None:
        problem = Problem("p", (Message("user", "Legs of a cat?"),), "number")
        assert "By 1" not in await self.shown(tmp_path, self.pairs(self.ONE, self.ONE), problem)


class TestWithoutABook:
    async def test_where_nothing_is_named_the_reply_chooses_its_own(self) -> None:
        expert = thinking({"Do not solve": "I would rather not."}, otherwise=REPLY)
        out = await asolve(ASKED, experts=[expert.value], strategy="idiv_se(size=3)")
        assert (answers(out), out.usage.calls) == (["56", "57", "56"], 2)
        assert "approaches of your own choice" in asked(expert)[0]

    async def test_a_lost_call_for_names_is_no_end(self) -> None:
        def reply(request: Request) -> str:
            if request.labels.purpose == "approaches":
                raise ContentFiltered("refused by the provider", expert=request.expert)
            return REPLY

        expert = ScriptedExpert(reply)
        out = await asolve(ASKED, experts=[expert.value], strategy="idiv_se(size=3)")
        assert (out.answer, "refused" in asked(expert)[0]) == ("56", False)

    async def test_one_call_is_enough_for_a_reply_that_chooses_its_own(self) -> None:
        expert = ScriptedExpert(lambda request: REPLY)
        out = await asolve(ASKED, experts=[expert.value], strategy="idiv_se(size=3)", budget=Budget(calls=1))
        assert (out.answer, out.usage.calls, out.stopped_by) == ("56", 1, "done")


async def test_with_several_experts_one_is_asked(tmp_path: Path) -> None:
    pool = [ScriptedExpert(lambda request: REPLY), ScriptedExpert(lambda request: REPLY)]
    values = [wide(expert, f"e{i}") for i, expert in enumerate(pool)]
    out = await asolve(ASKED, experts=values, strategy=IDivSE(book(tmp_path)))
    assert ([len(expert.requests) for expert in pool], len(out.candidates)) == ([1, 0], 3)


def test_estimate(tmp_path: Path) -> None:
    assert IDivSE(book(tmp_path)).estimate(ASKED, 1) == Estimate(1, 1.0, 1, 1, 3)
    assert IDivSE(size=4).estimate(ASKED, 1) == Estimate(2, 2.0, 2, 2, 4)
    assert IDivSE(size=4, name_first=False).estimate(ASKED, 1) == Estimate(1, 1.0, 1, 1, 4)


LABELS = [
    "Approach 2 (Algebra):",
    "Approach 2: Algebra",
    "**Approach 2: Algebra**",
    "### Approach 2 - Algebra",
    "approach #2 \u2013 algebra",
    "  Approach 2",
    "[Approach 2] Algebra",
    "> **Approach 2 (Algebra)**:",
    "_Approach 2._ Algebra",
]


@pytest.mark.parametrize("label", LABELS)
def test_labels_are_found_however_they_are_dressed(label: str) -> None:
    text = f"Let us go.\nApproach 1: Look\nIt is 3.\n\n{label}\nIt is 4."
    found = sections(text, 2)
    assert [number for number, _ in found] == [1, 2]
    assert (found[0][1].endswith("It is 3."), found[1][1].endswith("It is 4.")) == (True, True)


@pytest.mark.parametrize(
    "line", ["Approach 2 gives the same.", "As approach 2: no", "Approaches 2:", "Approach two:", "The approach 2:"]
)
def test_prose_about_an_approach_is_no_label(line: str) -> None:
    assert [number for number, _ in sections(f"Approach 1: Look\n{line}\nIt is 3.", 2)] == [1]


def test_of_several_sections_with_one_number_the_longest_counts() -> None:
    """Approaches are listed first, and named again at the end."""
    text = (
        "I will use:\nApproach 1: Look 3 times\nApproach 2: Count 9\n\n"
        "Approach 1: Look 3 times\nWell, seven by eight.\nThe answer is 56.\n"
        "Approach 2: Count 9\nOne by one.\nThe answer is 57.\n\nApproach 1: 56\nApproach 2: 57"
    )
    assert [(number, body.splitlines()[-1]) for number, body in sections(text, 2)] == [
        (1, "The answer is 56."),
        (2, "The answer is 57."),
    ]


def test_sections_nobody_asked_for_are_left_out() -> None:
    assert [number for number, _ in sections("Approach 1: a\nApproach 2: b\nApproach 3: c\nApproach 0: d", 2)] == [1, 2]


def test_labels_in_programs_are_comments() -> None:
    text = "Approach 1: Loop\n```python\n# Approach 2: recursion\nx = 1\n```\nApproach 2: Call\n~~~\n# Approach 1: x\n"
    found = dict(sections(text, 2))
    assert "# Approach 2: recursion" in found[1]
    assert "# Approach 1: x" in found[2]


def test_a_long_reply_is_read_in_one_pass() -> None:
    text = "".join(f"Approach {i % 7}: {'words ' * 20}\n" for i in range(20_000))
    assert len(sections(text, 5)) == 5


def test_the_book_is_that_of_div_se(tmp_path: Path) -> None:
    assert IDivSE(book(tmp_path, BOOK))._pairs[0].approach == "Working backwards"


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("## Approach 1: a\n3\n## Approach 2: b\n4\n## Final answer\n3", "4"),
        ("**Approach 1: a**\n3\n**Approach 2: b**\n4\n### Overall result\n3", "4"),
        ("## Approach 1: a\n3\n## Approach 2: b\n4\n### Final answer\n5", "5"),
        ("## Approach 1: a\n## Final answer\n3\n## Approach 2: b\n## Final answer\n4", "4"),
        ("## Approach 1: a\n3\n## Final answer\n4", "4"),
    ],
    ids=["as high", "above a line", "below", "one for each", "a single section"],
)
def test_a_final_answer_of_the_whole_reply_is_not_the_last_section_s(text: str, last: str) -> None:
    assert sections(text, 2)[-1][1].splitlines()[-1] == last
