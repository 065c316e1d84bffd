from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.errors import BenchmarkError, UnknownName
from orchestrator.evals.case import Case, Reference
from orchestrator.evals.select import select
from orchestrator.types import Message, Problem


def case(number: int, **fields: Any) -> Case:
    problem = Problem(f"toy/{number}", (Message("user", "?"),))
    return Case(problem, Reference("x"), **{"part": "fit" if number % 2 else "eval", **fields})


def ids(cases: Iterator[Case]) -> list[str]:
    return [case.problem.id for case in cases]


def counting(stop: int) -> Iterator[Case]:
    """Fails the test when read beyond `stop`."""
    for number in range(10**9):
        assert number < stop, "read too far"
        yield case(number)


def test_everything_by_default_in_the_set_s_order() -> None:
    assert ids(select([case(2), case(1)])) == ["toy/2", "toy/1"]


def test_a_limit_counts_what_is_left_and_reads_no_further() -> None:
    assert ids(select(counting(4), limit=2, part="fit")) == ["toy/1", "toy/3"]


def test_ids_stop_reading_when_all_were_seen() -> None:
    assert ids(select(counting(5), ids=["toy/4", "toy/0"])) == ["toy/0", "toy/4"]


def test_an_unknown_id_is_told_after_reading_with_a_suggestion() -> None:
    chosen = select([case(1), case(2)], ids=["toy/1", "tov/2"])
    assert next(chosen).problem.id == "toy/1"
    with pytest.raises(UnknownName, match=r"unknown problem 'tov/2'; did you mean 'toy/2'\?"):
        next(chosen)


def test_categories_subjects_and_splits() -> None:
    cases = [case(1, category="math"), case(2, category="law", subject="tax"), case(3, category="art", split="dev")]
    assert ids(select(cases, category="law|art")) == ["toy/2", "toy/3"]
    assert ids(select(cases, subject="tax")) == ["toy/2"]
    assert ids(select(cases, split="dev")) == ["toy/3"]


@pytest.mark.parametrize(
    ("conditions", "words"),
    [({"part": "fit"}, "part=fit"), ({"category": "law", "ids": ["toy/2"]}, "category=law, ids")],
)
def test_an_empty_selection_is_an_error_that_names_the_conditions(conditions: dict[str, Any], words: str) -> None:
    with pytest.raises(BenchmarkError, match=f"no problem of the set is left with {words}$"):
        list(select([case(2)], **conditions))


def test_nothing_is_kept_of_a_long_set() -> None:
    import tracemalloc

    one = case(1)
    tracemalloc.start()
    try:
        assert sum(1 for _ in select((one for _ in range(50_000)), part="fit")) == 50_000
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
