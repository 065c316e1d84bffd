"""The rules of the three sets that solo performance prompting is measured on: as published, flaws included, and strict.

What each row should get was worked out by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator import answers
from orchestrator.errors import BenchmarkError, UnknownName
from orchestrator.evals.case import Case
from orchestrator.evals.grading import grade, scored
from orchestrator.evals.judging import Cases, Judge, Judged
from orchestrator.evals.samples import Sample
from orchestrator.evals.sets import open_set
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.sandbox import Sandbox
from orchestrator.types import Problem

from .benching import bench, plan_of
from .benching import rows as written
from .conftest import Write

STORY = {
    "questions": ["Which country has the internet domain .us?", "Who painted the Sistine Chapel's ceiling?"],
    "answers": [["US", "United States"], ["Michelangelo", "michelangelo", "Michelangelo Buonarroti"]],
    "question_ids": ["a", "b"],
    "topic": "a lighthouse",
}
GAME = {"idx": 7, "word_list": ["apple", "pear", "river", "New York", "drum"], "target_words": ["apple", "pear"]}
BOTH = ("strict", "published")


def puzzle(target: int) -> dict[str, Any]:
    numbers = [str(i) for i in range(1, 11)]
    return {
        "inputs": "Q: There are 10 houses in a row. What is the number of the house with the oboe?\nA:",
        "targets": [str(target)],
        "multiple_choice_targets": numbers,
        "multiple_choice_scores": [int(i == str(target)) for i in numbers],
    }


def only(write: Write, row: dict[str, Any], rule: str) -> Case:
    (case,) = open_set(f"{write(row)}:rule={rule}")
    return case


async def value_of(problem: Problem, reply: str) -> str | None:
    reading = await answers.read(problem, reply)
    return None if reading is None else reading.value


@pytest.mark.parametrize(
    ("reply", "strict", "published"),
    [
        ("Final answer: Michelangelo sailed from the United States.", 2, 2),
        ("Final answer:\nMICHELANGELO met a sailor of the U.S. fleet.", 1, 1),
        pytest.param("Final answer: She loved music.", 0, 1, id="an alias that is a part of a word"),
        pytest.param(
            "Michelangelo, from the United States...", 0, 2, id="no final answer: the whole reply is searched"
        ),
        pytest.param(
            "Participants: AI Assistant; Art historian\nArt historian: It was Michelangelo, and the US.",
            0,
            2,
            id="a dialogue that stopped early",
        ),
        pytest.param(
            'I put it behind "Final answer:" once we agree.\nFinal answer: Michelangelo left the United States.',
            2,
            0,
            id="the first marker is the instruction said again",
        ),
        pytest.param("Final answer: a story\nFinal answer: Michelangelo, US", 2, 0, id="two markers"),
        pytest.param("Michelangelo, US.\nFinal answer: The lamp went out.", 0, 0, id="what stands before the marker"),
        ("Final answer: Buonarroti", 0, 0),
        ("final answer: michelangelo buonarroti", 1, 1),
        ("", 0, 0),
    ],
)
async def test_trivia(write: Write, reply: str, strict: int, published: int) -> None:
    for rule, points in zip(BOTH, (strict, published), strict=True):
        case = only(write, STORY, rule)
        score = scored(case, await value_of(case.problem, reply), reply)
        assert score is not None
        assert (rule, score.points, score.of) == (rule, points, 2)


@pytest.mark.parametrize(
    ("target", "reply", "strict", "published"),
    [
        (2, "Final answer: 2", True, True),
        (2, "Final answer: The house number is 2.", True, True),
        (2, "Final answer: 2nd", True, True),
        (2, "Final answer: 12", False, False),
        (2, "Final answer: 3", False, False),
        pytest.param(1, "Final answer: house 1, not house 2", True, False, id="another house is mentioned"),
        pytest.param(1, "Final answer: house 1, not the second", True, False, id="another ordinal is mentioned"),
        pytest.param(10, "Final answer: 10", True, False, id="the 1 in 10 counts as another number"),
        pytest.param(10, "Final answer: the tenth", False, True, id="an ordinal is met in words alone"),
        pytest.param(1, "Final answer: 11", False, True, id="11 has a 1 in it"),
        pytest.param(2, "Final answer: 22", False, True, id="22 has a 2 in it"),
        pytest.param(3, "The clues leave house 3.", True, True, id="no marker, no other house"),
        pytest.param(3, "House 1 is taken.\nThe answer is 3.", True, False, id="no marker: the reasoning counts"),
        pytest.param(2, "Participants: AI Assistant; Second reader", False, True, id="a dialogue that stopped early"),
        pytest.param(2, 'Once we agree: "Final answer: N".\nFinal answer: 2', True, False, id="the instruction again"),
        ("4", "", False, False),
    ],
)
async def test_logic_grid_puzzle(write: Write, target: int, reply: str, strict: bool, published: bool) -> None:
    for rule, right in zip(BOTH, (strict, published), strict=True):
        case = only(write, puzzle(target), rule)
        assert (rule, await grade(case, await value_of(case.problem, reply), text=reply)) == (rule, right)


BOARD = "the hint is on the board"
NO_WORD = "the hint is no single word"
MANY = "too many guesses"


@pytest.mark.parametrize(
    ("answer", "reply", "strict", "published", "flags"),
    [
        ("fruit: apple, pear", "Final answer: apple, pear", 2, 2, ()),
        ("fruit: pear, drum", "Final answer: Pear., Drum", 1, 1, ()),
        ("fruit: pear", "Final answer: pear", 1, 1, ()),
        pytest.param("fruit: apple, pear", "apple, pear", 2, 2, (), id="without a marker all of it is taken"),
        pytest.param(
            "fruit: drum, river, apple, pear", "Final answer: drum, river, apple, pear", 0, 2, (MANY,), id="too many"
        ),
        pytest.param(
            "fruit: apple, pear, drum",
            "Final answer: apple, pear, drum",
            2,
            2,
            (MANY,),
            id="too many, right ones first",
        ),
        pytest.param(
            "fruit: drum, river", "Final answer: drum, river, apple, pear", 0, 2, (MANY,), id="cut by a referee"
        ),
        pytest.param("apple: apple, pear", "Final answer: apple, pear", 0, 2, (BOARD,), id="a hint on the board"),
        pytest.param("Apple.: apple", "Final answer: apple", 0, 1, (BOARD,), id="a hint on the board, dressed up"),
        pytest.param("fruit salad: apple", "Final answer: apple", 0, 1, (NO_WORD,), id="a hint of two words"),
        pytest.param("apple, pear", "Final answer: apple, pear", 0, 2, (NO_WORD,), id="no hint at all"),
        pytest.param(None, "Player: apple, pear", 0, 1, ("no final answer",), id="unread: what stands between commas"),
        pytest.param("fruit: apple and pear", "Final answer: apple and pear", 2, 0, (), id="no comma"),
        pytest.param("fruit: apple, apple, pear", "Final answer: apple, apple, pear", 2, 2, (), id="a word said twice"),
    ],
)
def test_codenames(
    write: Write, answer: str | None, reply: str, strict: int, published: int, flags: tuple[str, ...]
) -> None:
    for rule, points in zip(BOTH, (strict, published), strict=True):
        score = scored(only(write, GAME, rule), answer, reply)
        assert score is not None
        assert (rule, score.points, score.of, score.flags) == (rule, points, 2, flags)


def test_guessing_the_whole_board_is_flagged_and_earns_nothing_more(write: Write) -> None:
    board = [f"word{i}" for i in range(25)]
    game = {"idx": 1, "word_list": board, "target_words": [board[3], board[20]]}
    everything = f"hint: {', '.join(board)}"
    strict, published = (scored(only(write, game, rule), everything) for rule in BOTH)
    assert strict is not None
    assert published is not None
    assert (strict.points, strict.flags) == (0, (MANY,))
    assert (published.points, published.flags) == (2, (MANY,))


def test_a_rule_that_there_is_not_is_named(write: Write) -> None:
    with pytest.raises(UnknownName, match="unknown rule 'publised'; did you mean 'published'"):
        open_set(f"{write(STORY)}:rule=publised")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**STORY, "answers": [["US"]]}, "field 'answers': needs at least one alias for each"),
        ({**STORY, "answers": [["US"], []]}, "field 'answers': needs at least one alias for each"),
        ({**GAME, "target_words": ["plum"]}, "field 'target_words': 'plum' is not on the board"),
        ({**puzzle(2), "targets": ["house 2"]}, "field 'targets': 'house 2' is not the number of a house"),
    ],
    ids=["too few answers", "no alias", "a target elsewhere", "no number"],
)
def test_a_row_that_cannot_be_scored_is_refused(write: Write, row: dict[str, Any], message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        list(open_set(str(write(row))))


def test_nothing_that_is_scored_by_reaches_a_strategy_but_a_spymaster_knows_the_targets(write: Write) -> None:
    story, game = only(write, STORY, "strict").problem, only(write, GAME, "strict").problem
    assert "Michelangelo" not in repr(story)
    assert game.meta["codenames"] == {"board": GAME["word_list"], "targets": GAME["target_words"]}


def test_ids_and_the_answer_s_cue(write: Write) -> None:
    assert [only(write, row, "strict").problem.id for row in (STORY, GAME, puzzle(2))] == [
        "trivia_2/0",
        "codenames/7",
        "logic_grid_puzzle/0",
    ]
    assert only(write, puzzle(2), "strict").problem.prompt.endswith("with the oboe?")


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("strict", [("passed", "2 of 2"), ("failed", "1 of 2"), ("unparsed", "0 of 2; no final answer")]),
        ("published", [("passed", "2 of 2"), ("failed", "1 of 2"), ("passed", "2 of 2; no final answer")]),
    ],
)
async def test_replies_that_are_there_already_are_judged_by_the_rule(
    write: Write, box: Sandbox, rule: str, found: list[tuple[str, str]]
) -> None:
    replies = [
        "Final answer: Michelangelo left the United States.",
        "Final answer: Michelangelo stayed.",
        "Historian: Michelangelo. US.",
    ]
    told: list[Judged] = []
    judge = Judge(Cases(open_set(f"{write(STORY)}:rule={rule}")), box, told.append)
    await judge([Sample("trivia_2/0", reply, "reply", name=str(i)) for i, reply in enumerate(replies)])
    assert [(one.verdict, one.detail) for one in told] == found
    assert [one.passed for one in told] == [detail.startswith("2 of 2") for _, detail in found]


async def test_a_run_s_answers_are_judged_again_without_their_replies(write: Write, box: Sandbox) -> None:
    told: list[Judged] = []
    judge = Judge(Cases(open_set(str(write(GAME)))), box, told.append)
    answers_given = ("fruit: apple, pear", "apple: apple, pear", None)
    await judge([Sample("codenames/7", answer, "answer", name=str(i)) for i, answer in enumerate(answers_given)])
    assert [one.detail for one in told] == ["2 of 2", f"0 of 2; {BOARD}", "0 of 2; no final answer"]


@pytest.mark.parametrize(("rule", "points"), [("strict", 0), ("published", 2)])
@pytest.mark.parametrize("spec", ["spp(continuations=0, fallback=reply)", "cot"])
def test_a_run_scores_a_reply_that_nothing_could_be_read_out_of_by_the_sets_rule(
    write: Write, tmp_path: Path, spec: str, rule: str, points: int
) -> None:
    dialogue = ScriptedExpert(
        lambda _: "Participants: Art historian\nArt historian: Michelangelo.\nIn the US, that is."
    )
    bench(tmp_path / "run", plan_of(dialogue, strategies=(spec,)), [only(write, STORY, rule)])
    (row,) = written(tmp_path / "run")
    assert (row["answer"], row["status"], row["score"]["points"]) == (None, "unparsed", points)
    assert row["score"]["flags"] == ["no final answer"]


def test_a_spymasters_words_are_no_guesses(write: Write, tmp_path: Path) -> None:
    spymaster = ScriptedExpert(lambda _: "apple, pear")
    plan = plan_of(spymaster, strategies=("codenames(inner=spp(continuations=0, fallback=none), enforce=false)",))
    bench(tmp_path / "run", plan, [only(write, GAME, "published")])
    (row,) = written(tmp_path / "run")
    assert (row["answer"], row["score"]["points"]) == (None, 0)
