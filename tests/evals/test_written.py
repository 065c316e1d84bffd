"""Answers that an aggregator writes itself: graded, counted and resumed like those that it chooses."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.evals.rejudging import samples_of
from orchestrator.evals.results import ResultLine, result_line
from orchestrator.experts.scripted import ScriptedExpert
from orchestrator.folder import RunView
from orchestrator.types import Request, Scored, Verdict

from .benching import bench, cases, lines, plan_of, rows
from .test_results import ANSWERED, candidate

SPEC = "synthesis(samples=3)"


def script(request: Request) -> str:
    """Candidates are wrong; the writer is right about even numbers, and of others says what a candidate says."""
    if request.labels.purpose != "synthesis":
        return f"The answer is {100 + request.sample_index % 2}."
    number = int(re.findall(r"twice (\d+)", request.messages[-1].text)[-1])
    return f"The answer is {100 if number % 2 else 2 * number}."


def test_a_line_holds_what_was_written_beside_the_candidates(tmp_path: Path) -> None:
    bench(tmp_path / "run", plan_of(ScriptedExpert(script), strategies=(SPEC,)), cases(2))
    even, odd = rows(tmp_path / "run")
    assert (even["answer"], even["correct"], even["chosen_by"]) == ("0", True, "synthesis")
    assert even["chosen"] == even["written"]["id"]
    assert even["chosen"] not in {one["id"] for one in even["candidates"]}
    assert (even["written"]["correct"], even["written"]["group"]) == (True, 2)
    assert (odd["written"]["correct"], odd["written"]["group"]) == (False, 0)


def test_where_nothing_is_written_a_line_has_no_such_field(tmp_path: Path) -> None:
    bench(tmp_path / "run", plan_of(ScriptedExpert(script)), cases(1))
    (row,) = rows(tmp_path / "run")
    assert "written" not in row


def test_it_counts_for_accuracy_and_coverage_but_not_as_a_sample(tmp_path: Path) -> None:
    _, (row,) = bench(tmp_path / "run", plan_of(ScriptedExpert(script), strategies=(SPEC,)), cases(4))
    assert (row["accuracy"], row["oracle"], row["selection_efficiency"]) == (0.5, 0.5, 1.0)
    assert (row["candidates"], row["pass_at"]["1"], row["chosen_by"]) == (12, 0.0, {"synthesis": 4})


def test_a_run_that_was_cut_short_and_resumed_has_the_lines_of_one_that_was_not(tmp_path: Path) -> None:
    plan = plan_of(ScriptedExpert(script), strategies=(SPEC,))
    bench(tmp_path / "whole", plan, cases(6))
    bench(tmp_path / "cut", plan, cases(3))
    expert = ScriptedExpert(script)
    bench(tmp_path / "cut", plan_of(expert, strategies=(SPEC,)), cases(6))
    assert lines(tmp_path / "cut") == lines(tmp_path / "whole")
    assert len(expert.requests) == 3 * 4


def test_a_line_comes_back_as_it_was_written_and_is_judged_again(tmp_path: Path) -> None:
    bench(tmp_path / "run", plan_of(ScriptedExpert(script), strategies=(SPEC,)), cases(1))
    (row,) = rows(tmp_path / "run")
    assert json.loads(json.dumps(ResultLine.read(row).to_json())) == row
    *candidates, last = samples_of(RunView(tmp_path / "run"))
    assert (len(candidates), last.chosen, last.text, last.recorded) == (3, True, "0", True)


@pytest.mark.parametrize(("answer", "group"), [("7", 0), ("8", 1), ("9", 2)])
def test_its_group_is_that_of_the_candidates_with_the_same_answer(answer: str, group: int) -> None:
    written = Scored(candidate(9, answer), Verdict(0.25, False, "no", "number"))
    ended = replace(ANSWERED, written=written)
    line = result_line(ended, SPEC, 0, True, [False, True, False], written=False)
    assert line.written is not None
    assert (line.written.group, line.written.correct, line.written.passed) == (group, False, False)
