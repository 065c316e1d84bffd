"""Problems of unseen seeds: read, solved without faults, and solved by the pool as well as those that ship."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

import pytest

from orchestrator import answers
from orchestrator.evals.case import Case
from orchestrator.evals.grading import grade
from orchestrator.evals.sets import open_set
from orchestrator.experts.simulated.family import Task
from orchestrator.experts.simulated.mind import reply
from orchestrator.experts.simulated.people import PEOPLE
from orchestrator.experts.simulated.reading import read
from orchestrator.prompts import load_prompts
from orchestrator.types import Message

UNSEEN = 90_210
OWN = ("word_problems", "logic_grid", "choice")
FRESH = {**dict.fromkeys(OWN, 2000), "game24": 400, "blocksworld": 400}
"""Unseen problems that the pool is tried on; the last two take longer to make up."""


@cache
def cases(spec: str) -> tuple[Case, ...]:
    return tuple(open_set(spec))


def asked(case: Case) -> tuple[Message, ...]:
    """The conversation of a chain of thought."""
    return case.problem.ask(load_prompts("orchestrator.strategies", "cot").answer).messages


def task_of(text: str) -> Task:
    found = read((Message("user", text),))
    assert found is not None, text
    return found.known.task


@pytest.mark.parametrize("name", OWN)
def test_without_faults_two_thousand_unseen_problems_are_all_solved(name: str) -> None:
    rng = random.Random(1)
    for case in cases(f"{name}:seed={UNSEEN},limit=2000"):
        found = read(asked(case))
        assert found is not None, case.problem.prompt
        task, reference = found.known.task, case.reference.answer or ""
        assert task.kind == case.problem.kind
        assert task.solve().answer == reference or task.right(reference), case.problem.prompt
        assert task.right(task.solve().answer)
        assert not task.right(task.solve(rng).answer), case.problem.prompt


async def accuracy(part: tuple[Case, ...], experts: int) -> float:
    """Percent right, each case by as many experts in turn."""
    right = total = 0
    for case, name in dealt(part, experts):
        text = reply(PEOPLE[name], asked(case), "#0")
        read_out = answers.read_now(case.problem, text)
        right += await grade(case, read_out.value if read_out else None) is True
        total += 1
    return 100 * right / total


def dealt(part: tuple[Case, ...], experts: int) -> Iterator[tuple[Case, str]]:
    names = list(PEOPLE)
    for i, case in enumerate(part):
        for j in range(experts):
            yield case, names[(i + j) % len(names)]


@pytest.mark.parametrize("name", FRESH)
async def test_the_pool_does_as_well_on_unseen_problems_as_on_those_that_ship(name: str) -> None:
    ours = await accuracy(cases(name), len(PEOPLE))
    fresh = await accuracy(cases(f"{name}:seed={UNSEEN},limit={FRESH[name]}"), 1)
    assert abs(ours - fresh) < 5


@pytest.mark.parametrize("name", FRESH)
async def test_experts_are_neither_hopeless_nor_perfect_and_differ(name: str) -> None:
    found = []
    for who in PEOPLE.values():
        texts = [(case, reply(who, asked(case), "#0")) for case in cases(name)]
        readings = [(case, answers.read_now(case.problem, text)) for case, text in texts]
        assert all(reading is not None for _, reading in readings)
        found.append(sum([await grade(case, reading.value) is True for case, reading in readings if reading]))
    assert min(found) >= 40
    assert max(found) <= 90
    assert max(found) - min(found) >= 15


class TestWhatIsToldIsWhatCounts:
    STORY = (
        "{who} wants to buy a {what} that costs ${price}. She already has ${has}. Every week she earns ${earns} and "
        "spends ${spends} of it. After how many weeks can she buy the {what}?"
    )

    @pytest.mark.parametrize(
        ("slots", "weeks"),
        [
            ({"who": "Nora", "what": "tent", "price": 100, "has": 20, "earns": 12, "spends": 2}, "8"),
            ({"who": "Xanthippe", "what": "submarine", "price": 100, "has": 20, "earns": 12, "spends": 2}, "8"),
            ({"who": "Nora", "what": "tent", "price": 110, "has": 20, "earns": 12, "spends": 2}, "9"),
            ({"who": "Nora", "what": "tent", "price": "1,100", "has": 100, "earns": 25, "spends": 5}, "50"),
            ({"who": "Nora", "what": "tent", "price": 100, "has": 20, "earns": "twelve", "spends": "two"}, "8"),
        ],
        ids=["plain", "renamed", "dearer", "thousands", "words"],
    )
    def test_word_problem(self, slots: dict[str, object], weeks: str) -> None:
        assert task_of(self.STORY.format(**slots)).solve().answer == weeks

    @pytest.mark.parametrize(
        ("names", "clue", "answer"),
        [
            (("Ann", "Bob", "Cid"), "{0} does not drink milk.", "Bob"),
            (("Ann", "Bob", "Cid"), "{2} does not drink milk.", "Ann"),
            (("Quentin", "Ruth", "Saul"), "{0} does not drink milk.", "Ruth"),
        ],
        ids=["plain", "another clue", "renamed"],
    )
    def test_logic_grid(self, names: tuple[str, ...], clue: str, answer: str) -> None:
        text = (
            "{0}, {1} and {2} are friends. Each likes a different drink: tea, milk and cola. Clues: 1. {2} never "
            "drinks tea. 2. {1} does not drink tea. 3. {2} does not like milk. 4. " + clue + " Who drinks milk?"
        )
        if "{2}" in clue:
            text = text.replace("2. {1} does not drink tea. 3. {2} does not like milk.", "2. {1} has tea.")
        assert task_of(text.format(*names)).solve().answer == answer

    def test_options_in_another_order_have_another_letter(self) -> None:
        text = "Today is Monday. Which day of the week will it be in 10 days?\n\n(A) {}\n(B) {}\n(C) {}"
        assert task_of(text.format("Friday", "Thursday", "Sunday")).solve().answer == "B"
        assert task_of(text.format("Sunday", "Friday", "Thursday")).solve().answer == "C"

    def test_the_question_behind_worked_examples_is_the_one(self) -> None:
        example = "How many minutes are 2 hours?\n\nThat is 2 x 60 = 120. The answer is 120."
        assert task_of(f"{example}\n\nHow many minutes are 3 hours?").solve().answer == "180"

    def test_a_later_question_of_a_conversation_comes_before_an_earlier_one(self) -> None:
        talk = (
            Message("user", "How many minutes are 2 hours?"),
            Message("assistant", "The answer is 120"),
            Message("user", "How many hours are 3 days?"),
        )
        found = read(talk)
        assert found is not None
        assert found.known.task.solve().answer == "72"
        assert not found.follows_up

    def test_a_filler_between_the_sentences_does_no_harm(self) -> None:
        text = self.STORY.format(who="Nora", what="tent", price=100, has=20, earns=12, spends=2)
        assert task_of(text.replace("She already", "It is a rainy day. She already")).solve().answer == "8"

    @pytest.mark.parametrize(
        "text",
        ["Who wrote Hamlet?", "How many pets has Ann?", "", "Write a poem about Ann, Bob and Cid.", "What is 2?"],
    )
    def test_what_is_none_of_it_is_not_read(self, text: str) -> None:
        assert read((Message("user", text),)) is None
