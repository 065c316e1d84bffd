"""The built-in set of small Python tasks."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from orchestrator.evals.builtin.code import rows
from orchestrator.evals.case import Case
from orchestrator.evals.grading import grade
from orchestrator.evals.replay_format import READER
from orchestrator.evals.rows import Line

from ..asserting import asserts_of

TASKS = 30


def drawn(seed: int, number: int) -> list[dict[str, Any]]:
    return list(islice(rows(seed), number))


def cases(seed: int, number: int) -> list[Case]:
    lines = [Line(row, i, Path("set.jsonl")) for i, row in enumerate(drawn(seed, number), 1)]
    return list(READER.cases(lines, {}))


def passes(program: str, tests: str) -> bool:
    names: dict[str, Any] = {}
    exec(program, names)
    try:
        exec(tests, names)
    except AssertionError:
        return False
    return True


def test_the_same_seed_draws_the_same_rows_and_another_seed_others() -> None:
    assert drawn(1, 45) == drawn(1, 45)
    assert drawn(1, 45) != drawn(2, 45)
    assert len({row["id"] for row in drawn(1, 90)}) == 90


def test_all_tasks_come_before_one_comes_again() -> None:
    tellings = Counter(row["answer"].partition("(")[2][-60:] for row in drawn(3, TASKS))
    assert max(tellings.values()) == 1
    assert Counter(row["category"] for row in drawn(3, TASKS)) == {"strings": 10, "lists": 12, "numbers": 8}


def test_rows_are_of_the_problem_format_with_the_hidden_tests_kept_from_the_solver() -> None:
    for case in cases(4, TASKS):
        assert case.gradable
        assert case.problem.kind == "code"
        assert len(case.problem.public_tests) == 2
        (tests,) = asserts_of(case).tests
        hidden = [test for test in tests.splitlines() if test not in case.problem.public_tests]
        assert len(hidden) >= 3
        assert not any(test in case.problem.question for test in hidden)
        assert str(case.problem.meta["entry_point"]) in case.problem.prompt


def test_references_pass_their_tests_which_a_constant_does_not() -> None:
    for row in drawn(5, TASKS):
        assert passes(row["answer"], row["tests"]), row["question"]
        for constant in ("None", "[]", "''", "0", "True"):
            assert not passes(f"def {row['entry_point']}(*args):\n    return {constant}", row["tests"]), row["question"]


def test_a_number_in_the_text_is_the_one_that_the_tests_are_about() -> None:
    """Rows of one task that differ in a number differ in what they expect."""
    chunks = {
        row["question"].partition("batches of ")[2][0]: row
        for row in drawn(6, 8 * TASKS)
        if "batches" in row["question"]
    }
    assert len(chunks) > 1
    for size, row in chunks.items():
        names: dict[str, Any] = {}
        exec(row["answer"], names)
        assert len(names[row["entry_point"]](list(range(20)))[0]) == int(size)


def test_tasks_are_told_as_stubs_and_in_sentences() -> None:
    texts = [row["question"] for row in drawn(7, TASKS)]
    stubs = [text for text in texts if text.startswith("def ")]
    assert 5 < len(stubs) < 25
    for text in stubs:
        compile(text, "<stub>", "exec")


@pytest.mark.parametrize("place", [0, 11])
async def test_the_grader_runs_the_hidden_tests(place: int) -> None:
    case = cases(8, 12)[place]
    assert case.reference.answer is not None
    assert await grade(case, case.reference.answer) is True
    assert await grade(case, f"def {case.reference.entry_point}(*args):\n    return None\n") is False
