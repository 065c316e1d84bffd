"""A bench taken up again: what is run anew, what is counted, and what is left of its budget."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.budget import Budget
from orchestrator.experts.scripted import ScriptedExpert

from .benching import VOTE, bench, cases, doubled, lines, plan_of, rows, traced


class TestResume:
    def test_only_what_has_no_line_is_run(self, tmp_path: Path) -> None:
        expert = ScriptedExpert(doubled)
        _, first = bench(tmp_path / "run", plan_of(expert), cases(4))
        asked = len(expert.requests)
        work, again = bench(tmp_path / "run", plan_of(expert), cases(6))
        assert [request.labels.problem for request in expert.requests[asked:]] == ["toy/4", "toy/5"]
        assert (first[0]["solved"], again[0]["solved"]) == (4, 6)
        assert again[0]["calls"] == 6
        assert work.lines == 6

    @pytest.mark.parametrize("torn", ["", '{"problem":"toy/3","strat'])
    def test_a_kill_between_the_trace_and_the_line_counts_nothing_twice(self, tmp_path: Path, torn: str) -> None:
        folder, expert = tmp_path / "run", ScriptedExpert(doubled)
        _, undisturbed = bench(tmp_path / "other", plan_of(expert), cases(5))
        bench(folder, plan_of(expert), cases(4))
        whole = (folder / "results.jsonl").read_text().splitlines(keepends=True)
        (folder / "results.jsonl").write_text("".join(line for line in whole if "toy/3" not in line) + torn)
        for _ in range(2):
            _, table = bench(folder, plan_of(expert), cases(5))
            assert {name: table[0][name] for name in ("calls", "prompt_tokens", "completion_tokens")} == {
                name: undisturbed[0][name] for name in ("calls", "prompt_tokens", "completion_tokens")
            }
        usage = [row["problem"] for row in traced(folder) if row["kind"] == "usage"]
        assert sorted(usage) == [f"toy/{i}" for i in range(5)]
        assert lines(folder) == lines(tmp_path / "other")

    def test_a_trace_cut_off_within_a_problem_is_dropped_with_its_beginning(self, tmp_path: Path) -> None:
        folder, expert = tmp_path / "run", ScriptedExpert(doubled)
        bench(folder, plan_of(expert), cases(3))
        with (folder / "trace.jsonl").open("a") as out:
            out.write(
                '{"problem":"toy/3","strategy":"cot","seed":0,"kind":"call","place":[],"at":0.1}\n{"problem":"toy/3"'
            )
        bench(folder, plan_of(expert), cases(4))
        assert [row["kind"] for row in traced(folder) if row["problem"] == "toy/3"] == ["call", "emit", "stop", "usage"]

    def test_rows_of_the_trace_that_belong_to_no_problem_stay(self, tmp_path: Path) -> None:
        folder, expert = tmp_path / "run", ScriptedExpert(doubled)
        bench(folder, plan_of(expert), cases(1))
        with (folder / "trace.jsonl").open("a") as out:
            out.write('{"kind":"note"}\n{"problem":"toy/7","strategy":"cot","seed":0,"kind":"call"}\n')
        bench(folder, plan_of(expert), cases(1))
        assert [row["kind"] for row in traced(folder) if "problem" not in row] == ["note"]
        assert "toy/7" not in {row.get("problem") for row in traced(folder)}

    def test_seconds_are_those_of_all_invocations(self, tmp_path: Path) -> None:
        seconds = []
        for count in (2, 4):
            expert = ScriptedExpert(doubled, latency=0.2)
            _, table = bench(tmp_path / "run", plan_of(expert, concurrency=1), cases(count))
            seconds.append(table[0]["seconds"])
        assert seconds[0] >= 0.4
        assert seconds[1] >= seconds[0] + 0.4

    def test_a_line_of_a_row_that_the_plan_no_longer_has_is_kept_and_not_counted(self, tmp_path: Path) -> None:
        expert = ScriptedExpert(doubled)
        bench(tmp_path / "run", plan_of(expert, strategies=("cot", VOTE)), cases(2))
        _, table = bench(tmp_path / "run", plan_of(expert, strategies=("cot",)), cases(3))
        assert [(row["strategy"], row["solved"]) for row in table] == [("cot", 3)]
        assert len(lines(tmp_path / "run")) == 5


class TestRunBudget:
    def test_a_cut_problem_has_no_line_and_a_larger_budget_goes_on(self, tmp_path: Path) -> None:
        expert = ScriptedExpert(doubled)
        settings = {"strategies": (VOTE,), "concurrency": 2}
        bench(tmp_path / "whole", plan_of(expert, **settings), cases(10))
        work, table = bench(tmp_path / "run", plan_of(expert, run_budget=Budget(calls=10), **settings), cases(10))
        assert "run" in work.out_of_budget
        assert table[0]["calls"] <= 10
        assert {row["stopped_by"] for row in rows(tmp_path / "run")} == {"done"}
        bench(tmp_path / "run", plan_of(expert, run_budget=Budget(calls=30), **settings), cases(10))
        assert lines(tmp_path / "run") == lines(tmp_path / "whole")

    def test_seconds_hold_over_resumes(self, tmp_path: Path) -> None:
        expert = ScriptedExpert(doubled, latency=0.2)
        plan = plan_of(expert, concurrency=1, run_budget=Budget(seconds=0.5))
        first, _ = bench(tmp_path / "run", plan, cases(10))
        asked = len(expert.requests)
        second, _ = bench(tmp_path / "run", plan, cases(10))
        assert "seconds" in first.out_of_budget
        assert "seconds" in second.out_of_budget
        assert first.lines == second.lines <= 2
        assert len(expert.requests) == asked
