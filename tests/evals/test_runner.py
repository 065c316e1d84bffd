"""A bench from its set to its lines: what is written, what is not, and what a resumed run makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import ConnectionLost
from orchestrator.evals.case import Case
from orchestrator.evals.runner import Bench
from orchestrator.experts.scripted import ScriptedExpert

from .benching import VOTE, Watcher, bench, cases, doubled, lines, plan_of, rows, traced


def test_there_is_one_line_for_each_problem_strategy_and_seed(tmp_path: Path) -> None:
    plan = plan_of(ScriptedExpert(doubled), strategies=("cot", VOTE), seeds=(0, 1))
    work, table = bench(tmp_path / "run", plan, cases(5))
    keys = {(row["problem"], row["strategy"], row["seed"]) for row in rows(tmp_path / "run")}
    assert keys == {(f"toy/{i}", name, seed) for i in range(5) for name in ("cot", VOTE) for seed in (0, 1)}
    assert len(rows(tmp_path / "run")) == work.lines == 20
    assert work.problems == 5
    assert work.complete
    assert [row["solved"] for row in table] == [10, 10]


def test_lines_tell_nothing_of_usage_times_or_what_a_cache_gave(tmp_path: Path) -> None:
    bench(tmp_path / "run", plan_of(ScriptedExpert(doubled), strategies=("cot", VOTE)), cases(2))
    names = {name for row in rows(tmp_path / "run") for name in row} | {
        name for row in rows(tmp_path / "run") for candidate in row["candidates"] for name in candidate
    }
    assert not names & {"usage", "calls", "cached_calls", "seconds", "usd", "paid_usd", "tokens", "at", "path", "place"}


def test_a_trace_stands_before_its_line_and_ends_with_what_was_used(tmp_path: Path) -> None:
    bench(tmp_path / "run", plan_of(ScriptedExpert(doubled)), cases(3))
    by_problem = {
        f"toy/{i}": [row for row in traced(tmp_path / "run") if row["problem"] == f"toy/{i}"] for i in range(3)
    }
    for events in by_problem.values():
        assert [event["kind"] for event in events][-2:] == ["stop", "usage"]
        assert events[-1]["usage"]["calls"] == 1


class TestStreaming:
    def test_the_set_is_read_no_further_than_there_is_room(self, tmp_path: Path) -> None:
        read: list[int] = []

        def counted() -> Iterator[Case]:
            for i, case in enumerate(cases(200)):
                read.append(i)
                yield case

        ahead: list[int] = []
        bench(
            tmp_path / "run",
            plan_of(ScriptedExpert(doubled), concurrency=4),
            counted(),
            Watcher(lambda work: ahead.append(len(read) - work.lines)),
        )
        assert len(read) == 200
        assert max(ahead) <= 5

    def test_a_resumed_run_that_has_little_to_do_still_lets_others_run(self, tmp_path: Path) -> None:
        plan = plan_of(ScriptedExpert(doubled))
        bench(tmp_path / "run", plan, cases(1000))
        watcher = Watcher()
        bench(tmp_path / "run", plan, cases(1000), watcher)
        assert watcher.looks >= 10


def test_results_of_a_run_can_be_read_as_json_lines_while_it_runs(tmp_path: Path) -> None:
    seen: list[int] = []

    def act(work: Bench) -> None:
        text = (tmp_path / "run" / "results.jsonl").read_text()
        assert text == "" or text.endswith("\n")
        seen.append(len([json.loads(line) for line in text.splitlines()]))

    bench(tmp_path / "run", plan_of(ScriptedExpert(doubled), concurrency=2), cases(30), Watcher(act))
    assert max(seen) > 5


def test_a_failure_of_the_connection_that_passes_leaves_no_mark_on_the_lines(tmp_path: Path) -> None:
    calm, rough = ScriptedExpert(doubled), ScriptedExpert(doubled, failures={0: ConnectionLost("reset")})
    bench(tmp_path / "calm", plan_of(calm, strategies=(VOTE,)), cases(3))
    bench(tmp_path / "rough", plan_of(rough, strategies=(VOTE,)), cases(3))
    assert lines(tmp_path / "calm") == lines(tmp_path / "rough")
