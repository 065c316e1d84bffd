"""The simulated experts' way with Codenames."""

from __future__ import annotations

import random
import re

import pytest

from orchestrator import asolve
from orchestrator.answers.codenames import objection
from orchestrator.evals.sets import open_set
from orchestrator.experts.simulated.codenames import FAMILY, Guesser, Spymaster, associated, themes
from orchestrator.prompts import load_prompts
from orchestrator.types import Problem

BOARDS = [case.problem for case in open_set("codenames")]


def spymaster(problem: Problem) -> Spymaster:
    found = FAMILY.read(f"You are careful.\n\n{problem.prompt}\n\nThink step by step. {problem.format}")
    assert isinstance(found, Spymaster)
    return found


def guesser(hint: str, problem: Problem = BOARDS[0], count: str = "3 words") -> Guesser:
    template = load_prompts("orchestrator.strategies", "codenames").guesser
    board = ", ".join(map(str, problem.meta["codenames"]["board"]))  # type: ignore[index, call-overload]
    found = FAMILY.read(template.render({"board": board, "hint": hint, "count": count, "which": "words are they"})[0])
    assert isinstance(found, Guesser)
    return found


@pytest.mark.parametrize("problem", BOARDS, ids=lambda problem: problem.id)
def test_a_spymaster_reads_board_and_targets_and_keeps_the_rules(problem: Problem) -> None:
    task = spymaster(problem)
    assert {"board": list(task.board), "targets": list(task.targets)} == problem.meta["codenames"]
    hint = task.solve().answer
    assert objection(hint, task.board) is None
    assert task.right(hint)
    assert len(set(task.observations())) >= 6


@pytest.mark.parametrize("problem", BOARDS, ids=lambda problem: problem.id)
def test_a_slip_leads_elsewhere(problem: Problem) -> None:
    task = spymaster(problem)
    slips = [task.solve(random.Random(i)).answer for i in range(20)]
    assert not any(map(task.right, slips))
    assert len(set(slips)) > 1


def test_a_guesser_reads_the_hint_and_names_what_belongs_to_it() -> None:
    task = guesser("instrument")
    assert (task.hint, task.count) == ("instrument", 3)
    assert task.solve().answer == "violin, drum, flute"
    assert task.right("flute, violin and drum.")
    assert len(set(task.observations())) >= 6


def test_a_guesser_s_slip_takes_one_word_for_another() -> None:
    task = guesser("instrument")
    for i in range(20):
        wrong = task.solve(random.Random(i)).answer.split(", ")
        assert len(set(wrong) & {"violin", "drum", "flute"}) == 2
        assert set(wrong) <= set(task.board)
        assert not task.right(", ".join(wrong))


def test_one_word_is_one_word() -> None:
    assert guesser("flower", BOARDS[3], "one word").solve().answer == "tulip"


def test_an_unknown_hint_is_met_by_what_it_has_a_theme_in_common_with() -> None:
    assert associated("guitar", ["river", "candle", "violin"])[0] == "violin"
    assert associated("nothing", ["river", "candle"]) == ["river", "candle"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The words on the board are: violin, drum, flute. Find them.",
        "A game of Codenames. The words on the board are: gnu, yak. Your teammate has to find this word: gnu.",
        "A game of Codenames. The words on the board are: violin, drum. Your teammate has to find this word: comet.",
        "How is Codenames played?",
    ],
    ids=["nothing", "no game", "unknown words", "a target elsewhere", "no board"],
)
def test_other_texts_are_not_this_game(text: str) -> None:
    assert FAMILY.read(text) is None


def test_themes_are_single_words_that_a_hint_can_be() -> None:
    assert all(re.fullmatch(r"[a-z]+", theme) for theme in themes())
    assert all(theme not in words and len(set(words)) == len(words) for theme, words in themes().items())


async def test_both_players_of_a_strategy_can_be_simulated() -> None:
    out = await asolve(BOARDS[0], experts=["sim:clio"], strategy="codenames")
    assert out.answer is not None
    hint, _, words = out.answer.partition(": ")
    assert hint not in words
    assert len(words.split(", ")) == 3
