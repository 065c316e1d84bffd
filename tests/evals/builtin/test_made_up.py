"""The sets that are made up: as many problems as wanted, by a seed."""

from __future__ import annotations

from itertools import islice

import pytest

from orchestrator.errors import BenchmarkError, ConfigError, UnknownName
from orchestrator.evals.builtin import SETS, rows
from orchestrator.evals.sets import open_set


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_the_same_whenever_it_is_opened_and_another_for_another_seed(name: str) -> None:
    ours, again, other = open_set(name), open_set(name), open_set(f"{name}:seed=77")
    assert [case.problem for case in ours] == [case.problem for case in again]
    assert ours.digest == again.digest != other.digest
    assert ours.count == other.count == SETS[name].size
    assert ours.gradable


@pytest.mark.parametrize("name", SETS)
def test_ids_and_questions_are_distinct(name: str) -> None:
    some = list(islice(rows(name, 12), 30))  # as many as there are programs
    assert len({row["id"] for row in some}) == 30
    assert len({str((row["question"], row.get("options"))) for row in some}) == 30


def test_ids_tell_seeds_apart() -> None:
    one, other = ({row["id"] for row in islice(rows("choice", seed), 50)} for seed in (1, 2))
    assert not one & other


def test_limit_takes_as_many_as_it_says_and_begins_alike() -> None:
    ours = [case.problem for case in open_set("word_problems")]
    more = [case.problem for case in open_set("word_problems:limit=250")]
    assert len(more) == 250
    assert more[:100] == ours
    assert [case.problem for case in open_set("word_problems:limit=3")] == ours[:3]


def test_other_options_choose_among_what_is_made() -> None:
    ages = open_set("word_problems:category=ages,limit=5")
    assert [case.category for case in ages] == ["ages"] * 5
    assert {case.part for case in open_set("choice:part=fit")} == {"fit"}
    with pytest.raises(BenchmarkError, match="no problem of the set is left with category=none"):
        list(open_set("word_problems:category=none"))


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("choice:sed=1", UnknownName, r"unknown set option 'sed' in the set choice; did you mean 'seed'\?"),
        ("choice:seed=x", ConfigError, "seed=x: write a whole number"),
        ("choice:format=gsm8k", UnknownName, "unknown set option 'format'"),
        ("choice:limit=0", ConfigError, "limit=0"),
        ("choise", BenchmarkError, "did you mean 'choice'"),
    ],
)
def test_options_that_do_not_fit_are_refused(spec: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        open_set(spec)


def test_mini_takes_one_of_each_in_turn() -> None:
    others = [name for name in SETS if name != "mini"]
    names = [case.problem.id.partition("/")[0] for case in open_set("mini")]
    assert names == others * (len(names) // len(others))
    assert {case.problem.kind for case in open_set("mini")} == {"number", "game24", "plan", "choice", "code"}


@pytest.mark.parametrize("name", ["logic_grid", "choice"])
def test_options_are_distinct_and_the_answer_is_no_favourite_letter(name: str) -> None:
    chosen = [row for row in islice(rows(name, 8), 600) if row["kind"] == "choice"]
    for row in chosen:
        options = row["options"]
        assert isinstance(options, list)
        assert len(set(map(str, options))) == len(options) >= 3
    letters = [row["answer"] for row in chosen]
    assert all(letters.count(letter) < len(chosen) * 0.45 for letter in "ABCD")
