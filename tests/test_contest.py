"""What solves a problem where the user leaves it open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Budget, asolve
from orchestrator.contest import Contests, _names_files, contestant_for, default_strategy
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.registry import build, checker_of
from orchestrator.types import Example, Kind, Message, Problem, Request


def asked(kind: Kind, **fields: Any) -> Problem:
    return Problem("p", (Message("user", "?"),), kind, **fields)


@pytest.mark.parametrize(
    ("problem", "checker"),
    [
        (asked("code"), None),
        (asked("code", public_tests=("assert f(1)",)), "unit_tests"),
        (asked("code", examples=(Example("1", "2"),)), "unit_tests"),
        (asked("plan"), None),
        (asked("plan", meta={"pddl_instance": "(i)"}), "plan"),
        (asked("game24"), "game24"),
        (asked("number"), None),
    ],
    ids=range(7),
)
def test_what_can_be_checked_is(problem: Problem, checker: str | None) -> None:
    assert checker_of(problem) == checker
    strategy, reason = default_strategy(problem)
    assert (strategy == "best_of_n") is (checker is not None)
    assert checker is None or checker in reason


def test_of_free_text_a_model_picks_the_most_consistent() -> None:
    strategy, reason = default_strategy(asked("text"))
    assert (strategy, "free text has no vote" in reason) == ("universal_sc", True)
    assert default_strategy(asked("text"), "none")[0] == "universal_sc"
    assert default_strategy(asked("text"), "judge")[0] == "best_of_n"
    assert default_strategy(asked("game24"), "none")[0] == "self_consistency"


@pytest.mark.parametrize(
    ("cap", "samples", "selections"), [(1, 1, 0), (3, 1, 0), (4, 2, 1), (6, 4, 1), (9, 7, 1), (10, 8, 1), (99, 8, 1)]
)
async def test_free_text_under_a_cap_takes_fewer_samples_and_one_needs_no_selection(
    cap: int, samples: int, selections: int
) -> None:
    def script(request: Request) -> str:
        if request.labels.purpose == "select":
            return "The most consistent one is Candidate 1"
        return f"Once upon a time, there were {request.sample_index} of them."

    expert = ScriptedExpert(script)
    out = await asolve("Tell a story.", experts=[expert.value], budget=Budget(calls=cap))
    assert (len(out.candidates), out.usage.calls, out.stopped_by) == (samples, samples + selections, "done")
    assert out.chosen_by == ("judge" if selections else "vote")


def test_of_one_run_what_a_spec_names_is_made_once() -> None:
    contests = Contests()
    first, second = (contests(asked("number"), "moa(inner=spp)", "judge", None) for _ in range(2))
    assert first.strategy is second.strategy
    assert first.verifier is second.verifier
    assert first.aggregator is second.aggregator
    assert contestant_for(asked("number"), "moa(inner=spp)", "judge", None) == first


def test_of_very_many_specs_the_last_ones_are_kept() -> None:
    contests = Contests()
    specs = [f"self_consistency(samples={number})" for number in range(1, 600)]
    made = [contests(asked("number"), spec, None, None).strategy for spec in specs]
    assert contests(asked("number"), specs[-1], None, None).strategy is made[-1]
    again = contests(asked("number"), specs[0], None, None).strategy
    assert (again == made[0], again is made[0]) == (True, False)


def test_of_a_wallet_what_names_files_is_made_anew_wherever_they_are_named() -> None:
    @dataclass(frozen=True)
    class Several:
        """Of somebody's own."""

        parts: tuple[object, ...] = ()
        by_name: Mapping[str, object] = field(default_factory=dict)

        async def __call__(self) -> None: ...

    assert not _names_files(Several((Several(), "a"), {"b": 1}))
    assert _names_files(Several((Several((Path("a"),)),)))
    assert _names_files(Several(by_name={"b": Several((Path("a"),))}))


def test_each_problem_has_the_checker_of_its_own_kind() -> None:
    contests = Contests()
    found = [contests(asked(kind), "best_of_n", None, None).verifier for kind in ("game24", "number", "game24")]
    assert (found[0] is found[2], found[1]) == (True, None)


def test_what_is_no_spec_is_taken_as_it_is() -> None:
    strategy = build("strategies", "cot")
    assert Contests()(asked("number"), strategy, None, None).strategy is strategy
